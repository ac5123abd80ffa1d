"""The user's folder of licensed models: which files are known, where they lie, where to get them.

The folder is only read, and nothing in it is executed. This module needs neither torch nor smplx.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from ...rigs.errors import ModelFileError, UsageError
from ..licensed_body import MANO_LAYOUT, SMPL_LAYOUT, SMPLX_LAYOUT
from ..licensed_files import ModelLayout

FOLDER_VARIABLE = "POSE2RIG_MODELS"
"""Environment variable that names the folder where --models is not given."""

_FLAME_LAYOUT = ModelLayout(
    model="FLAME",
    source="https://flame.is.tue.mpg.de",
    from_pickle="leave it out: no estimator needs it",
    arrays={"v_template": ("f", (5023, 3))},
)

_READ_BYTES = 1 << 20


class Licence(Enum):
    """The licences of the known files; the value is what a user must know of it."""

    MIT = (
        "MIT repository",
        "the repository allows commercial use; most training data are for research only, "
        "so ask the authors before you sell what the weights made",
    )
    MPI = (
        "Max Planck research licence",
        "non-commercial scientific research only: not for a film, a game or a service; "
        "commercial licences are sold by the owner",
    )

    def __init__(self, title: str, consequence: str) -> None:
        self.title = title
        self.consequence = consequence


@dataclass(frozen=True, kw_only=True)
class KnownFile:
    """A file that the folder may hold.

    patterns are relative to the folder: our own name first, then the authors'; networks are the
    names of networks/build.py whose weights it may carry. layout is what a body model's npz
    holds, and pickles are the patterns of the form that is refused.
    """

    part: str
    what: str
    patterns: tuple[str, ...]
    page: str
    licence: Licence
    networks: tuple[str, ...] = ()
    layout: ModelLayout | None = None
    pickles: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where the file belongs, relative to the folder."""
        return self.patterns[0]


def _network(part: str, what: str, patterns: tuple[str, ...], page: str) -> KnownFile:
    return KnownFile(
        part=part,
        what=what,
        patterns=patterns,
        page=page,
        licence=Licence.MIT,
        networks=("posenet_muco", "posenet_h36m") if part == "posenet" else (part,),
    )


def _body(
    part: str, what: str, layout: ModelLayout, names: tuple[str, ...], pickles: tuple[str, ...]
) -> KnownFile:
    return KnownFile(
        part=part,
        what=what,
        patterns=tuple(f"{part}/{name}" for name in names),
        page=layout.source.removeprefix("https://"),
        licence=Licence.MPI,
        layout=layout,
        pickles=tuple(f"{part}/{name}" for name in pickles),
    )


_HAND4WHOLE = "github.com/mks0601/Hand4Whole_RELEASE"
_POSE2POSE = "github.com/mks0601/Hand4Whole_RELEASE (branch Pose2Pose)"
_I2L = "github.com/mks0601/I2L-MeshNet_RELEASE"

KNOWN_FILES = (
    _network(
        "hand4whole",
        "Hand4Whole: body, hands and face",
        ("hand4whole/snapshot_6.pth.tar", "hand4whole/snapshot_*.pth.tar"),
        _HAND4WHOLE,
    ),
    _network(
        "pose2pose_body",
        "Pose2Pose: body",
        ("pose2pose/body.pth.tar", "pose2pose/snapshot_*_body.pth.tar"),
        _POSE2POSE,
    ),
    _network(
        "pose2pose_hand",
        "Pose2Pose: hands",
        ("pose2pose/hand.pth.tar", "pose2pose/snapshot_*_hand.pth.tar"),
        _POSE2POSE,
    ),
    _network(
        "pose2pose_face",
        "Pose2Pose: face",
        ("pose2pose/face.pth.tar", "pose2pose/snapshot_*_face.pth.tar"),
        _POSE2POSE,
    ),
    _network(
        "i2l_meshnet_body",
        "I2L-MeshNet: body",
        ("i2l_meshnet/body.pth.tar", "i2l_meshnet/snapshot_8.pth.tar"),
        _I2L,
    ),
    _network("i2l_meshnet_hand", "I2L-MeshNet: hand", ("i2l_meshnet/hand.pth.tar",), _I2L),
    _network(
        "rootnet",
        "RootNet: the distance to the camera",
        ("rootnet/*.pth.tar",),
        "github.com/mks0601/3DMPPE_ROOTNET_RELEASE",
    ),
    _network(
        "posenet",
        "PoseNet: joint positions",
        ("posenet/*.pth.tar",),
        "github.com/mks0601/3DMPPE_POSENET_RELEASE",
    ),
    KnownFile(
        part="vposer",
        what="VPoser: the body-pose prior",
        patterns=("vposer/TR00_E096.pt", "vposer_v1_0/snapshots/TR00_E096.pt"),
        page="smpl-x.is.tue.mpg.de",
        licence=Licence.MPI,
        networks=("vposer",),
    ),
    _body(
        "smplx",
        "SMPL-X: body with hands and face",
        SMPLX_LAYOUT,
        ("SMPLX_NEUTRAL.npz", "SMPLX_NEUTRAL_2020.npz"),
        ("SMPLX_NEUTRAL.pkl",),
    ),
    _body(
        "smpl",
        "SMPL: body",
        SMPL_LAYOUT,
        ("SMPL_NEUTRAL.npz",),
        ("SMPL_NEUTRAL.pkl", "basic[Mm]odel_neutral_lbs_10_207_0_v1.*.pkl"),
    ),
    _body("mano", "MANO: right hand", MANO_LAYOUT, ("MANO_RIGHT.npz",), ("MANO_RIGHT.pkl",)),
    _body(
        "flame",
        "FLAME: head",
        _FLAME_LAYOUT,
        ("FLAME_NEUTRAL.npz",),
        ("FLAME_NEUTRAL.pkl", "generic_model.pkl"),
    ),
)
_BY_PART = {known.part: known for known in KNOWN_FILES}
PARTS = tuple(_BY_PART)


