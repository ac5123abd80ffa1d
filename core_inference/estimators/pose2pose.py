"""Pose2Pose's estimator: networks for body, hands and face, joined at the wrists.

The released networks find no boxes for hands and face; the landmark models do. A hand that they
did not find, or found away from the body network's wrist, gets its mean pose. The body network
speaks of SMPL, whose rotations are SMPL-X's, but not its shape nor where its origin lies. Source:
Moon and Lee (2020), "Pose2Pose", section 4 and supplement, section 8; crops and virtual cameras
are those of the released code.

Legend: N people, S sides (2: left, right), K finger joints (15).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import JOINT, JOINT_COUNT, LEFT_HAND, RIGHT_HAND
from . import topology
from .bodies import EXPRESSION_COUNT, mirrored
from .crops import Crop, crop_person, in_image, processed_box
from .integration import BODY_JOINTS, IntegrationSettings, PartPoses, hands_found, integrate
from .research import PosedPeople, Sighting, patch_batch, person_crops
from .root import NEAREST_M, VIRTUAL_FOCAL, Lens, VirtualView, in_our_axes, place
from .running import LoadedNetwork

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

BODY_WH, HAND_WH, FACE_WH = (192, 256), (256, 256), (192, 256)
MIN_PART_SCORE = 0.1
"""Hands and faces whose landmarks are less sure than this on average were not found."""

_HANDS = (topology.LEFT_HAND, topology.RIGHT_HAND)
_PELVIS, _WRISTS = 0, [12, 13]
"""Pelvis, and left and right wrist, among the body network's 25 joints."""
_PX_PER_CELL = 32.0
"""The body network's heat maps have 6 by 8 cells over 192 by 256 px."""

LICENCE_NOTE = (
    "Pose2Pose's code is MIT; its weights were trained on data sets for non-commercial research; "
    "use its results for that alone."
)


@dataclass(frozen=True, kw_only=True)
class Pose2PoseParts:
    """The networks of body, (right) hand and face."""

    body: LoadedNetwork
    hand: LoadedNetwork
    face: LoadedNetwork


@dataclass(frozen=True, kw_only=True, eq=False)
class _Hands:
    """orients (N,2,3) in our camera's axes, poses (N,2,15,3) relative to the mean, found (N,2)."""

    orients: Float64
    poses: Float64
    found: Bools


