"""The papers' estimators from the command line to the files, on real footage.

The networks' weights follow a rule and the body models hold our own numbers: the motion is
meaningless, and nothing here judges it. Files, shapes, units and what follows from what are real.
"""

import hashlib
import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import EstimatedPose, load_clip, load_raw_take
from pose2rig.core_inference.licensed_body import LICENCE_NOTE, load_licensed_body
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import joint_positions, world_rotations

from ..research_models import CHECKPOINTS, write_bodies, write_checkpoint
from .running import Ended, files_under, pose2rig
from .test_pipeline import PEOPLE_KEYS, SECONDS_KEYS

pytestmark = pytest.mark.slow

Arrays = dict[str, NDArray[Any]]

FRAMES = 4
AS_SAID = MotionSettings(smooth=0.0, hands=0.0, feet="never", ground="off", refine="never")
HAS_BLENDER = importlib.util.find_spec("bpy") is not None
FORMATS = "npz,fbx" if HAS_BLENDER else "npz"

PARTS = {
    "hand4whole": ("hand4whole",),
    "pose2pose": ("pose2pose_body", "pose2pose_hand", "pose2pose_face"),
    "i2l-meshnet": ("i2l_meshnet_body", "rootnet"),
}
BODIES = {
    "hand4whole": ("smplx",),
    "pose2pose": ("smplx",),
    "i2l-meshnet": ("smplx", "smpl"),
}
OPTIONS = {"hand4whole": (), "pose2pose": ("--exact",), "i2l-meshnet": ("--device", "cpu")}


