"""The face: known shapes, gaze and blinks, seen with errors by a moving head, are found again."""

import time
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, RawTake, replaced
from pose2rig.core_inference.motion.face import with_face
from pose2rig.core_inference.motion.face_eyes import eye_rotation, look_shapes
from pose2rig.core_inference.motion.face_fit import face_basis, solve_bounded
from pose2rig.core_inference.motion.face_points import CORNERS, IRISES, POINTS
from pose2rig.core_inference.motion.smoothing import Cutoffs
from pose2rig.core_inference.synthetic import exact_take, known_motion
from pose2rig.rigs.face_shapes import FACE_SHAPE, FACE_SHAPE_COUNT, FACE_SHAPES, JAW_OPEN_RAD
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT

from ..known_motions import clip_of, upright

Float64 = NDArray[np.float64]

FPS = 30.0
NOISE_M = 0.0004
EXPRESSIONS: tuple[dict[str, float], ...] = (
    {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8},
    {"jawOpen": 0.7},
    {"browInnerUp": 0.9, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.8},
    {"mouthPucker": 0.8},
    {"browDownLeft": 0.8, "browDownRight": 0.8},
    {"mouthLeft": 0.8},
    {"jawOpen": 0.5, "mouthSmileLeft": 0.6, "mouthSmileRight": 0.6},
)
"""What the face shows in turn, at rest between."""

IN_TURN = (
    *("mouthSmileLeft", "mouthSmileRight", "jawOpen", "browInnerUp", "mouthPucker"),
    *("browDownLeft", "browDownRight", "mouthLeft"),
)


@pytest.fixture(scope="module")
def standing(body: BodyModel) -> tuple[RawTake, Clip]:
    """Somebody who stands still for twelve seconds: the take, and its clip."""
    return stand(body, 360)


def stand(body: BodyModel, count: int) -> tuple[RawTake, Clip]:
    motion = known_motion(body, upright(count), np.zeros((count, 3)), np.zeros(10))
    time_s = np.arange(count) / FPS
    take = exact_take(motion, body, time_s)
    names = (*take.landmark_names, *IRISES.values())
    take = replace(
        take,
        landmark_names=names,
        landmarks2d=widened(take.landmarks2d),
        landmarks3d=widened(take.landmarks3d),
        landmark_scores=widened(take.landmark_scores),
    )
    return take, clip_of(motion, body, time_s)