class Pose2PoseNetworks:
    """Crops of people, their hands and faces to `PosedPeople`."""

    name = "pose2pose"
    licence_note = LICENCE_NOTE

    def __init__(self, parts: Pose2PoseParts, lens: Lens) -> None:
        self.files = {
            "pose2pose_body": parts.body.sha256,
            "pose2pose_hand": parts.hand.sha256,
            "pose2pose_face": parts.face.sha256,
        }
        self.batch_size = parts.body.batch_size
        self._parts = parts
        self._lens = lens

    def look(self, people: Sequence[Sighting]) -> PosedPeople:
        """Return the pose of every person, in order; betas stay 0, SMPL's are not SMPL-X's."""
        crops = person_crops(people, BODY_WH)
        out = self._parts.body.run(patch_batch(crops) / 255.0)
        patch_px_NJ2 = out.joint_img[..., :2].astype(np.float64) * _PX_PER_CELL
        placed = place(
            VirtualView(
                cam_trans=_virtual_pelvis(patch_px_NJ2[:, _PELVIS], out.cam_trans[:, 2]),
                rest_pelvis=np.zeros((len(people), 3)),
                global_orient=out.global_orient[:, 0],
                boxes=np.stack([crop.box for crop in crops]),
            ),
            self._lens,
        )
        image_from_patch = np.stack([crop.image_from_patch for crop in crops])
        hands = self._hands(people, in_image(patch_px_NJ2[:, _WRISTS], image_from_patch))
        joined = integrate(
            PartPoses(
                global_orient=placed.global_orient,
                body_pose=out.body_pose,
                hand_orients=hands.orients,
                hand_poses=hands.poses,
                hands_found=hands.found,
            ),
            IntegrationSettings(),
        )
        rotations_NJ3 = np.zeros((len(people), JOINT_COUNT, 3))
        rotations_NJ3[:, 0] = placed.global_orient
        rotations_NJ3[:, BODY_JOINTS] = joined.body_pose
        rotations_NJ3[:, LEFT_HAND] = joined.hand_poses[:, 0]
        rotations_NJ3[:, RIGHT_HAND] = joined.hand_poses[:, 1]
        rotations_NJ3[:, JOINT["jaw"]], expression_NK = self._faces(people)
        return PosedPeople(
            rotations=rotations_NJ3,
            root=placed.root,
            betas=np.zeros((len(people), 10)),
            expression=expression_NK,
            hands_seen=hands.found,
        )

    def _hands(self, people: Sequence[Sighting], wrists_NS2: Float64) -> _Hands:
        """Both hands of everybody in one pass, left ones mirrored."""
        count = len(people)
        crops, places = self._part_crops(people, _HANDS, HAND_WH)
        orients_NS3, poses_NSK3 = np.zeros((count, 2, 3)), np.zeros((count, 2, 15, 3))
        found_NS = np.zeros((count, 2), dtype=np.bool_)
        if not crops:
            return _Hands(orients=orients_NS3, poses=poses_NSK3, found=found_NS)
        out = self._parts.hand.run(patch_batch(crops) / 255.0)
        person_H, side_H = places.T
        is_left = (side_H == 0)[:, None, None]
        own_H13, own_HK3 = out.global_orient.astype(np.float64), out.hand_pose.astype(np.float64)
        orient_H13 = np.where(is_left, mirrored(own_H13), own_H13)
        boxes_H4 = np.stack([crop.box for crop in crops])
        orients_NS3[person_H, side_H] = in_our_axes(orient_H13[:, 0], boxes_H4, self._lens)
        poses_NSK3[person_H, side_H] = np.where(is_left, mirrored(own_HK3), own_HK3)
        corners_NS4 = np.zeros((count, 2, 4))
        corners_NS4[person_H, side_H] = np.concatenate(
            [boxes_H4[:, :2], boxes_H4[:, :2] + boxes_H4[:, 2:]], axis=1
        )
        found_NS[person_H, side_H] = True
        found_NS &= hands_found(corners_NS4, wrists_NS2)
        return _Hands(orients=orients_NS3, poses=poses_NSK3, found=found_NS)

    def _faces(self, people: Sequence[Sighting]) -> tuple[Float64, Float64]:
        """Jaw rotations (N,3) and expressions (N,10), zero where no face was found."""
        jaw_N3 = np.zeros((len(people), 3))
        expression_NK = np.zeros((len(people), EXPRESSION_COUNT))
        crops, places = self._part_crops(people, (topology.FACE,), FACE_WH)
        if crops:
            out = self._parts.face.run(patch_batch(crops) / 255.0)
            jaw_N3[places[:, 0]] = out.jaw_pose[:, 0]
            expression_NK[places[:, 0]] = out.expression
        return jaw_N3, expression_NK

    def _part_crops(
        self, people: Sequence[Sighting], parts: Sequence[slice], patch_wh: tuple[int, int]
    ) -> tuple[list[Crop], NDArray[np.intp]]:
        """Patches of the parts that were found, left hands mirrored; whose and which, (H,2)."""
        crops: list[Crop] = []
        places: list[tuple[int, int]] = []
        for n, person in enumerate(people):
            for k, part in enumerate(parts):
                box = self._box(person, part, patch_wh[0] / patch_wh[1])
                if box is not None:
                    is_left = part == topology.LEFT_HAND
                    crops.append(crop_person(person.image, box, patch_wh, mirrored=is_left))
                    places.append((n, k))
        return crops, np.array(places, dtype=np.intp).reshape(-1, 2)

    def _box(self, person: Sighting, part: slice, aspect: float) -> Float64 | None:
        """The processed box around a part's landmarks, None where it was not found."""
        landmarks = person.found.landmarks
        if landmarks is None or landmarks.scores[part].mean() < MIN_PART_SCORE:
            return None
        is_seen_L = landmarks.scores[part] > 0.0
        points_L2 = landmarks.points2d[part][is_seen_L].astype(np.float64)
        first, last = points_L2.min(axis=0), points_L2.max(axis=0)
        return processed_box([*first, *(last - first)], self._lens.image_size, aspect)


def _virtual_pelvis(patch_px_N2: Float64, depth_N: NDArray[np.float32]) -> Float64:
    """The pelvis (N,3) m in the virtual cameras, from its px (N,2) in the patch and its depth.

    The network's translation is that of SMPL's origin, a hand's breadth nearer to SMPL's pelvis
    than SMPL-X's is to its own; its heat map says where the pelvis is without any body model.
    """
    depth_m_N1 = np.maximum(depth_N[:, None].astype(np.float64), NEAREST_M)
    aside_N2 = (patch_px_N2 - np.array(BODY_WH) / 2) / VIRTUAL_FOCAL * depth_m_N1
    return np.concatenate([aside_N2, depth_m_N1], axis=1)
