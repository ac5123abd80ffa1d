"""Which body the networks' rotations move, with each of the licensed files and without any."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.estimators.bodies import ResearchBody, mirrored, open_body_files
from pose2rig.core_inference.estimators.model_folder import ModelFolder
from pose2rig.core_inference.licensed_body import LICENCE_NOTE, load_licensed_body, read_mano
from pose2rig.rigs.errors import ModelFileError
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import LEFT_HAND, RIGHT_HAND

from ...licensed_models import write_mano, write_smplx
from .stand_ins import licensed_research_body, random_rotations


@pytest.fixture(scope="module")
def with_smplx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smplx_alone")
    (folder / "smplx").mkdir()
    write_smplx(folder / "smplx" / "SMPLX_NEUTRAL.npz")
    return folder


@pytest.fixture
def with_mano(tmp_path: Path) -> Path:
    (tmp_path / "mano").mkdir()
    write_mano(tmp_path / "mano" / "MANO_RIGHT.npz")
    return tmp_path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- with SMPL-X -------------------------------------------------------------------------------


def test_smplx_gives_its_own_joints_shape_and_hands(with_smplx: Path) -> None:
    file = with_smplx / "smplx" / "SMPLX_NEUTRAL.npz"
    body, licensed = open_body_files(ModelFolder(root=with_smplx)), load_licensed_body(file)
    betas = np.random.default_rng(2).normal(size=(3, 10))
    expected = [licensed.rest_joints(each) for each in betas]
    np.testing.assert_allclose(body.rest_joints(betas), expected, atol=1e-12)
    assert body.hand_means is not None
    np.testing.assert_array_equal(body.hand_means[0].ravel(), licensed.hand_mean_pose["left"])
    np.testing.assert_array_equal(body.hand_means[1].ravel(), licensed.hand_mean_pose["right"])
    assert body.take_body.body_model == "smplx"
    np.testing.assert_allclose(body.take_body.rest_joints(betas[0]), expected[0])
    assert body.lacks is None
    assert body.files == {"smplx": sha256(file)}
    assert body.licence_note == LICENCE_NOTE


def test_smplx_is_enough_where_mano_is_there_too(with_smplx: Path, with_mano: Path) -> None:
    overrides = {"mano": with_mano / "mano" / "MANO_RIGHT.npz"}
    body = open_body_files(ModelFolder(root=with_smplx, overrides=overrides))
    assert list(body.files) == ["smplx"]


# --- without it --------------------------------------------------------------------------------


def test_mano_alone_gives_the_hands_mean_pose_the_left_one_mirrored(
    with_mano: Path, body: BodyModel
) -> None:
    file = with_mano / "mano" / "MANO_RIGHT.npz"
    found = open_body_files(ModelFolder(root=with_mano))
    right = read_mano(file).hands_mean.reshape(15, 3)
    assert found.hand_means is not None
    np.testing.assert_array_equal(found.hand_means[1], right)
    np.testing.assert_array_equal(found.hand_means[0], mirrored(right))
    assert found.take_body.body_model == "open"
    assert found.files == {"mano": sha256(file)}
    assert found.licence_note == LICENCE_NOTE
    assert found.lacks is not None
    assert "expressions" in found.lacks
    assert "mean pose" not in found.lacks


def test_nothing_licensed_is_the_open_body_whatever_the_betas(
    tmp_path: Path, body: BodyModel
) -> None:
    found = open_body_files(ModelFolder(root=tmp_path))
    expected = body.rest_joints(np.zeros(10))
    joints = found.rest_joints(np.random.default_rng(2).normal(size=(2, 10)))
    assert joints.dtype == np.float64
    np.testing.assert_allclose(joints, [expected, expected])
    np.testing.assert_allclose(found.take_body.rest_joints(np.zeros(10)), expected)
    assert (found.hand_means, found.files, found.licence_note) == (None, {}, None)
    assert found.lacks is not None
    for word in ("mean pose", "expressions", "open body", "SMPL-X"):
        assert word in found.lacks


def test_an_unusable_file_is_an_error_not_a_stand_in(tmp_path: Path) -> None:
    (tmp_path / "smplx").mkdir()
    (tmp_path / "smplx" / "SMPLX_NEUTRAL.npz").write_bytes(b"no zip")
    with pytest.raises(ModelFileError, match=r"SMPLX_NEUTRAL\.npz"):
        open_body_files(ModelFolder(root=tmp_path))


# --- rotations ---------------------------------------------------------------------------------


def test_the_hands_mean_is_added_to_fingers_only_and_once() -> None:
    body, relative = licensed_research_body(), random_rotations(1, 2, 55)
    before = relative.copy()
    full = body.full_rotations(relative)
    assert body.hand_means is not None
    np.testing.assert_array_equal(relative, before)
    np.testing.assert_array_equal(full[:, :25], relative[:, :25])
    np.testing.assert_allclose(
        full[:, LEFT_HAND] - relative[:, LEFT_HAND], [body.hand_means[0]] * 2
    )
    np.testing.assert_allclose(
        full[:, RIGHT_HAND] - relative[:, RIGHT_HAND], [body.hand_means[1]] * 2
    )


def test_an_unknown_mean_leaves_the_fingers_as_they_are() -> None:
    relative = random_rotations(1, 2, 55)
    np.testing.assert_array_equal(ResearchBody().full_rotations(relative), relative)


def test_a_mean_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="hand_means"):
        ResearchBody(hand_means=np.zeros((2, 45)))


def test_the_mirror_turns_the_other_way_about_y_and_z() -> None:
    """R in the mirror of x is M R M with M = diag(-1, 1, 1)."""
    turns = random_rotations(5, 20, size=1.0)
    mirror = np.diag([-1.0, 1.0, 1.0])
    expected = mirror @ matrix_from_axis_angle(turns) @ mirror
    np.testing.assert_allclose(matrix_from_axis_angle(mirrored(turns)), expected, atol=1e-12)
    np.testing.assert_array_equal(mirrored(mirrored(turns)), turns)