@dataclass(frozen=True)
class ModelFolder:
    """Where the user's models lie: a folder, and single files named by --checkpoint.

    root None means `default_folder()`. Neither need exist until a file is asked for.
    """

    root: Path | None = None
    overrides: Mapping[str, Path] = field(default_factory=dict[str, Path])

    @property
    def folder(self) -> Path:
        """The folder in use."""
        return default_folder() if self.root is None else self.root

    def find(self, part: str) -> Path | None:
        """Return the file of a part, None where there is none.

        Raises ModelFileError for a pickled body model, for several candidates of which none has
        the exact name, and for a --checkpoint file that is not there.
        """
        known = _BY_PART[part]
        if part in self.overrides:
            return _given(known, self.overrides[part])
        for pattern in known.patterns:
            candidates = _files(self.folder, pattern)
            if len(candidates) > 1:
                raise _several(known, candidates)
            if candidates:
                return candidates[0]
        if known.layout is not None:
            for pattern in known.pickles:
                for pickled in _files(self.folder, pattern):
                    raise _pickled(pickled, known.layout)
        return None

    def require(self, part: str) -> Path:
        """Return the file of a part; raises ModelFileError that says where to get it."""
        found = self.find(part)
        if found is None:
            known = _BY_PART[part]
            raise ModelFileError(
                f"{known.what} is missing",
                expected=f"{known.place} in the model folder",
                actual=f"no such file in {self.folder}"
                if self.folder.is_dir()
                else f"no folder {self.folder}",
                next_step=f"get it from {known.page} (licence: {known.licence.title}), "
                "or name another folder: --models DIR, in Blender Models in the panel, for "
                f"training models = in its file; or give --checkpoint {part}=PATH",
            )
        return found


def default_folder() -> Path:
    """Return the folder in use without --models.

    It is the one that the environment variable POSE2RIG_MODELS names, else `pose2rig/models`
    in the platform's folder for user data: ~/.local/share (or XDG_DATA_HOME) on Linux,
    ~/Library/Application Support on macOS, %LOCALAPPDATA% on Windows.
    """
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named).expanduser()
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        home = "~/Library/Application Support"
    else:
        home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(home).expanduser() / "pose2rig" / "models"


def parse_overrides(options: Iterable[str]) -> dict[str, Path]:
    """Read the PART=PATH of every --checkpoint; raises UsageError on what makes no sense."""
    overrides: dict[str, Path] = {}
    for option in options:
        part, equals, path = option.partition("=")
        if not equals or not path:
            raise _usage(option, "PART=PATH, such as rootnet=weights/snapshot_18.pth.tar")
        if part not in _BY_PART:
            raise _usage(option, f"one of the parts {', '.join(PARTS)}")
        if part in overrides:
            raise _usage(option, f"one file for {part}")
        overrides[part] = Path(path).expanduser()
    return overrides


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file of any size; raises ModelFileError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                digest.update(block)
    except OSError as error:
        raise ModelFileError(
            f"cannot read {path.name}",
            expected="a readable file",
            actual=error.strerror or str(error),
            next_step="check its permissions and its disk",
        ) from error
    return digest.hexdigest()


def _files(folder: Path, pattern: str) -> list[Path]:
    """Files of a pattern by name; hidden ones (such as macOS' `._` companions) do not count."""
    found = [path for path in folder.glob(pattern) if not path.name.startswith(".")]
    return sorted(path for path in found if os.path.isfile(path))


def _given(known: KnownFile, path: Path) -> Path:
    if not os.path.isfile(path):
        raise ModelFileError(
            f"--checkpoint {known.part}={path} is not there",
            expected="a file",
            actual="a folder" if os.path.isdir(path) else "no such file",
            next_step=f"give the path of {known.what}",
        )
    if known.layout is not None and path.suffix.lower() == ".pkl":
        raise _pickled(path, known.layout)
    return path


def _epoch_order(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]{1,9}", path.name))


def _several(known: KnownFile, candidates: list[Path]) -> ModelFileError:
    """Snapshots of several data sets carry the same names, so the newest is no safe guess."""
    names = [path.name for path in sorted(candidates, key=_epoch_order)]
    return ModelFileError(
        f"the folder {candidates[0].parent.name} holds several files for {known.part}",
        expected="one",
        actual=f"{len(names)}: " + ", ".join(names[:4]) + (" ..." if len(names) > 4 else ""),
        next_step="keep one there, or on the command line choose with "
        f"--checkpoint {known.part}=PATH",
    )


def _pickled(path: Path, layout: ModelLayout) -> ModelFileError:
    return ModelFileError(
        f"{path.name} is a pickle, which can run any program when it is read",
        expected=f"the {layout.model} model as .npz",
        actual="a .pkl file",
        next_step=layout.from_pickle,
    )


def _usage(option: str, expected: str) -> UsageError:
    return UsageError(
        "--checkpoint makes no sense",
        expected=expected,
        actual=repr(option),
        next_step="run pose2rig doctor to see the known files",
    )
