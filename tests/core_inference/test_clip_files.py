"""Clip files and raw takes written and read: whole, and as the work of strangers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.array_file import MAX_GAP_FRAMES, load_arrays
from pose2rig.core_inference.clip import (
    Clip,
    EstimatedPose,
    RawTake,
    load_clip,
    load_raw_take,
    replaced,
    save_clip,
    save_raw_take,
)
from pose2rig.rigs.errors import ClipFileError, OutputError

from .conftest import Files
from .running import files_under


def test_a_clip_comes_back_as_it_was_saved(known_files: Files, tmp_path: Path) -> None:
    clip = load_clip(known_files.clip)
    save_clip(tmp_path / "again.npz", clip)
    assert files_under(tmp_path)["again.npz"] == files_under(known_files.clip.parent)["clip.npz"]


def test_a_raw_take_comes_back_as_it_was_saved(known_files: Files, tmp_path: Path) -> None:
    save_raw_take(tmp_path / "again.npz", load_raw_take(known_files.raw))
    assert files_under(tmp_path)["again.npz"] == files_under(known_files.raw.parent)["raw.npz"]


def test_a_root_that_a_network_saw_comes_back_and_another_take_has_none(
    known_files: Files, tmp_path: Path
) -> None:
    take = load_raw_take(known_files.raw)
    assert take.camera_root is None
    root = np.arange(3 * len(take.frame_index), dtype=np.float32).reshape(-1, 3)
    save_raw_take(tmp_path / "rooted.npz", replace(take, camera_root=root))
    again = load_raw_take(tmp_path / "rooted.npz")
    assert again.camera_root is not None
    np.testing.assert_array_equal(again.camera_root, root)
    with pytest.raises(ClipFileError, match="camera_root has the wrong shape"):
        replace(take, camera_root=root[1:])


def test_replacing_an_array_checks_its_shape(known_files: Files) -> None:
    clip = load_clip(known_files.clip)
    moved = replaced(clip, trans=clip.trans + 1)
    np.testing.assert_array_equal(moved.trans, clip.trans + 1)
    assert moved.poses is clip.poses
    with pytest.raises(ClipFileError, match="trans has the wrong shape; expected"):
        replaced(clip, trans=clip.trans[:, :2])


def test_a_folder_that_cannot_be_written_is_an_output_error(
    known_files: Files, tmp_path: Path
) -> None:
    clip = load_clip(known_files.clip)
    (tmp_path / "file").write_text("text", encoding="utf-8")
    with pytest.raises(OutputError, match=r"cannot write clip\.npz; expected"):
        save_clip(tmp_path / "file" / "clip.npz", clip)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(OutputError):
        save_clip(tmp_path / "folder.npz", clip)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.npz"]


@pytest.mark.parametrize("name", ["poses", "joints2d", "vertices", "face_shapes"])
def test_a_clip_that_is_not_finite_is_never_written(
    known_files: Files, tmp_path: Path, name: str
) -> None:
    clip = load_clip(known_files.clip)
    count = len(clip.frame_index)
    wide = {"vertices": (count, 4, 3), "face_shapes": (count, 52)}
    given = getattr(clip, name)
    array = np.zeros(wide[name] if given is None else given.shape, np.float32)
    array[3] = np.nan
    with pytest.raises(ClipFileError, match=f"{name} is not usable; expected finite"):
        save_clip(tmp_path / "clip.npz", replaced(clip, **{name: array}))
    assert not list(tmp_path.iterdir())


# --- files from strangers ----------------------------------------------------------------------


def rewritten(source: Path, target: Path, changes: dict[str, Any], without: str = "") -> Path:
    """Copy a file's arrays with some replaced and one left out."""
    arrays: dict[str, Any] = {k: v for k, v in load_arrays(source).items() if k != without}
    np.savez(target, **{**arrays, **changes})
    return target


LOADERS: list[tuple[str, Callable[[Path], Clip | RawTake]]] = [
    ("clip", load_clip),
    ("raw", load_raw_take),
]


@pytest.mark.parametrize(("kind", "load"), LOADERS)
@pytest.mark.parametrize("name", ["scores", "frame_index", "focal", "provenance", "schema_version"])
def test_a_missing_key_is_named(
    known_files: Files, tmp_path: Path, kind: str, load: Callable[[Path], object], name: str
) -> None:
    path = rewritten(getattr(known_files, kind), tmp_path / "less.npz", {}, without=name)
    with pytest.raises(ClipFileError, match=rf"less\.npz: {name} is not usable"):
        load(path)


