"""Licensed body models: read as files of strangers, and SMPL-X posed by its authors' layer.

The files are of the models' layout and of our own numbers.
"""

import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from pose2rig.core_inference.licensed_body import (
    LICENCE_NOTE,
    LicensedBody,
    load_licensed_body,
    read_mano,
    read_smpl_regressor,
)
from pose2rig.core_inference.licensed_files import MAX_FILE_BYTES
from pose2rig.rigs.errors import ModelFileError
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import joint_positions, world_rotations

from ..licensed_models import smplx_arrays, smplx_like_joints, write_mano, write_smpl, write_smplx

Float64 = NDArray[np.float64]
Load = Callable[[Path], Any]


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_smplx(tmp_path_factory.mktemp("smplx") / "SMPLX_NEUTRAL.npz")


@pytest.fixture(scope="module")
def body(model_file: Path) -> LicensedBody:
    return load_licensed_body(model_file)


# --- what the file says ------------------------------------------------------------------------


def test_the_average_rest_joints_are_what_the_regressor_gives(body: LicensedBody) -> None:
    np.testing.assert_allclose(body.rest_joints(np.zeros(10)), smplx_like_joints(), atol=1e-6)
    assert body.rest_joints(np.zeros(10)).dtype == np.float64
    assert body.body_model == "smplx"


def test_shape_moves_the_rest_joints_linearly(body: LicensedBody) -> None:
    betas = np.random.default_rng(1).normal(size=10)
    arrays = smplx_arrays()
    shaped = arrays["v_template"] + arrays["shapedirs"][..., :10] @ betas
    np.testing.assert_allclose(body.rest_joints(betas), arrays["J_regressor"] @ shaped, atol=1e-6)
    assert np.abs(body.rest_joints(betas) - body.rest_joints(0 * betas)).max() > 1e-3


def test_the_hand_mean_pose_is_the_files(body: LicensedBody) -> None:
    arrays = smplx_arrays()
    np.testing.assert_array_equal(body.hand_mean_pose["left"], arrays["hands_meanl"])
    np.testing.assert_array_equal(body.hand_mean_pose["right"], arrays["hands_meanr"])


