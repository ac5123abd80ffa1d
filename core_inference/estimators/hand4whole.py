"""Hand4Whole's estimator: one network for body, hands and face of a person.

Source: Moon et al. (2022), "Accurate 3D Hand Pose Estimation for Whole-Body 3D Human Mesh
Estimation"; the crop and the virtual camera are those of the released code.

Legend: N people.
"""

from collections.abc import Sequence

import numpy as np

from ...rigs.skeleton import JOINT, JOINT_COUNT, LEFT_HAND, RIGHT_HAND
from .bodies import ResearchBody
from .integration import BODY_JOINTS
from .research import PosedPeople, Sighting, patch_batch, person_crops
from .root import Lens, VirtualView, place
from .running import LoadedNetwork

PATCH_WH = (384, 512)

LICENCE_NOTE = (
    "Hand4Whole's code is MIT; its weights were trained on data sets for non-commercial research; "
    "use its results for that alone."
)


class Hand4WholeNetworks:
    """Crops of people to `PosedPeople`."""

    name = "hand4whole"
    licence_note = LICENCE_NOTE

    def __init__(self, network: LoadedNetwork, body: ResearchBody, lens: Lens) -> None:
        self.files = {"hand4whole": network.sha256}
        self.batch_size = network.batch_size
        self._network = network
        self._body = body
        self._lens = lens

    def look(self, people: Sequence[Sighting]) -> PosedPeople:
        """Return the pose of every person, in order."""
        crops = person_crops(people, PATCH_WH)
        out = self._network.run(patch_batch(crops) / 255.0)
        betas_NK = out.betas.astype(np.float64)
        placed = place(
            VirtualView(
                cam_trans=out.cam_trans,
                rest_pelvis=self._body.rest_joints(betas_NK)[:, 0],
                global_orient=out.global_orient[:, 0],
                boxes=np.stack([crop.box for crop in crops]),
            ),
            self._lens,
        )
        rotations_NJ3 = np.zeros((len(people), JOINT_COUNT, 3))
        rotations_NJ3[:, 0] = placed.global_orient
        rotations_NJ3[:, BODY_JOINTS] = out.body_pose
        rotations_NJ3[:, JOINT["jaw"]] = out.jaw_pose[:, 0]
        rotations_NJ3[:, LEFT_HAND] = out.left_hand_pose
        rotations_NJ3[:, RIGHT_HAND] = out.right_hand_pose
        return PosedPeople(
            rotations=rotations_NJ3,
            root=placed.root,
            betas=betas_NK,
            expression=out.expression.astype(np.float64),
            hands_seen=np.ones((len(people), 2), dtype=np.bool_),
        )