@dataclass(frozen=True, kw_only=True)
class Capture:
    """A capture with one estimator: its options, how it ended, and what it wrote."""

    estimator: str
    models: Path
    out: Path
    end: Ended

    @property
    def clip(self) -> Path:
        return self.out / "person_0.npz"

    @property
    def raw(self) -> Path:
        return self.out / "raw" / "person_0.npz"

    def arrays(self) -> Arrays:
        """The clip as any program reads it."""
        with np.load(self.clip, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    def pose(self) -> EstimatedPose:
        pose = load_raw_take(self.raw).pose
        assert pose is not None
        return pose


@pytest.fixture(scope="module")
def footage(repository_dir: Path, demo_video: Path) -> Path:
    """A real clip, the bundled one where there is no other."""
    real = repository_dir.parent / "shared" / "footage" / "video" / "juggle_fullbody_static.mp4"
    return real if real.is_file() else demo_video


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for parts in PARTS.values():
        for part in parts:
            write_checkpoint(folder, part)
    write_bodies(folder)
    return folder


@pytest.fixture(scope="module", params=list(PARTS))
def capture(
    request: pytest.FixtureRequest,
    footage: Path,
    models: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Capture:
    """A few frames captured with each estimator."""
    name: str = request.param
    out = tmp_path_factory.mktemp(name) / "out"
    options = ("--estimator", name, "--models", models, "--end", FRAMES, "--formats", FORMATS)
    end = pose2rig("capture", footage, "--out", out, *options, *OPTIONS[name])
    return Capture(estimator=name, models=models, out=out, end=end)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- what is written ---------------------------------------------------------------------------


def test_it_ends_well_and_writes_the_contracts_files(capture: Capture) -> None:
    assert capture.end.status == 0, capture.end.err
    assert capture.end.errors == []
    fbx = ["person_0.fbx"] if HAS_BLENDER else []
    assert sorted(files_under(capture.out)) == [
        *fbx,
        "person_0.npz",
        "raw/person_0.jpg",
        "raw/person_0.npz",
        "report.json",
    ]
    if HAS_BLENDER:
        assert (capture.out / "person_0.fbx").read_bytes().startswith(b"Kaydara FBX Binary")


def test_the_licences_are_told_before_the_first_frame_and_once(capture: Capture) -> None:
    warnings = capture.end.warnings
    assert warnings[1] == LICENCE_NOTE
    assert "non-commercial research" in warnings[0]
    assert warnings.count(LICENCE_NOTE) == 1
    assert not any("mean pose" in warning or "RootNet in" in warning for warning in warnings)


def test_the_report_is_complete(capture: Capture) -> None:
    report = json.loads((capture.out / "report.json").read_text(encoding="utf-8"))
    assert set(report["people"]["0"]) == PEOPLE_KEYS
    assert report["people"]["0"]["frames"] == FRAMES
    figures = report["people"]["0"]
    before = figures.pop("before")
    assert all(np.isfinite(value) for value in (*figures.values(), *before.values()))
    assert set(report["seconds"]) == SECONDS_KEYS
    assert report["seconds"]["estimate"] > 0.0
    assert [w["code"] for w in report["warnings"]][:2] == ["licence", "licence"]


def test_the_provenance_names_every_file_by_its_hash(capture: Capture) -> None:
    for path in (capture.clip, capture.raw):
        with np.load(path, allow_pickle=False) as archive:
            provenance = json.loads(str(archive["provenance"]))
        assert provenance["estimator"] == capture.estimator
        assert provenance["settings"]["exact"] == (capture.estimator == "pose2pose")
        hashes = dict(word.split(":") for word in provenance["weights_sha256"].split())
        places = {part: CHECKPOINTS[part] for part in PARTS[capture.estimator]}
        places |= {body: f"{body}/{body.upper()}_NEUTRAL.npz" for body in BODIES[capture.estimator]}
        landmarks = hashes.pop("landmarks")
        assert len(landmarks) == 64
        assert hashes == {part: sha256(capture.models / at) for part, at in places.items()}
        for words in (LICENCE_NOTE, "MediaPipe", "non-commercial"):
            assert words in provenance["licence_note"]


# --- what it means -----------------------------------------------------------------------------


def test_the_clip_has_the_contracts_arrays_and_they_are_numbers(capture: Capture) -> None:
    arrays = capture.arrays()
    shapes = {
        "poses": (FRAMES, 165),
        "trans": (FRAMES, 3),
        "betas": (10,),
        "open_betas": (10,),
        "rest_joints": (55, 3),
        "expression": (FRAMES, 10),
        "joints": (FRAMES, 55, 3),
        "joints2d": (FRAMES, 55, 2),
        "scores": (FRAMES, 55),
        "contacts": (FRAMES, 4),
    }
    for name, shape in shapes.items():
        assert arrays[name].shape == shape, name
        assert arrays[name].dtype == np.float32, name
        assert np.isfinite(arrays[name]).all(), name
    assert arrays["frame_index"].tolist() == list(range(FRAMES))
    assert arrays["tracked"].all()
    assert (arrays["scores"][:, :22] > 0.0).all()  # fingers that no network saw score 0
    assert (arrays["scores"] >= 0.0).all() and (arrays["scores"] <= 1.0).all()
    assert str(arrays["body_model"]) == "smplx"
    assert load_clip(capture.clip).frame_rate > 0


def test_joints_follow_from_the_rotations_and_pixels_from_the_joints(capture: Capture) -> None:
    arrays = capture.arrays()
    rotations = arrays["poses"].astype(np.float64).reshape(-1, 55, 3)
    joints = joint_positions(
        world_rotations(matrix_from_axis_angle(rotations)),
        arrays["rest_joints"].astype(np.float64),
        arrays["trans"].astype(np.float64),
    )
    np.testing.assert_allclose(arrays["joints"], joints, atol=1e-4)
    pelvis = arrays["trans"] + arrays["rest_joints"][0]
    np.testing.assert_allclose(arrays["joints"][:, 0], pelvis, atol=1e-4)
    camera = joints @ arrays["camera_rotation"].T + arrays["camera_translation"]
    pixels = camera[..., :2] / camera[..., 2:] * arrays["focal"] + arrays["principal_point"]
    # Where a meaningless limb touches the camera's plane, a micrometre is many pixels.
    is_ahead = np.abs(camera[..., 2]) > 0.1
    assert is_ahead.mean() > 0.8
    np.testing.assert_allclose(arrays["joints2d"][is_ahead], pixels[is_ahead], atol=0.5)


def test_the_shape_is_that_of_the_users_own_body_model(capture: Capture) -> None:
    arrays = capture.arrays()
    body = load_licensed_body(capture.models / "smplx" / "SMPLX_NEUTRAL.npz")
    betas = arrays["betas"].astype(np.float64)
    np.testing.assert_allclose(arrays["rest_joints"], body.rest_joints(betas), atol=1e-5)
    assert betas.any() == (capture.estimator == "hand4whole")
    assert not arrays["open_betas"].any()
    assert bool(arrays["expression"].any()) == (capture.estimator != "i2l-meshnet")


def test_the_raw_take_keeps_what_the_networks_said(capture: Capture) -> None:
    raw, pose = load_raw_take(capture.raw), capture.pose()
    assert raw.frame_index.tolist() == list(range(FRAMES))
    assert pose.poses.shape == (FRAMES, 165)
    assert pose.body_model == "smplx"
    assert len(raw.landmark_names) == 553
    assert raw.landmark_scores.max() > 0.5
    with np.load(capture.raw, allow_pickle=False) as archive:
        np.testing.assert_allclose(archive["joints"], pose.joints(), atol=1e-5)


def test_i2l_meshnets_mesh_is_kept_with_its_person(capture: Capture) -> None:
    raw, clip = capture.pose().vertices, load_clip(capture.clip)
    if capture.estimator != "i2l-meshnet":
        assert (raw, clip.vertices) == (None, None)
        return
    assert raw is not None
    assert clip.vertices is not None
    assert raw.shape == clip.vertices.shape == (FRAMES, 6890, 3)
    assert np.isfinite(clip.vertices).all()
    own_pelvis = capture.pose().trans + capture.pose().rest_joints[0]
    said = process(load_raw_take(capture.raw), load_open_body(), AS_SAID)
    assert said.vertices is not None
    np.testing.assert_allclose(
        said.vertices - said.joints[:, :1], raw - own_pelvis[:, None], atol=1e-3
    )


# --- the default -------------------------------------------------------------------------------


def test_the_default_estimator_imports_nothing_of_the_research_networks(
    person_video: Path, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from pose2rig.core_inference.__main__ import main\n"
        "status = main(sys.argv[1:])\n"
        "print('\\n'.join(sys.modules))\n"
        "sys.exit(status)"
    )
    options = ("--out", tmp_path / "out", "--formats", "npz", "--end", 12)
    done = subprocess.run(
        [sys.executable, "-c", code, "capture", str(person_video), *map(str, options)],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    modules = set(done.stdout.split())
    assert (tmp_path / "out" / "person_0.npz").is_file()
    assert "pose2rig.core_inference.motion.solve" in modules
    assert not modules & {"torch", "smplx", "openvino"}
    ours = {name for name in modules if name.startswith("pose2rig.")}
    for part in ("networks", "training", "estimators.research", "estimators.running"):
        assert not any(n.startswith(f"pose2rig.core_inference.{part}") for n in ours), part


# --- again -------------------------------------------------------------------------------------


def test_processing_the_raw_take_gives_the_captures_clip_without_torch(
    capture: Capture, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "sys.modules.update(torch=None, smplx=None, mediapipe=None)\n"
        "from pose2rig.core_inference.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    out = tmp_path / "again.npz"
    done = subprocess.run(
        [sys.executable, "-c", code, "process", str(capture.raw), "--out", str(out)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == capture.clip.read_bytes()
