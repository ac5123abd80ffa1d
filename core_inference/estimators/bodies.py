"""The body that the research networks' rotations move: the user's SMPL-X, else the open body.

Legend: N people, J joints (55), S sides (2: left, right), K finger joints (15).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import JOINT_COUNT, LEFT_HAND, RIGHT_HAND
from ..body_model import SHAPE_COUNT, load_open_body
from ..licensed_body import LICENCE_NOTE, LicensedBody, load_licensed_body, read_mano
from .base import TakeBody
from .model_folder import ModelFolder, file_sha256

Float64 = NDArray[np.float64]

EXPRESSION_COUNT = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class ResearchBody:
    """What the licensed files give, and where they are missing the open body's stand-ins.

    licensed: SMPL-X, or None; hand_means (2,15,3) axis-angle of the left and the right hand, None
    where no licensed file holds them; files: part and SHA-256 of each licensed file in use.
    """

    licensed: LicensedBody | None = None
    hand_means: Float64 | None = None
    files: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        if self.hand_means is not None and self.hand_means.shape != (2, 15, 3):
            raise ValueError(f"hand_means: expected (2, 15, 3), got {self.hand_means.shape}")

    @property
    def take_body(self) -> TakeBody:
        """What a take records of the body."""
        if self.licensed is None:
            return TakeBody(body_model="open", rest_joints=load_open_body().rest_joints)
        return TakeBody(body_model=self.licensed.body_model, rest_joints=self.licensed.rest_joints)

    @property
    def licence_note(self) -> str | None:
        """What the user must know of the licensed files in use; None where there are none."""
        return LICENCE_NOTE if self.files else None

    @property
    def lacks(self) -> str | None:
        """What cannot be done without the licensed files, in a sentence; None if all is there."""
        lost = [] if self.hand_means is not None else ["fingers leave out the hands' mean pose"]
        if self.licensed is None:
            lost += ["expressions are left out", "everybody gets the open body's shape"]
        if not lost:
            return None
        return f"no SMPL-X model in the model folder: {', '.join(lost)}"

    def rest_joints(self, betas_NK: Float64) -> Float64:
        """Joints (N,55,3) m of the zero pose; SMPL-X's betas (N,10) do not shape the open body."""
        if self.licensed is None:
            rest_J3 = load_open_body().rest_joints(np.zeros(SHAPE_COUNT))
            return np.broadcast_to(rest_J3, (len(betas_NK), JOINT_COUNT, 3)).astype(np.float64)
        directions = np.einsum("jik,nk->nji", self.licensed.joint_directions, betas_NK)
        return self.licensed.joints_template + directions

    def full_rotations(self, rotations_NJ3: Float64) -> Float64:
        """Rotations (N,55,3) whose hands stood relative to their mean pose, now without it.

        SMPL-X adds the mean as numbers, axis-angle to axis-angle; where it is not known the
        fingers stay as they are.
        """
        if self.hand_means is None:
            return rotations_NJ3
        full_NJ3 = rotations_NJ3.copy()
        full_NJ3[:, LEFT_HAND] += self.hand_means[0]
        full_NJ3[:, RIGHT_HAND] += self.hand_means[1]
        return full_NJ3


def open_body_files(models: ModelFolder) -> ResearchBody:
    """Read the licensed body files that are there; raises ModelFileError for an unusable one.

    MANO holds the same mean pose as SMPL-X, so it serves for the fingers alone.
    """
    smplx = models.find("smplx")
    if smplx is not None:
        licensed = load_licensed_body(smplx)
        sides = [licensed.hand_mean_pose[side].reshape(15, 3) for side in ("left", "right")]
        return ResearchBody(
            licensed=licensed, hand_means=np.stack(sides), files={"smplx": file_sha256(smplx)}
        )
    mano = models.find("mano")
    if mano is None:
        return ResearchBody()
    right_K3 = read_mano(mano).hands_mean.reshape(15, 3)
    return ResearchBody(
        hand_means=np.stack([mirrored(right_K3), right_K3]), files={"mano": file_sha256(mano)}
    )


def mirrored(axis_angle: Float64) -> Float64:
    """Rotations (...,3) of one side of the body as the other side's: (x, y, z) to (x, -y, -z)."""
    return np.asarray(axis_angle * np.array([1.0, -1.0, -1.0]), dtype=np.float64)
