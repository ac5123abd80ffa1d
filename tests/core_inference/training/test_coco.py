"""COCO annotations with fits of SMPL-X: what is there is read, what is not is unknown."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.training import coco
from pose2rig.core_inference.training.body_layer import OpenBodyLayer
from pose2rig.core_inference.training.coco import CocoFiles, CocoPeople
from pose2rig.core_inference.training.labels import FACE_BOX, LEFT_HAND_BOX, RIGHT_HAND_BOX
from pose2rig.core_inference.training.points import POINT
from pose2rig.rigs.errors import FootageError

Json = dict[str, Any]


class WithMean(OpenBodyLayer):
    """The open body as if it had a hand mean pose, as SMPL-X has."""

    def __init__(self, body: BodyModel) -> None:
        super().__init__(body)
        self.hand_mean.copy_(torch.linspace(-0.5, 0.5, 90).reshape(30, 3))


def fit() -> Json:
    rng = np.random.default_rng(0)
    sizes = {"root_pose": 3, "body_pose": 63, "lhand_pose": 45, "rhand_pose": 45}
    sizes |= {"jaw_pose": 3, "shape": 10, "expr": 10}
    numbers = {name: rng.normal(0, 0.3, size).tolist() for name, size in sizes.items()}
    camera = {"focal": [500.0, 510.0], "princpt": [30.0, 20.0]}
    return {"smplx_param": {**numbers, "trans": [0.1, 0.2, 3.0]}, "cam_param": camera}


def annotation(**changes: Any) -> Json:
    keypoints = [[10.0 + k, 20.0 + k, 2.0 * (k != 3)] for k in range(17)]
    return {
        "id": 7,
        "image_id": 1,
        "bbox": [4.0, 5.0, 30.0, 40.0],
        "iscrowd": 0,
        "keypoints": np.ravel(keypoints).tolist(),
        "lefthand_box": [6.0, 7.0, 8.0, 9.0],
        "lefthand_valid": True,
        "righthand_box": [6.0, 7.0, 8.0, 9.0],
        "righthand_valid": False,
        **changes,
    }


def dataset(
    folder: Path, *, rows: list[Json], file_name: str = "a.png", fits: Json | None = None
) -> CocoFiles:
    images = folder / "images"
    images.mkdir(exist_ok=True)
    picture = np.full((60, 50, 3), 90, dtype=np.uint8)
    cv2.imwrite(str(images / "a.png"), picture)
    cv2.imwrite(str(folder / "outside.png"), picture)
    (images / "text.png").write_text("no picture")
    content = {"images": [{"id": 1, "file_name": file_name}], "annotations": rows}
    (folder / "people.json").write_text(json.dumps(content))
    (folder / "fits.json").write_text(json.dumps(fits or {}))
    return CocoFiles(images=images, annotations=folder / "people.json", fits=folder / "fits.json")


def test_keypoints_boxes_and_picture_are_read(tmp_path: Path) -> None:
    people = CocoPeople(dataset(tmp_path, rows=[annotation()]), None)
    person = people.person(0)
    assert person.image.shape == (60, 50, 3)
    assert person.box.tolist() == [4.0, 5.0, 30.0, 40.0]
    assert person.points2d[POINT["nose"]].tolist() == [10.0, 20.0]
    assert person.points2d[POINT["right_ankle"]].tolist() == [26.0, 36.0]
    assert person.points2d_known.sum() == 16
    assert not person.points2d_known[POINT["left_ear"]]
    assert person.part_boxes[LEFT_HAND_BOX].tolist() == [6.0, 7.0, 14.0, 16.0]
    assert person.part_boxes_known.tolist() == [True, False, False]
    has = [people.has_part(0, box) for box in (LEFT_HAND_BOX, RIGHT_HAND_BOX, FACE_BOX)]
    assert has == [True, False, False]


def test_without_a_fit_nothing_in_3d_is_known(tmp_path: Path) -> None:
    person = CocoPeople(dataset(tmp_path, rows=[annotation()]), None).person(0)
    assert not person.rotations_known.any()
    assert not person.points3d_known.any()
    assert not (person.betas_known or person.expression_known)
    np.testing.assert_allclose(person.focal, np.hypot(50, 60))
    np.testing.assert_allclose(person.principal_point, [25.0, 30.0])


def test_without_the_licensed_layer_a_fit_tells_the_bodys_rotations(tmp_path: Path) -> None:
    some = fit()
    person = CocoPeople(dataset(tmp_path, rows=[annotation()], fits={"7": some}), None).person(0)
    body = np.reshape(some["smplx_param"]["body_pose"], (21, 3))
    np.testing.assert_allclose(person.rotations[1:22], body)
    assert person.rotations_known[:25].all()
    assert not person.rotations_known[25:].any()
    assert not person.betas_known
    assert person.focal.tolist() == [500.0, 510.0]


def test_with_the_layer_hands_are_full_and_points_stand_in_the_camera(
    tmp_path: Path, body: BodyModel
) -> None:
    some, layer = fit(), WithMean(body)
    person = CocoPeople(dataset(tmp_path, rows=[annotation()], fits={"7": some}), layer).person(0)
    told = np.reshape(some["smplx_param"]["rhand_pose"], (15, 3))
    np.testing.assert_allclose(person.rotations[40:], told + layer.hand_mean[15:].numpy())
    assert person.rotations_known.all()
    assert person.betas_known
    assert person.expression_known
    arrays = (person.rotations, person.betas, person.expression)
    tensors = [torch.from_numpy(values).float()[None] for values in arrays]
    points = layer.points(*tensors)[0].numpy() + [0.1, 0.2, 3.0]
    np.testing.assert_allclose(person.points3d, points, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"bbox": [0, 0, 0, 0]},
        {"bbox": None},
        {"bbox": [0, 0, "a", 1]},
        {"bbox": [0, 0, 1e9, 5]},
        {"iscrowd": 1},
        {"image_id": 99},
        {"image_id": [1]},
    ],
)
def test_people_without_a_box_or_image_are_left_out(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    rows = [annotation(**changes), annotation()]
    assert len(CocoPeople(dataset(tmp_path, rows=rows), None)) == 1


def test_wrong_numbers_are_unknown(tmp_path: Path) -> None:
    some = fit()
    some["smplx_param"]["body_pose"] = some["smplx_param"]["body_pose"][:60]
    some["smplx_param"]["root_pose"] = [float("nan"), 0.0, 0.0]
    some["cam_param"]["focal"] = [0.0, 0.0]
    rows = [annotation(keypoints=[1, 2, 3])]
    person = CocoPeople(dataset(tmp_path, rows=rows, fits={"7": some}), None).person(0)
    assert not person.rotations_known[:22].any()
    assert not person.points2d_known.any()
    assert np.isfinite(person.rotations).all()
    np.testing.assert_allclose(person.focal, np.hypot(50, 60))


@pytest.mark.parametrize(
    "name", ["../outside.png", "", ".", "no.png", "text.png", "a.png/..", "a\0b"]
)
def test_an_image_out_of_the_folder_or_unreadable_is_refused(tmp_path: Path, name: str) -> None:
    people = CocoPeople(dataset(tmp_path, rows=[annotation()], file_name=name), None)
    with pytest.raises(FootageError, match="the image"):
        people.person(0)


def test_an_absolute_path_or_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    rows = [annotation()]
    files = dataset(tmp_path, rows=rows, file_name=str(tmp_path / "outside.png"))
    with pytest.raises(FootageError, match="a path out of it"):
        CocoPeople(files, None).person(0)
    (tmp_path / "images" / "link.png").symlink_to(tmp_path / "outside.png")
    files = dataset(tmp_path, rows=rows, file_name="link.png")
    with pytest.raises(FootageError, match="a path out of it"):
        CocoPeople(files, None).person(0)


@pytest.mark.parametrize("fit", [3, [], {"smplx_param": 3}, {"smplx_param": {"shape": "x"}}])
def test_a_fit_of_another_kind_is_unknown(tmp_path: Path, fit: object) -> None:
    files = dataset(tmp_path, rows=[annotation()], fits={"7": fit})
    person = CocoPeople(files, None).person(0)
    assert not person.rotations_known.any()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"images": 3, "annotations": []}', '{"images": [{}], "annotations": []}']
    + ["[" * 100_000],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    files = dataset(tmp_path, rows=[annotation()])
    files.annotations.write_text(text)
    with pytest.raises(FootageError, match=r"people\.json"):
        CocoPeople(files, None)


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = dataset(tmp_path, rows=[annotation()])
    monkeypatch.setattr(coco, "MAX_JSON_BYTES", 100)
    with pytest.raises(FootageError, match="at most"):
        CocoPeople(files, None)