def test_smpl_gives_its_24_joints_and_five_of_the_face(tmp_path: Path) -> None:
    path = write_smpl(tmp_path / "SMPL_NEUTRAL.npz")
    regressor = read_smpl_regressor(path)
    assert regressor.shape == (29, 6890)
    vertices = np.random.default_rng(2).normal(size=(6890, 3))
    joints = regressor @ vertices
    np.testing.assert_allclose(joints[0], vertices[::24].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(joints[24:], vertices[[331, 2802, 6262, 3489, 3990]], rtol=1e-6)


def test_mano_gives_its_mean_pose_and_regressor(tmp_path: Path) -> None:
    hand = read_mano(write_mano(tmp_path / "MANO_RIGHT.npz"))
    assert hand.hands_mean.shape == (45,)
    assert hand.joint_regressor.shape == (16, 778)
    np.testing.assert_allclose(hand.joint_regressor.sum(axis=1), 1.0, rtol=1e-6)


def test_the_licence_is_named_with_where_to_ask_for_more() -> None:
    assert "non-commercial" in LICENCE_NOTE
    assert len(LICENCE_NOTE.splitlines()) == 1


# --- files from strangers ----------------------------------------------------------------------


class _Trap:
    """What a pickle would call on loading."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._mark,)


@pytest.mark.parametrize("key", ["v_template", "shapedirs", "hands_meanl"])
def test_nothing_in_a_hostile_file_is_executed(tmp_path: Path, key: str) -> None:
    mark = tmp_path / "executed"
    trap = np.array([_Trap(mark)], dtype=object)
    if key == "v_template":
        trap = np.broadcast_to(trap, (10475, 3))
    path = write_smplx(tmp_path / "SMPLX_NEUTRAL.npz", changes={key: trap})
    with pytest.raises(ModelFileError, match=rf"unusable {key}; .*got objects to unpickle"):
        load_licensed_body(path)
    assert not mark.exists()


@pytest.mark.slow
def test_the_layer_never_sees_what_else_is_in_a_hostile_file(tmp_path: Path) -> None:
    """`smplx` unpickles all it reads: it is given a file of ours, with the needed keys only."""
    mark = tmp_path / "executed"
    trap = np.array([_Trap(mark)], dtype=object)
    path = write_smplx(tmp_path / "SMPLX_NEUTRAL.npz", changes={"joint2num": trap})
    posed = load_licensed_body(path).posed(*still(1))
    assert posed.vertices.shape == (1, 10475, 3)
    assert not mark.exists()
    with np.load(path, allow_pickle=True) as file:
        assert file["joint2num"] is not None
    assert mark.exists(), "the trap would have worked"


@pytest.mark.parametrize(
    ("load", "step"),
    [
        (load_licensed_body, "SMPLX_NEUTRAL.npz"),
        (read_smpl_regressor, "np.savez('SMPL_NEUTRAL.npz'"),
        (read_mano, "np.savez('MANO_RIGHT.npz'"),
    ],
)
@pytest.mark.parametrize("name", ["model.pkl", "renamed.npz"])
def test_a_pickle_is_refused_with_the_way_to_convert_it(
    tmp_path: Path, load: Load, step: str, name: str
) -> None:
    mark = tmp_path / "executed"
    (tmp_path / name).write_bytes(pickle.dumps(_Trap(mark)))
    with pytest.raises(ModelFileError, match="is a pickle") as caught:
        load(tmp_path / name)
    assert step in caught.value.next_step
    assert len(str(caught.value).splitlines()) == 1
    assert not mark.exists()


@pytest.mark.slow
def test_the_way_to_convert_works(tmp_path: Path) -> None:
    """SMPL's own file: a sparse regressor and more keys than are wanted."""
    with np.load(write_smpl(tmp_path / "made.npz")) as file:
        content = {**file, "J_regressor": csc_matrix(file["J_regressor"]), "bs_type": "lrotmin"}
    (tmp_path / "SMPL_NEUTRAL.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(ModelFileError) as caught:
        read_smpl_regressor(tmp_path / "SMPL_NEUTRAL.pkl")
    code = caught.value.next_step.partition('-c "')[2].removesuffix('"')
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert read_smpl_regressor(tmp_path / "SMPL_NEUTRAL.npz").shape == (29, 6890)


@pytest.mark.parametrize(
    ("load", "write", "looks_like"),
    [
        (load_licensed_body, write_smpl, "SMPL"),
        (load_licensed_body, write_mano, "MANO"),
        (read_smpl_regressor, write_smplx, "SMPL-X"),
        (read_mano, write_smpl, "SMPL"),
    ],
)
def test_another_model_is_named(
    tmp_path: Path, load: Load, write: Callable[[Path], Path], looks_like: str
) -> None:
    path = write(tmp_path / "model.npz")
    with pytest.raises(ModelFileError, match=rf"is not the .*as in {looks_like};"):
        load(path)


def test_flame_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", v_template=np.zeros((5023, 3)))
    with pytest.raises(ModelFileError, match="as in FLAME"):
        load_licensed_body(tmp_path / "model.npz")


ODD: list[tuple[str, Any, str]] = [
    ("shapedirs", None, "lacks an array; expected the key shapedirs"),
    ("shapedirs", np.zeros((10475, 3, 19), np.float32), "wrong shapedirs"),
    ("shapedirs", np.zeros((10475, 3, 401), np.float32), "wrong shapedirs"),
    ("weights", np.zeros((10475, 24)), "wrong weights"),
    ("v_template", np.full((10475, 3), np.nan), "finite numbers"),
    ("J_regressor", np.full((55, 10475), np.inf), "finite numbers"),
    ("f", np.full((20908, 3), 10475), "numbers from 0 to 10474"),
    ("f", np.zeros((20908, 3)), "unusable f"),
    ("lmk_faces_idx", np.full(51, -1), "numbers from 0 to 20907"),
    ("kintree_table", np.zeros((2, 55), np.int64), "the parents of SMPL-X"),
    ("hands_meanl", np.array(["a"] * 45), "unusable hands_meanl"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("key", "value", "message"), ODD)
def test_numbers_that_make_no_model_are_refused(
    tmp_path: Path, key: str, value: object, message: str
) -> None:
    path = write_smplx(tmp_path / "SMPLX_NEUTRAL.npz", changes={key: value})
    with pytest.raises(ModelFileError, match=message) as caught:
        load_licensed_body(path)
    assert len(str(caught.value).splitlines()) == 1
    assert "https://smpl-x.is.tue.mpg.de" in caught.value.next_step


@pytest.mark.parametrize("content", [b"", b"no model at all", b"PK\x03\x04 half", b"\x93NUMPY"])
def test_what_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "SMPLX_NEUTRAL.npz").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"SMPLX_NEUTRAL\.npz cannot be read"):
        load_licensed_body(tmp_path / "SMPLX_NEUTRAL.npz")


def test_a_missing_file_a_folder_and_a_cut_off_one_are_refused(
    model_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelFileError, match="is missing"):
        load_licensed_body(tmp_path / "SMPLX_NEUTRAL.npz")
    with pytest.raises(ModelFileError, match="is missing"):
        load_licensed_body(tmp_path)
    (tmp_path / "cut.npz").write_bytes(model_file.read_bytes()[: 30 * 1024**2])
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_licensed_body(tmp_path / "cut.npz")


def test_a_header_that_promises_terabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (10475, 3, 1000000000), }"
    header = header.ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        for key, array in smplx_arrays().items():
            with archive.open(f"{key}.npy", "w") as file:
                if key == "shapedirs":
                    file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
                else:
                    np.lib.format.write_array(file, array)
    with pytest.raises(ModelFileError, match="wrong shapedirs"):
        load_licensed_body(tmp_path / "bomb.npz")


