"""What a capture is asked to do, checked before any work starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..rigs.errors import NotAvailableError, UsageError
from .clip_checks import FOCALS_PX
from .motion.calibration_take import CalibrationSettings
from .motion.calibration_weights import load_weights
from .motion.calming import FILTERS
from .motion.feet import MODES
from .motion.refining import REFINEMENTS
from .motion.stack import GROUNDS, MotionSettings

ESTIMATORS = ("landmarks", "hand4whole", "pose2pose", "i2l-meshnet")
FORMATS = ("npz", "fbx", "glb", "bvh", "usd")
ROOTS = ("fit", "rootnet")
DEVICES = ("auto", "cpu", "cuda", "mps")
AVAILABLE_FORMATS = ("npz", "fbx")
MAX_PERSON_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class CaptureSettings:
    """One capture: footage in, a folder of results out.

    formats None means the default: npz, and fbx where a Blender is at hand. fov_deg is the
    horizontal field of view; with neither it nor focal_px the footage's metadata decide, then
    the image diagonal. models, checkpoints (part to file), device, exact and half are for the
    research networks, root says what places people: the fit to their landmarks or RootNet.
    After every chunk_frames frames everything seen is on disk. Raises UsageError on what makes
    no sense.
    """

    footage: Path
    out: Path
    person: str = "largest"
    estimator: str = "landmarks"
    start: int | None = None
    end: int | None = None
    fov_deg: float | None = None
    focal_px: float | None = None
    formats: tuple[str, ...] | None = None
    overwrite: bool = False
    resume: bool = False
    blender: Path | None = None
    models: Path | None = None
    checkpoints: Mapping[str, Path] = field(default_factory=dict[str, Path])
    device: str = "auto"
    exact: bool = False
    half: bool = False
    root: str = "fit"
    motion: MotionSettings = field(default_factory=MotionSettings)
    chunk_frames: int = 128

    def __post_init__(self) -> None:
        check_motion(self.motion, command="capture")
        _require(self.start is None or self.start >= 0, "--start", "0 or more", str(self.start))
        first = self.start or 0
        _require(self.end is None or self.end > first, "--end", f"more than {first}", str(self.end))
        _require(
            self.fov_deg is None or 1.0 <= self.fov_deg <= 179.0,
            "--fov",
            "1 to 179 degrees",
            str(self.fov_deg),
        )
        _require(
            self.focal_px is None or FOCALS_PX[0] <= self.focal_px <= FOCALS_PX[1],
            "--focal",
            f"a length of {FOCALS_PX[0]:g} to {FOCALS_PX[1]:g} px",
            str(self.focal_px),
        )
        _require(
            self.fov_deg is None or self.focal_px is None,
            "the lens",
            "--fov or --focal",
            "both",
        )
        _require(not (self.exact and self.half), "the precision", "--exact or --half", "both")
        both = self.resume and self.overwrite
        _require(not both, "an earlier capture", "--resume or --overwrite", "both")
        self._check_choices()

    def _check_choices(self) -> None:
        _require(self.estimator in ESTIMATORS, "--estimator", ", ".join(ESTIMATORS), self.estimator)
        _require(self.root in ROOTS, "--root", ", ".join(ROOTS), self.root)
        _require(
            self.motion.calibration.target == "none" or self.estimator != "landmarks",
            "--calibrate",
            "a research network as --estimator",
            self.estimator,
        )
        _require(self.device in DEVICES, "--device", ", ".join(DEVICES), self.device)
        for name in self.formats or ():
            _choose("--formats", name, FORMATS, AVAILABLE_FORMATS)
        named = self.person in ("largest", "all")
        number = self.person.isdecimal() and len(self.person) <= MAX_PERSON_DIGITS
        expected = "largest, all or a number"
        _require(named or number, "--person", expected, repr(self.person))

    @property
    def wanted_formats(self) -> tuple[str, ...]:
        """The formats to write, npz always among them."""
        return ("npz", *(f for f in self.formats or ("fbx",) if f != "npz"))


def check_motion(motion: MotionSettings, *, command: str) -> None:
    """Raise UsageError, which names the option and the command to ask for help, or return."""
    for option, strength in (("--smooth", motion.smooth), ("--hands", motion.hands)):
        _require(0.0 <= strength <= 1.0, option, "0 to 1", str(strength), command)
    for option, value, known in (
        ("--filter", motion.filter, tuple(FILTERS)),
        ("--feet", motion.feet, MODES),
        ("--ground", motion.ground, GROUNDS),
        ("--refine", motion.refine, REFINEMENTS),
    ):
        _require(value in known, option, ", ".join(known), repr(value), command)


def calibration_settings(target: str, weights: Path | None) -> CalibrationSettings:
    """The settings of --calibrate and --calibration-weights.

    Raises UsageError for weights without a calibration, ModelFileError for unusable ones.
    """
    if weights is None:
        return CalibrationSettings(target=target)
    wanted = "--calibrate parallel or serial"
    _require(target != "none", "--calibration-weights", wanted, f"--calibrate {target}")
    return CalibrationSettings(target=target, weights=load_weights(weights))


def _require(holds: bool, what: str, expected: str, actual: str, command: str = "capture") -> None:
    if not holds:
        raise UsageError(
            f"{what} makes no sense",
            expected=expected,
            actual=actual,
            next_step=f"run pose2rig {command} --help",
        )


def _choose(option: str, value: str, known: tuple[str, ...], available: tuple[str, ...]) -> None:
    _require(value in known, option, ", ".join(known), repr(value))
    if value not in available:
        raise NotAvailableError(
            f"{option} {value} is not available in this version",
            expected=", ".join(available),
            actual=value,
            next_step=f"use {option} {available[0]}",
        )