def widened(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Two more landmarks in the second place, like the last one."""
    return np.concatenate([array, array[:, -2:]], axis=1)


def acted(count: int) -> Float64:
    """Shapes (T,52): each expression for a second, rising and falling, at rest in between."""
    shapes = np.zeros((count, FACE_SHAPE_COUNT))
    for k, expression in enumerate(EXPRESSIONS):
        first = 20 + 48 * k
        rise = np.sin(np.linspace(0.0, np.pi, 30)) ** 2
        for name, value in expression.items():
            shapes[first : first + 30, FACE_SHAPE[name]] = value * rise
    return shapes


def seen(
    take: RawTake, body: BodyModel, shapes_TS: Float64, gaze_T2: Float64, seed: int = 3
) -> RawTake:
    """The take with this face: another person's proportions, a turning head, errors."""
    random = np.random.default_rng(seed)
    basis, count = face_basis(body), len(shapes_TS)
    moving = shapes_TS + look_shapes(gaze_T2)
    points = basis.rest + np.einsum("pis,ts->tpi", basis.directions, moving)
    eyes = np.stack([iris_path(basis.irises[side], gaze_T2) for side in IRISES], axis=1)
    face = np.concatenate([points, eyes], axis=1) * [1.05, 0.97, 1.0]
    face += random.normal(0.0, NOISE_M, face.shape)
    turn: Float64 = np.sin(np.arange(count)[:, None] / np.array([31.0, 43.0, 57.0]))
    head = matrix_from_axis_angle(turn * np.radians([10.0, 20.0, 8.0]))
    face = np.einsum("tij,tpj->tpi", head, face - face.mean(axis=(0, 1))) * 1.1
    columns = [take.landmark_names.index(name) for name in (*POINTS, *IRISES.values())]
    landmarks3d = take.landmarks3d.copy()
    landmarks3d[:, columns] = face * [1.0, -1.0, -1.0]
    return replace(take, landmarks3d=landmarks3d)


def iris_path(place_3: Float64, gaze_T2: Float64) -> Float64:
    """An iris (T,3) m on an eyeball of 12 mm that looks down and left."""
    radius = np.array([0.0, 0.0, 0.012])
    return place_3 + np.asarray(eye_rotation(gaze_T2) @ radius)


def faced(take: RawTake, clip: Clip, body: BodyModel, smooth: float = 0.5) -> tuple[Clip, Float64]:
    """The clip with the face that the take shows, and its shapes (T,52)."""
    found = with_face(clip, take, body, smooth, Cutoffs())
    assert found.face_shapes is not None
    return found, found.face_shapes.astype(np.float64)


def correlation(one: Float64, other: Float64) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def test_known_expressions_are_found(standing: tuple[RawTake, Clip], body: BodyModel) -> None:
    take, clip = standing
    truth = acted(len(take.time_s))
    _, shapes = faced(seen(take, body, truth, np.zeros((len(truth), 2))), clip, body)
    assert shapes.min() >= 0.0
    assert shapes.max() <= 1.0
    for name in IN_TURN:
        wanted, found = truth[:, FACE_SHAPE[name]], shapes[:, FACE_SHAPE[name]]
        assert correlation(wanted, found) > 0.8, name
        assert found.max() > 0.5 * wanted.max(), name
    assert np.abs(shapes - truth).mean() < 0.03
    resting = truth.max(axis=1) == 0.0
    assert shapes[resting].mean() < 0.02


def test_the_jaw_joint_carries_jaw_open(standing: tuple[RawTake, Clip], body: BodyModel) -> None:
    take, clip = standing
    truth = acted(len(take.time_s))
    found, shapes = faced(seen(take, body, truth, np.zeros((len(truth), 2))), clip, body)
    jaw = found.poses.reshape(-1, JOINT_COUNT, 3)[:, JOINT["jaw"]]
    opened = shapes[:, FACE_SHAPE["jawOpen"]] * JAW_OPEN_RAD
    np.testing.assert_allclose(jaw, opened[:, None] * [1.0, 0.0, 0.0], atol=1e-6)
    assert jaw.max() > np.radians(8.0)
    others = [k for k in range(JOINT_COUNT) if k not in (22, 23, 24)]
    np.testing.assert_array_equal(
        found.poses.reshape(-1, JOINT_COUNT, 3)[:, others],
        clip.poses.reshape(-1, JOINT_COUNT, 3)[:, others],
    )


def test_a_blink_of_four_frames_survives(standing: tuple[RawTake, Clip], body: BodyModel) -> None:
    take, clip = standing
    truth = np.zeros((len(take.time_s), FACE_SHAPE_COUNT))
    blinks = [FACE_SHAPE["eyeBlinkLeft"], FACE_SHAPE["eyeBlinkRight"]]
    for first in (50, 140, 260):
        truth[first : first + 4, blinks] = np.array([0.5, 1.0, 1.0, 0.5])[:, None]
    _, shapes = faced(seen(take, body, truth, np.zeros((len(truth), 2))), clip, body)
    for first in (50, 140, 260):
        assert shapes[first : first + 4, blinks].max(axis=0).min() > 0.7
    calm = np.ones(len(truth), bool)
    for first in (50, 140, 260):
        calm[first - 3 : first + 7] = False
    assert shapes[calm][:, blinks].max() < 0.2


def test_the_eyes_look_where_the_irises_are(
    standing: tuple[RawTake, Clip], body: BodyModel
) -> None:
    take, clip = standing
    count = len(take.time_s)
    gaze = np.zeros((count, 2))
    gaze[60:120, 1], gaze[150:210, 1], gaze[240:300, 0] = 0.3, -0.3, 0.2
    truth = np.zeros((count, FACE_SHAPE_COUNT))
    found, shapes = faced(seen(take, body, truth, gaze), clip, body)
    poses = found.poses.reshape(-1, JOINT_COUNT, 3)
    for name in ("left_eye_smplhf", "right_eye_smplhf"):
        for first, wanted in (
            (75, (0.0, 0.3)),
            (165, (0.0, -0.3)),
            (255, (0.2, 0.0)),
            (20, (0, 0)),
        ):
            looked = poses[first : first + 30, JOINT[name], :2].mean(axis=0)
            np.testing.assert_allclose(looked, wanted, atol=0.06)
    assert shapes[75:105, FACE_SHAPE["eyeLookOutLeft"]].min() > 0.3
    assert shapes[75:105, FACE_SHAPE["eyeLookInRight"]].min() > 0.3
    assert shapes[75:105, FACE_SHAPE["eyeLookInLeft"]].max() == 0.0


def test_an_unseen_face_goes_back_to_rest(standing: tuple[RawTake, Clip], body: BodyModel) -> None:
    """Half a smile is held for a moment, and gone two seconds later."""
    take, clip = standing
    truth = np.zeros((len(take.time_s), FACE_SHAPE_COUNT))
    smiles = [FACE_SHAPE["mouthSmileLeft"], FACE_SHAPE["mouthSmileRight"]]
    truth[150:, smiles] = 0.8
    take = seen(take, body, truth, np.zeros((len(truth), 2)))
    scores = take.landmark_scores.copy()
    columns = [k for k, name in enumerate(take.landmark_names) if name.startswith("face_")]
    scores[200:, columns] = 0.0
    found, shapes = faced(replace(take, landmark_scores=scores), clip, body)
    assert shapes[190:200, smiles].min() > 0.4
    assert shapes[203, smiles].min() > 0.3
    assert shapes[270:].max() < 0.01
    assert found.scores[270:, JOINT["jaw"]].max() == 0.0
    assert np.abs(np.diff(shapes[195:], axis=0)).max() < 0.2


def test_without_a_face_nothing_is_said(standing: tuple[RawTake, Clip], body: BodyModel) -> None:
    take, clip = standing
    clip = replaced(clip, face_shapes=None)
    unseen = replace(take, landmark_scores=np.zeros_like(take.landmark_scores))
    keep = [k for k, name in enumerate(take.landmark_names) if not name.startswith("face_")]
    absent = replace(
        take,
        landmark_names=tuple(take.landmark_names[k] for k in keep),
        landmarks2d=take.landmarks2d[:, keep],
        landmarks3d=take.landmarks3d[:, keep],
        landmark_scores=take.landmark_scores[:, keep],
    )
    for other in (unseen, absent):
        assert with_face(clip, other, body, 0.5, Cutoffs()) is clip


def test_a_take_without_irises_has_shapes_and_eyes_at_rest(
    standing: tuple[RawTake, Clip], body: BodyModel
) -> None:
    take, clip = standing
    truth = acted(len(take.time_s))
    take = seen(take, body, truth, np.zeros((len(truth), 2)))
    keep = [k for k, n in enumerate(take.landmark_names) if n not in IRISES.values()]
    blind = replace(
        take,
        landmark_names=tuple(take.landmark_names[k] for k in keep),
        landmarks2d=take.landmarks2d[:, keep],
        landmarks3d=take.landmarks3d[:, keep],
        landmark_scores=take.landmark_scores[:, keep],
    )
    found, shapes = faced(blind, clip, body)
    assert shapes[:, FACE_SHAPE["jawOpen"]].max() > 0.4
    eyes = found.poses.reshape(-1, JOINT_COUNT, 3)[:, [JOINT["left_eye_smplhf"]]]
    assert np.abs(eyes).max() == 0.0


def test_every_part_of_it_is_deterministic_and_quick(
    standing: tuple[RawTake, Clip], body: BodyModel
) -> None:
    take, clip = standing
    truth = acted(len(take.time_s))
    take = seen(take, body, truth, np.zeros((len(truth), 2)))
    one, shapes = faced(take, clip, body)
    began = time.process_time()
    other, again = faced(take, clip, body)
    assert time.process_time() - began < 1.0
    np.testing.assert_array_equal(one.poses, other.poses)
    np.testing.assert_array_equal(shapes, again)


def test_bounded_least_squares_meets_the_conditions_of_a_minimum() -> None:
    """Where a bound holds, the slope points outwards; elsewhere there is none."""
    random = np.random.default_rng(8)
    design = random.normal(size=(30, 12))
    hessian, linear = design.T @ design, random.normal(0.0, 20.0, (12, 40))
    x = solve_bounded(hessian, linear)
    slope = (linear - hessian @ x) / np.diag(hessian)[:, None]
    inside = (x > 0.0) & (x < 1.0)
    assert 0.1 < inside.mean() < 0.9
    assert np.abs(slope[inside]).max() < 0.02
    assert slope[x == 0.0].max() < 0.02
    assert slope[x == 1.0].min() > -0.02


def test_names_and_points_fit_together(body: BodyModel) -> None:
    basis = face_basis(body)
    assert basis.directions.shape == (len(POINTS), 3, len(FACE_SHAPES))
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        inner, outer = CORNERS[side]
        assert sign * (basis.rest[outer, 0] - basis.rest[inner, 0]) > 0.02
        blink = basis.directions[:, 1, FACE_SHAPE[f"eyeBlink{side}"]]
        lid = {"Left": 386, "Right": 159}[side]
        assert blink[lid] < -0.005


def test_a_side_that_is_turned_away_takes_the_others_shapes(
    standing: tuple[RawTake, Clip], body: BodyModel
) -> None:
    """The head looks to the person's right: of the left half, nothing is believed."""
    take, clip = standing
    truth = np.zeros((len(take.time_s), FACE_SHAPE_COUNT))
    left, right = FACE_SHAPE["mouthSmileLeft"], FACE_SHAPE["mouthSmileRight"]
    truth[100:200, left] = 0.8
    frontal = seen(take, body, truth, np.zeros((len(truth), 2)))
    _, shapes = faced(frontal, clip, body)
    assert (shapes[120:180, left] - shapes[120:180, right]).min() > 0.2
    columns = [k for k, name in enumerate(take.landmark_names) if name.startswith("face_")]
    turned = frontal.landmarks3d.copy()
    away = matrix_from_axis_angle(np.array([0.0, np.radians(75.0), 0.0]))
    turned[:, columns] = turned[:, columns] @ away.T
    _, shapes = faced(replace(frontal, landmarks3d=turned), clip, body)
    assert np.abs(shapes[120:180, left] - shapes[120:180, right]).max() < 0.1


def test_eyes_that_nobody_saw_stay_at_rest(standing: tuple[RawTake, Clip], body: BodyModel) -> None:
    """Seen from behind, a face mesh is a guess: nothing breaks, and the eyes look straight on."""
    take, clip = standing
    truth = acted(len(take.time_s))
    take = seen(take, body, truth, np.full((len(truth), 2), 0.2))
    columns = [k for k, name in enumerate(take.landmark_names) if name.startswith("face_")]
    behind = take.landmarks3d.copy()
    behind[:, columns] *= [-1.0, 1.0, -1.0]
    found, shapes = faced(replace(take, landmarks3d=behind), clip, body)
    assert np.isfinite(shapes).all()
    eyes = found.poses.reshape(-1, JOINT_COUNT, 3)[:, JOINT["left_eye_smplhf"]]
    assert np.abs(eyes).max() < 0.2


# --- takes of research networks -----------------------------------------------------------------


def with_jaw(clip: Clip, opened: Float64) -> Clip:
    """The clip as a network with a jaw has it, opened by angles (T,) in radians."""
    poses = clip.poses.copy()
    poses[:, 3 * JOINT["jaw"]] = opened
    return replaced(clip, poses=poses)


def without_face(take: RawTake, rows: slice) -> RawTake:
    scores = take.landmark_scores.copy()
    scores[rows, [name.startswith("face_") for name in take.landmark_names]] = 0.0
    return replace(take, landmark_scores=scores)


def test_a_networks_jaw_alone_opens_the_mouth_and_nothing_else(
    standing: tuple[RawTake, Clip], body: BodyModel
) -> None:
    take, clip = standing
    opened = np.clip(np.sin(np.arange(360) / 20.0), -0.2, 1.0) * JAW_OPEN_RAD
    told = with_jaw(clip, opened)
    done = with_face(told, without_face(take, slice(None)), body, 0.5, Cutoffs())
    assert done.face_shapes is not None
    jaw = done.face_shapes[:, FACE_SHAPE["jawOpen"]]
    np.testing.assert_allclose(jaw, np.clip(opened / JAW_OPEN_RAD, 0.0, 1.0), atol=1e-5)
    assert np.abs(np.delete(done.face_shapes, FACE_SHAPE["jawOpen"], axis=1)).max() == 0.0
    np.testing.assert_array_equal(done.poses, told.poses)
    unmoved = with_face(clip, without_face(take, slice(None)), body, 0.5, Cutoffs())
    assert unmoved.face_shapes is None


def test_where_the_face_is_unseen_the_networks_jaw_holds(
    standing: tuple[RawTake, Clip], body: BodyModel
) -> None:
    take, clip = standing
    unseen = slice(120, 240)
    told = with_jaw(clip, np.full(360, 0.5 * JAW_OPEN_RAD))
    done = with_face(told, without_face(take, unseen), body, 0.0, Cutoffs())
    assert done.face_shapes is not None
    jaw = done.face_shapes[:, FACE_SHAPE["jawOpen"]]
    np.testing.assert_allclose(jaw[unseen], 0.5, atol=1e-3)
    assert jaw[:100].max() < 0.1
    turned_rad = done.poses[:, 3 * JOINT["jaw"]]
    np.testing.assert_allclose(turned_rad, jaw * JAW_OPEN_RAD, atol=1e-4)