def test_a_member_without_the_ending_does_not_stand_in_for_the_checked_array(
    tmp_path: Path,
) -> None:
    path = write_mano(tmp_path / "MANO_RIGHT.npz")
    expected = read_mano(path).hands_mean
    other = BytesIO()
    np.save(other, np.zeros((3000, 3000), dtype=np.float32))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("hands_mean", other.getvalue())
    np.testing.assert_array_equal(read_mano(path).hands_mean, expected)
    with zipfile.ZipFile(tmp_path / "bare.npz", "w") as archive:
        archive.writestr("v_template", other.getvalue())
    with pytest.raises(ModelFileError, match="lacks an array"):
        read_mano(tmp_path / "bare.npz")


def test_of_a_long_header_only_the_beginning_is_read(tmp_path: Path) -> None:
    length = 32 * 1024**2
    with zipfile.ZipFile(tmp_path / "long.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        start = b"\x93NUMPY\x02\x00" + length.to_bytes(4, "little")
        archive.writestr("v_template.npy", start + b" " * length)
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match="cannot be read"):
            read_mano(tmp_path / "long.npz")
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024**2
    finally:
        tracemalloc.stop()


def test_a_file_that_is_far_too_large_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "large.npz").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ModelFileError, match="too large"):
        load_licensed_body(tmp_path / "large.npz")


# --- the layer ---------------------------------------------------------------------------------


def still(count: int) -> tuple[Float64, Float64, Float64]:
    """Zero poses, shapes and expressions."""
    return np.zeros((count, 55, 3)), np.zeros((count, 10)), np.zeros((count, 10))


def moving(count: int, seed: int) -> tuple[Float64, Float64, Float64]:
    random = np.random.default_rng(seed)
    rotations = random.normal(size=(count, 55, 3)) * 0.4
    return rotations, random.normal(size=(count, 10)), random.normal(size=(count, 10))


@pytest.mark.slow
def test_the_rest_joints_are_the_layers(body: LicensedBody) -> None:
    rotations, betas, expression = still(3)
    betas = np.random.default_rng(3).normal(size=betas.shape)
    joints = body.posed(rotations, betas, expression).joints[:, :55]
    for row in range(3):
        np.testing.assert_allclose(joints[row], body.rest_joints(betas[row]), atol=1e-5)