WRONG: list[tuple[str, Any]] = [
    ("schema_version", np.int64(2)),
    ("schema_version", np.zeros(3)),
    ("scores", np.array(["a", "b"])),
    ("scores", np.full((84, 55), np.nan)),
    ("scores", np.full((84, 55), 1e300)),
    ("scores", np.zeros((84, 54))),
    ("time_s", np.array(["soon"] * 84)),
    ("time_s", np.zeros(84)),
    ("frame_index", np.arange(84)[::-1]),
    ("frame_index", np.arange(84) * 10**9),
    ("frame_index", np.linspace(0.0, 1.0, 84)),
    ("image_size", np.array([640])),
    ("image_size", np.array(["wide", "high"])),
    ("focal", np.float64(500.0)),
    ("mocap_frame_rate", np.float64(0.0)),
    ("mocap_frame_rate", np.array([30.0, 30.0])),
    ("mocap_frame_rate", np.float64(np.inf)),
    ("provenance", np.str_("{")),
    ("provenance", np.str_("[1]")),
    ("provenance", np.str_("[" * 100_000)),
    ("provenance", np.zeros(3)),
]


@pytest.mark.parametrize(("kind", "load"), LOADERS)
@pytest.mark.parametrize(("name", "value"), WRONG)
def test_an_unusable_value_is_one_clear_error(
    known_files: Files,
    tmp_path: Path,
    kind: str,
    load: Callable[[Path], object],
    name: str,
    value: object,
) -> None:
    path = rewritten(getattr(known_files, kind), tmp_path / "odd.npz", {name: value})
    with pytest.raises(ClipFileError) as caught:
        load(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_without_rows_is_refused(known_files: Files, tmp_path: Path) -> None:
    arrays = load_arrays(known_files.raw)
    count = len(arrays["frame_index"])
    empty = {k: v[:0] for k, v in arrays.items() if v.ndim and len(v) == count}
    with pytest.raises(ClipFileError, match="no row"):
        load_raw_take(rewritten(known_files.raw, tmp_path / "empty.npz", empty))


@pytest.mark.parametrize(
    "content",
    [b"", b"no npz at all", b"PK\x03\x04 half a zip", b"\x93NUMPY\x01\x00", b"\x80\x04K\x01."],
)
def test_what_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.npz"
    path.write_bytes(content)
    with pytest.raises(ClipFileError, match=r"cannot read clip\.npz"):
        load_clip(path)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.npz", tmp_path):
        with pytest.raises(ClipFileError, match="cannot read"):
            load_clip(path)


class _Trap:
    """What a pickle would call on loading."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._mark,)


def test_nothing_in_a_file_is_executed(known_files: Files, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    trap = np.array([_Trap(mark)], dtype=object)
    path = rewritten(known_files.clip, tmp_path / "trap.npz", {"poses": trap})
    with pytest.raises(ClipFileError, match="cannot read"):
        load_clip(path)
    assert not mark.exists()


def test_damaged_files_either_load_or_are_refused(known_files: Files, tmp_path: Path) -> None:
    """Bytes changed, cut off, or packed and then changed: nothing but ClipFileError."""
    generator = np.random.default_rng(9)
    packed = tmp_path / "packed.npz"
    np.savez_compressed(packed, **load_arrays(known_files.clip))
    refused = 0
    for source in (known_files.clip, packed):
        whole = np.frombuffer(source.read_bytes(), np.uint8)
        for round_number in range(40):
            damaged = whole.copy()
            where = generator.integers(0, len(whole), size=1 + 4 * (round_number % 8))
            damaged[where] = generator.integers(0, 256, size=len(where))
            length = len(whole) if round_number % 4 else int(generator.integers(1, len(whole)))
            path = tmp_path / "damaged.npz"
            path.write_bytes(damaged[:length].tobytes())
            try:
                load_clip(path)
            except ClipFileError:
                refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("focal", np.zeros(2, np.float32)),
        ("focal", np.full(2, -900.0, np.float32)),
        ("focal", np.zeros(0, np.float32)),
        ("mocap_frame_rate", np.float64(1e30)),
        ("mocap_frame_rate", np.float64(0.0)),
        ("image_size", np.array([1920.5, 1080.0], np.float32)),
    ],
)
def test_a_raw_take_with_an_absurd_lens_or_rate_is_refused(
    tmp_path: Path, known_files: Files, key: str, value: NDArray[Any]
) -> None:
    path = tmp_path / "take.npz"
    arrays = load_arrays(known_files.raw)
    np.savez(path, **{**arrays, key: value})
    with pytest.raises(ClipFileError, match=key):
        load_raw_take(path)


def test_rows_hours_apart_are_refused(known_files: Files) -> None:
    """Two rows must not make the solver fill a million frames."""
    take = load_raw_take(known_files.raw)
    frames = take.frame_index.copy()
    frames[-1] += MAX_GAP_FRAMES + 1
    with pytest.raises(ClipFileError, match="rows"):
        replace(take, frame_index=frames)


# --- takes that hold rotations, and meshes -----------------------------------------------------


def estimated(take: RawTake, vertices: int | None = 7) -> RawTake:
    """The take as an estimator of rotations and meshes, without landmarks, would give it."""
    random = np.random.default_rng(10)
    count = len(take.frame_index)

    def numbers(*shape: int) -> NDArray[np.float32]:
        return random.normal(size=shape).astype(np.float32)

    pose = EstimatedPose(
        poses=numbers(count, 165),
        trans=numbers(count, 3),
        rest_joints=numbers(55, 3),
        betas=numbers(10),
        frame_betas=numbers(count, 10),
        expression=numbers(count, 10),
        body_model="smplx",
        vertices=None if vertices is None else numbers(count, vertices, 3),
    )
    nothing = {
        "landmarks2d": np.zeros((count, 0, 2), np.float32),
        "landmarks3d": np.zeros((count, 0, 3), np.float32),
        "landmark_scores": np.zeros((count, 0), np.float32),
    }
    return replace(take, **nothing, landmark_names=(), pose=pose)


@pytest.mark.parametrize("vertices", [7, None])
def test_a_take_with_rotations_comes_back_as_it_was_saved(
    known_files: Files, tmp_path: Path, vertices: int | None
) -> None:
    take = estimated(load_raw_take(known_files.raw), vertices)
    save_raw_take(tmp_path / "raw.npz", take)
    again = load_raw_take(tmp_path / "raw.npz")
    assert again.pose is not None
    assert take.pose is not None
    for name, array in vars(take.pose).items():
        np.testing.assert_array_equal(getattr(again.pose, name), array, err_msg=name)
    assert again.landmark_names == ()
    assert again.landmarks2d.shape == (len(take.frame_index), 0, 2)
    save_raw_take(tmp_path / "again.npz", again)
    assert len(set(files_under(tmp_path).values())) == 1


def test_a_take_with_rotations_has_the_clips_keys(known_files: Files, tmp_path: Path) -> None:
    take = estimated(load_raw_take(known_files.raw))
    save_raw_take(tmp_path / "raw.npz", take)
    arrays, clip = load_arrays(tmp_path / "raw.npz"), load_arrays(known_files.clip)
    assert set(clip) - {"face_shapes"} <= set(arrays)
    assert str(arrays["body_model"]) == "smplx"
    assert {arrays[name].dtype for name in ("poses", "frame_betas", "vertices", "joints")} == {
        np.dtype(np.float32)
    }
    pelvis = arrays["trans"] + arrays["rest_joints"][0]
    np.testing.assert_allclose(arrays["joints"][:, 0], pelvis, atol=1e-6)


def test_a_clips_mesh_comes_back_as_it_was_saved(known_files: Files, tmp_path: Path) -> None:
    clip = load_clip(known_files.clip)
    assert clip.vertices is None
    assert "vertices" not in load_arrays(known_files.clip)
    mesh = np.random.default_rng(11).normal(size=(len(clip.time_s), 5, 3)).astype(np.float32)
    save_clip(tmp_path / "clip.npz", replaced(clip, vertices=mesh))
    again = load_clip(tmp_path / "clip.npz").vertices
    assert again is not None
    np.testing.assert_array_equal(again, mesh)


@pytest.mark.parametrize(
    "mesh",
    [
        np.zeros((3, 5, 3), np.float32),
        np.zeros((90, 5, 2), np.float32),
        np.zeros((90, 0, 3), np.float32),
        np.zeros((90, 5), np.float32),
        np.full((90, 5, 3), np.nan, np.float32),
        np.zeros((90, 5, 3), np.int64),
    ],
)
def test_a_mesh_of_another_shape_or_without_numbers_is_refused(
    known_files: Files, tmp_path: Path, mesh: NDArray[Any]
) -> None:
    clip = load_clip(known_files.clip)
    assert len(clip.time_s) == 90
    path = rewritten(known_files.clip, tmp_path / "clip.npz", {"vertices": mesh})
    with pytest.raises(ClipFileError, match="vertices"):
        load_clip(path)


def test_few_rows_far_apart_cannot_ask_for_a_mesh_without_bounds(known_files: Files) -> None:
    """Every frame between the first and the last would get one."""
    take = estimated(load_raw_take(known_files.raw), 10_000)
    assert take.pose is not None
    frames = take.frame_index.copy()
    frames[-1] += MAX_GAP_FRAMES - 1
    with pytest.raises(ClipFileError, match="vertices is too large"):
        replace(take, frame_index=frames)
    replace(take, frame_index=frames, pose=replace(take.pose, vertices=None))


def test_a_pose_of_another_length_or_an_unknown_body_is_refused(known_files: Files) -> None:
    take = estimated(load_raw_take(known_files.raw))
    assert take.pose is not None
    with pytest.raises(ClipFileError, match="poses has the wrong shape"):
        replace(take, pose=replace(take.pose, **{n: getattr(take.pose, n)[1:] for n in ROWS}))
    with pytest.raises(ClipFileError, match="body_model is unknown"):
        replace(take.pose, body_model="smpl")


ROWS = ("poses", "trans", "frame_betas", "expression", "vertices")


def test_a_raw_take_is_no_clip_and_a_clip_no_raw_take(known_files: Files, tmp_path: Path) -> None:
    """Each says what it is and what to do; also where the take has all of a clip's keys."""
    save_raw_take(tmp_path / "posed.npz", estimated(load_raw_take(known_files.raw)))
    for path in (known_files.raw, tmp_path / "posed.npz"):
        with pytest.raises(ClipFileError, match=f"{path.name} is a raw take") as caught:
            load_clip(path)
        assert caught.value.next_step == "make a clip of it with pose2rig process"
    with pytest.raises(ClipFileError, match=r"clip\.npz is a clip; .*raw/person_<id>\.npz"):
        load_raw_take(known_files.clip)


def test_a_clips_face_comes_back_as_it_was_saved(known_files: Files, tmp_path: Path) -> None:
    clip = load_clip(known_files.clip)
    shapes = np.random.default_rng(2).random((len(clip.frame_index), 52), dtype=np.float32)
    save_clip(tmp_path / "faced.npz", replaced(clip, face_shapes=shapes))
    again = load_clip(tmp_path / "faced.npz").face_shapes
    assert again is not None
    np.testing.assert_array_equal(again, shapes)
    save_clip(tmp_path / "faceless.npz", replaced(clip, face_shapes=None))
    assert "face_shapes" not in load_arrays(tmp_path / "faceless.npz")
    assert load_clip(tmp_path / "faceless.npz").face_shapes is None
    with pytest.raises(ClipFileError, match="face_shapes"):
        replaced(clip, face_shapes=shapes[:, :51])


@pytest.mark.parametrize("focal_px", [0.0, -1.0, 1e-30, 1e30, np.nan])
def test_a_focal_length_that_no_lens_has_is_refused(known_files: Files, focal_px: float) -> None:
    with pytest.raises(ClipFileError, match="focal is not usable"):
        replace(load_raw_take(known_files.raw), focal_px=focal_px)


@pytest.mark.parametrize("name", ["landmarks3d", "camera_root", "camera_place"])
def test_places_out_of_the_world_are_refused(known_files: Files, name: str) -> None:
    take = load_raw_take(known_files.raw)
    rows = len(take.frame_index)
    shapes = {"landmarks3d": take.landmarks3d.shape, "camera_root": (rows, 3)}
    far = np.full(shapes.get(name, (rows, 2)), -1e10, np.float32)
    with pytest.raises(ClipFileError, match=f"{name} is not usable"):
        replace(take, **{name: far})


def test_bodies_that_cannot_be_posed_are_refused(known_files: Files) -> None:
    pose = estimated(load_raw_take(known_files.raw), None).pose
    assert pose is not None
    rest = pose.rest_joints
    short = rest.copy()
    short[5] = short[2]
    for wrong in (np.zeros_like(rest), 1e5 * rest, short):
        with pytest.raises(ClipFileError, match="rest_joints is not usable"):
            replace(pose, rest_joints=wrong)
    with pytest.raises(ClipFileError, match="trans is not usable"):
        replace(pose, trans=1e10 * pose.trans)
