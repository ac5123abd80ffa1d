"""Where people's pelvis is by RootNet and PoseNet: pixel and depth, batches, and whose root."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators.research import PosedPeople, Sighting
from pose2rig.core_inference.estimators.root import NEAREST_M, Lens
from pose2rig.core_inference.estimators.rooting import (
    POSENET_PELVIS,
    RootedLandmarks,
    RootedNetworks,
    RootNetworks,
)
from pose2rig.core_inference.footage import Frame

from .stand_ins import Box, ChosenFinder, ChosenNetwork, ChosenPoses, blank, found_person, saying

LENS = Lens(focal_px=400.0, image_size=(320, 240))
BOX: Box = (100.0, 40.0, 80.0, 160.0)
MIDDLE = np.array([139.5, 119.5])
CELLS = 32.0


def person(box: Box = BOX) -> Sighting:
    return Sighting(image=blank(320, 240), found=found_person(box))


def rootnet(cells: tuple[float, float] = (CELLS, CELLS), factor: float = 0.9) -> ChosenNetwork:
    """A RootNet that sees every pelvis at these cells, at a factor of k."""

    def answer(
        patches: NDArray[np.float32], k: NDArray[np.float32]
    ) -> dict[str, NDArray[np.float64]]:
        places = np.broadcast_to(np.array(cells), (len(patches), 2))
        return {"coordinates": np.concatenate([places, factor * k[:, None]], axis=1)}

    return ChosenNetwork(answer, batch_size=2)


def posenet(joints: int, cells: tuple[float, float]) -> ChosenNetwork:
    coordinates = np.full((1, joints, 3), 5.0)
    coordinates[0, POSENET_PELVIS[joints]] = [*cells, CELLS]
    return saying(coordinates=coordinates)


# --- geometry ----------------------------------------------------------------------------------


def test_the_pelvis_is_on_its_ray_at_rootnets_depth() -> None:
    """The box, cut at the last pixel, is 79 by 159 px: its square with margin 198.75 px."""
    [root] = RootNetworks(rootnet(), None, LENS).roots([person()])
    depth = 0.9 * 2.0 * 400.0 / (1.25 * 159.0)
    expected = np.array([*((MIDDLE - LENS.centre) / 400.0 * depth), depth])
    np.testing.assert_allclose(root, expected, atol=1e-5)


def test_k_is_of_our_focal_length() -> None:
    network = rootnet()
    wide = Lens(focal_px=800.0, image_size=(320, 240))
    one = RootNetworks(network, None, LENS).roots([person()])[0]
    other = RootNetworks(network, None, wide).roots([person()])[0]
    np.testing.assert_allclose(other[2], 2.0 * one[2], rtol=1e-6)
    np.testing.assert_allclose(other[:2], one[:2], atol=1e-5)


@pytest.mark.parametrize("joints", [21, 18])
def test_with_posenet_its_own_pelvis_gives_the_pixel(joints: int) -> None:
    networks = RootNetworks(rootnet(), posenet(joints, (40.0, 20.0)), LENS)
    [root] = networks.roots([person()])
    away_px = (np.array([40.0, 20.0]) - CELLS) * 4.0 * 198.75 / 256.0
    pixel = LENS.project(root)
    np.testing.assert_allclose(pixel, MIDDLE + away_px, atol=1e-3)
    [without] = RootNetworks(rootnet(), None, LENS).roots([person()])
    assert root[2] == pytest.approx(without[2])


def test_nobody_is_behind_the_camera() -> None:
    [root] = RootNetworks(rootnet(factor=-3.0), None, LENS).roots([person()])
    assert root[2] == pytest.approx(NEAREST_M)


def test_files_and_licence_are_named() -> None:
    alone = RootNetworks(rootnet(), None, LENS)
    both = RootNetworks(rootnet(), posenet(21, (1.0, 1.0)), LENS)
    assert list(alone.files) == ["rootnet"]
    assert list(both.files) == ["rootnet", "posenet"]
    assert "non-commercial research" in both.licence_note


# --- an estimator of landmarks -----------------------------------------------------------------


def frames(*numbers: int) -> list[Frame]:
    return [Frame(index=k, time_s=k / 30, image=blank(320, 240)) for k in numbers]


def test_everybody_gets_a_root_in_batches_no_larger_than_liked() -> None:
    network = rootnet()
    finder = ChosenFinder({0: [found_person(BOX)] * 2, 2: [found_person(BOX)]})
    rooted = RootedLandmarks(finder, RootNetworks(network, None, LENS), ())
    poses = rooted.estimate_all(frames(0, 1, 2))
    assert [len(people) for people in poses] == [2, 0, 1]
    assert [len(patches) for patches, _ in network.inputs] == [2, 1]
    for people in poses:
        for pose in people:
            assert pose.camera_root is not None
            assert pose.camera_root.dtype == np.float32
            assert pose.rotations is None
            assert pose.landmarks is not None


def test_who_is_out_of_view_or_without_a_usable_root_is_left_out() -> None:
    aside = found_person((400.0, 10.0, 50.0, 50.0))
    broken = saying(coordinates=np.array([[np.nan, CELLS, 3000.0]]))
    seen = ChosenFinder({0: [aside, found_person(BOX)]})
    rooted = RootedLandmarks(seen, RootNetworks(rootnet(), None, LENS), ())
    assert [len(people) for people in rooted.estimate_all(frames(0))] == [1]
    unusable = RootedLandmarks(seen, RootNetworks(broken, None, LENS), ())
    assert unusable.estimate_all(frames(0)) == [[]]


def test_it_stays_the_estimator_it_was() -> None:
    finder = ChosenFinder({})
    rooted = RootedLandmarks(finder, RootNetworks(rootnet(), None, LENS), (("licence", "told"),))
    assert (rooted.name, rooted.body) == (finder.name, None)
    assert rooted.landmark_names == finder.landmark_names
    assert rooted.weights_sha256 == f"landmarks:{'f' * 64} rootnet:{'a' * 64}"
    assert rooted.warnings == (("licence", "told"),)
    rooted.restore({"frames": 3})
    assert rooted.state() == finder.memory == {"frames": 3}
    rooted.reset()
    rooted.close()
    assert finder.calls == ["reset", "close"]


# --- networks with rotations -------------------------------------------------------------------


def test_rotations_stay_and_the_root_is_rootnets() -> None:
    own = PosedPeople(
        rotations=np.full((1, 55, 3), 0.1),
        root=np.array([[9.0, 9.0, 9.0]]),
        betas=np.zeros((1, 10)),
        expression=np.zeros((1, 10)),
        hands_seen=np.ones((1, 2), dtype=np.bool_),
    )
    roots = RootNetworks(rootnet(), None, LENS)
    rooted = RootedNetworks(ChosenPoses(lambda _: own), roots)
    people = rooted.look([person()])
    np.testing.assert_array_equal(people.root, roots.roots([person()]))
    assert people.rotations is own.rotations
    assert list(rooted.files) == ["chosen_part", "rootnet"]
    assert "the networks' note." in rooted.licence_note
    assert (rooted.name, rooted.batch_size) == ("chosen", 4)