@pytest.mark.slow
def test_full_rotations_move_the_joints_by_forward_kinematics(body: LicensedBody) -> None:
    """So the hand mean pose counts once: all of it stands in the full rotations."""
    rotations, betas, expression = moving(5, seed=4)
    posed = body.posed(rotations, betas, 0.0 * expression)
    world = world_rotations(matrix_from_axis_angle(rotations))
    for row in range(5):
        rest = body.rest_joints(betas[row])
        expected = joint_positions(world[row : row + 1], rest, np.zeros((1, 3)))[0]
        np.testing.assert_allclose(posed.joints[row, :55], expected, atol=2e-5)


@pytest.mark.slow
def test_the_layer_itself_adds_the_hand_mean_pose_as_the_authors_have_it(
    body: LicensedBody,
) -> None:
    rotations, betas, expression = still(1)
    rotations[0, 25:40] = body.hand_mean_pose["left"].reshape(15, 3)
    rotations[0, 40:55] = body.hand_mean_pose["right"].reshape(15, 3)
    relaxed = body.layer()
    np.testing.assert_allclose(
        body.posed(rotations, betas, expression).vertices, relaxed.vertices.numpy(), atol=1e-6
    )
    assert body.layer.num_betas == body.layer.num_expression_coeffs == 10
    assert relaxed.joints.shape == (1, 144, 3)


@pytest.mark.slow
def test_many_poses_are_those_of_one_at_a_time(body: LicensedBody) -> None:
    rotations, betas, expression = moving(35, seed=5)
    together = body.posed(rotations, betas, expression)
    assert together.vertices.shape == (35, 10475, 3)
    for row in (0, 31, 32, 34):
        part = slice(row, row + 1)
        one = body.posed(rotations[part], betas[part], expression[part])
        np.testing.assert_allclose(together.vertices[row], one.vertices[0], atol=1e-5)
        np.testing.assert_allclose(together.joints[row], one.joints[0], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("components", [20, 400])
def test_expressions_are_found_where_smplx_finds_them(
    tmp_path: Path, components: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """In both kinds of release; and nothing is printed where events are written."""
    import smplx

    path = write_smplx(
        tmp_path / "SMPLX_NEUTRAL.npz", components=components, changes={"part2num": None}
    )
    rotations, betas, expression = moving(1, seed=6)
    rotations[:, 25:] = 0.0
    posed = load_licensed_body(path).posed(rotations, betas, expression)
    assert capfd.readouterr().out == ""
    plain = smplx.SMPLX(str(path), use_pca=False, flat_hand_mean=True, create_transl=False)
    expected = plain(**_arguments(rotations, betas, expression))
    off = np.abs(posed.vertices - expected.vertices.detach().numpy()).max()
    assert off < 1e-5
    still_face = load_licensed_body(path).posed(rotations, betas, 0.0 * expression)
    assert np.abs(posed.vertices - still_face.vertices).max() > 1e-3


def _arguments(rotations: Float64, betas: Float64, expression: Float64) -> dict[str, Any]:
    import torch

    def tensor(values: Float64) -> Any:
        return torch.from_numpy(values.astype(np.float32).reshape(1, -1))

    return {
        "betas": tensor(betas),
        "expression": tensor(expression),
        "global_orient": tensor(rotations[:, 0]),
        "body_pose": tensor(rotations[:, 1:22]),
        "jaw_pose": tensor(rotations[:, 22]),
        "leye_pose": tensor(rotations[:, 23]),
        "reye_pose": tensor(rotations[:, 24]),
    }


@pytest.mark.slow
def test_neither_torch_nor_smplx_is_imported_before_the_layer_is_used(model_file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from pose2rig.core_inference.licensed_body import load_licensed_body; "
        f"load_licensed_body(Path({str(model_file)!r})); "
        "print('torch' in sys.modules or 'smplx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.slow
def test_no_file_of_ours_is_left_behind(
    body: LicensedBody, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert load_licensed_body(body.path).layer is not None
    assert list(tmp_path.iterdir()) == []
