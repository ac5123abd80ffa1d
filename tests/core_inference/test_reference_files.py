"""Reference files as strangers write them: every variant of AMASS and .trc, and hostile ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import save_arrays
from pose2rig.core_inference.references import (
    BodyShape,
    Reference,
    average_shape,
    load_reference,
)
from pose2rig.rigs.errors import ClipFileError

from .known_motions import AVERAGE
from .test_references import BVH, NAMES, bvh_text, markers_of, trc_text


@pytest.fixture(scope="module")
def shape() -> BodyShape:
    return average_shape(load_open_body())


def amass(path: Path, **changes: NDArray[Any] | None) -> Path:
    arrays: dict[str, NDArray[Any] | None] = {
        "poses": np.random.default_rng(1).normal(0.0, 0.3, (4, 165)),
        "trans": np.zeros((4, 3)),
        "mocap_frame_rate": np.array(120.0),
        **changes,
    }
    save_arrays(path, {name: array for name, array in arrays.items() if array is not None})
    return path


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"betas": np.ones(16), "gender": np.array("female")},
        {"gender": np.array(b"female"), "dmpls": np.zeros((4, 8))},
        {"mocap_frame_rate": None, "mocap_framerate": np.array(120.0)},
        {"mocap_frame_rate": np.array([120.0])},
        {"mocap_frame_rate": np.array(120)},
        {"poses": np.random.default_rng(1).normal(0.0, 0.3, (4, 165)).astype(np.float32)},
    ],
)
def test_amass_files_differ_and_mean_the_same(
    tmp_path: Path, shape: BodyShape, extra: dict[str, NDArray[Any] | None]
):
    plain = load_reference(amass(tmp_path / "plain.npz"), shape)
    other = load_reference(amass(tmp_path / "other.npz", **extra), shape)
    assert other.joints == pytest.approx(plain.joints, abs=1e-5)
    assert other.time_s == pytest.approx(np.arange(4) / 120)
    assert other.shape is shape and not other.own_shape


@pytest.mark.parametrize(
    "changes",
    [
        {"mocap_frame_rate": np.array([30.0, 60.0])},
        {"mocap_frame_rate": np.array([])},
        {"mocap_frame_rate": np.array("thirty")},
        {"mocap_frame_rate": np.array(np.nan)},
        {"mocap_frame_rate": np.array(1e300)},
        {"mocap_frame_rate": np.array(1e-300)},
        {"mocap_frame_rate": np.array(-30.0)},
        {"poses": np.full((4, 165), 1e300)},
        {"poses": np.full((4, 165), np.inf)},
        {"poses": np.zeros((4, 165), dtype=complex)},
        {"poses": np.zeros((4, 0))},
        {"poses": np.zeros(165)},
        {"trans": np.full((4, 3), 1e300)},
        {"trans": np.full((4, 3), -1e7)},
        {"trans": np.zeros((4, 2))},
        {"trans": None},
        {"schema_version": np.array(7)},
        {"schema_version": np.array([[1, 2], [3, 4]])},
    ],
)
def test_hostile_npz_files_give_one_clear_error(
    tmp_path: Path, shape: BodyShape, changes: dict[str, NDArray[Any] | None]
):
    with pytest.raises(ClipFileError, match=r"hostile\.npz"):
        load_reference(amass(tmp_path / "hostile.npz", **changes), shape)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", b"PK\x05\x06" + bytes(18)])
@pytest.mark.parametrize("ending", [".npz", ".bvh", ".trc"])
def test_files_that_are_something_else_give_one_clear_error(
    tmp_path: Path, shape: BodyShape, content: bytes, ending: str
):
    path = tmp_path / f"file{ending}"
    path.write_bytes(content)
    with pytest.raises(ClipFileError, match="file"):
        load_reference(path, shape)


@pytest.mark.parametrize("units", ["mm", "MM", "Mm"])
def test_units_are_read_in_any_case(tmp_path: Path, shape: BodyShape, units: str):
    path = tmp_path / "markers.trc"
    path.write_text(trc_text(1000 * markers_of(), units, NAMES))
    assert load_reference(path, shape).joints[..., 2] == pytest.approx(
        markers_of()[:, 1:, 1], abs=1e-5
    )


def test_a_trc_may_have_uneven_times_and_a_blank_line(tmp_path: Path, shape: BodyShape):
    lines = trc_text(markers_of(), "m", NAMES).splitlines()
    cells = lines[7].split("\t")
    cells[1] = "0.0371"
    lines[7] = "\t".join(cells)
    (tmp_path / "markers.trc").write_text("\n".join([*lines[:5], "", *lines[5:]]))
    reference = load_reference(tmp_path / "markers.trc", shape)
    assert reference.time_s[2] == pytest.approx(0.0371 - 1 / 60, abs=1e-5)
    assert reference.joints.shape == (5, 12, 3)


@pytest.mark.parametrize(
    ("column", "value"), [(5, "1e300"), (5, "-1e9"), (1, "1e300"), (1, "1e9"), (1, "inf")]
)
def test_hostile_trc_numbers_give_one_clear_error(
    tmp_path: Path, shape: BodyShape, column: int, value: str
):
    lines = trc_text(markers_of(), "m", NAMES).splitlines()
    cells = lines[-1].split("\t")
    cells[column] = value
    (tmp_path / "markers.trc").write_text("\n".join([*lines[:-1], "\t".join(cells)]))
    with pytest.raises(ClipFileError, match=r"markers\.trc"):
        load_reference(tmp_path / "markers.trc", shape)


@pytest.mark.parametrize("place", [0, 3, 20, -1])
def test_hostile_bvh_numbers_give_one_clear_error(tmp_path: Path, shape: BodyShape, place: int):
    still = np.broadcast_to(np.eye(3), (2, 55, 3, 3))
    lines = bvh_text(still, np.zeros((2, 3)), shape.rest_joints).splitlines()
    path = tmp_path / "motion.bvh"
    path.write_text("\n".join(lines))
    assert load_reference(path, shape).names
    numbers = lines[-1].split()
    numbers[place] = "1e300"
    path.write_text("\n".join([*lines[:-1], " ".join(numbers)]))
    with pytest.raises(ClipFileError, match=r"motion\.bvh"):
        load_reference(path, shape)


def test_a_tiny_bvh_is_no_person(tmp_path: Path, shape: BodyShape):
    (tmp_path / "tiny.bvh").write_text(BVH)
    with pytest.raises(ClipFileError):
        load_reference(tmp_path / "tiny.bvh", shape)


def test_arrays_that_do_not_fit_together_are_refused(shape: BodyShape):
    with pytest.raises(ValueError, match="a reference has shapes"):
        Reference(
            names=("pelvis",),
            joints=np.zeros((3, 2, 3)),
            root_names=("pelvis",),
            time_s=np.arange(3.0),
            known=np.ones(55, dtype=bool),
        )
    with pytest.raises(ValueError, match="body shape"):
        BodyShape(rest_joints=np.zeros((22, 3)), open_betas=AVERAGE)
