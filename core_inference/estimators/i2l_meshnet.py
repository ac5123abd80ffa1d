"""I2L-MeshNet's estimator: a mesh of SMPL's vertices in the camera, and SMPL's rotations.

SMPL's first 22 joints are SMPL-X's; its two stumps of hands are left out. RootNet says how far
away the person is. Source: Moon and Lee (2020), "I2L-MeshNet", section 3 and equation 7; Moon et
al. (2019), "Camera Distance-aware Top-down Approach", for the root.

Legend: N people, V vertices (6890).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import JOINT_COUNT
from .bodies import EXPRESSION_COUNT
from .research import (
    PosedPeople,
    Sighting,
    imagenet_normalised,
    patch_batch,
    person_crops,
)
from .root import (
    NEAREST_M,
    Lens,
    depth_from_box,
    in_our_axes,
    mesh_from_lixels,
    root_from_cells,
    rootnet_k,
)
from .running import LoadedNetwork

Float64 = NDArray[np.float64]

PATCH_WH = (256, 256)
_SMPL_JOINTS = 22
_MM_PER_M = 1000.0

NO_ROOTNET = (
    "rootnet",
    "no RootNet in the model folder: distances are guessed from the size of the person's box",
)

LICENCE_NOTE = (
    "I2L-MeshNet's and RootNet's code is MIT; their weights were trained on data sets for "
    "non-commercial research; use their results for that alone."
)


class I2LMeshNetworks:
    """Crops of people to `PosedPeople` with vertices."""

    name = "i2l-meshnet"
    licence_note = LICENCE_NOTE

    def __init__(self, network: LoadedNetwork, rootnet: LoadedNetwork | None, lens: Lens) -> None:
        self.files = {"i2l_meshnet_body": network.sha256}
        if rootnet is not None:
            self.files["rootnet"] = rootnet.sha256
        self.batch_size = network.batch_size
        self._network = network
        self._rootnet = rootnet
        self._lens = lens

    def look(self, people: Sequence[Sighting]) -> PosedPeople:
        """Return the pose and mesh of every person; betas stay 0, SMPL's are not SMPL-X's."""
        crops = person_crops(people, PATCH_WH)
        patches = patch_batch(crops)
        boxes_N4 = np.stack([crop.box for crop in crops])
        image_from_patch = np.stack([crop.image_from_patch for crop in crops])
        out = self._network.run(patches / 255.0)
        depth_N = self._depths(patches, boxes_N4)
        pelvis_cells_N2 = out.mesh_joint_img[:, 0, :2].astype(np.float64)
        mesh_NV3 = mesh_from_lixels(out.mesh_img, image_from_patch, depth_N, self._lens)
        rotations_NJ3 = np.zeros((len(people), JOINT_COUNT, 3))
        rotations_NJ3[:, :_SMPL_JOINTS] = out.pose[:, :_SMPL_JOINTS]
        rotations_NJ3[:, 0] = in_our_axes(rotations_NJ3[:, 0], boxes_N4, self._lens)
        return PosedPeople(
            rotations=rotations_NJ3,
            root=root_from_cells(pelvis_cells_N2, depth_N, image_from_patch, self._lens),
            betas=np.zeros((len(people), 10)),
            expression=np.zeros((len(people), EXPRESSION_COUNT)),
            vertices=mesh_NV3.astype(np.float32),
            hands_seen=np.zeros((len(people), 2), dtype=np.bool_),
        )

    def _depths(self, patches_N3HW: NDArray[np.float32], boxes_N4: Float64) -> Float64:
        """How far each root is (N,) m."""
        if self._rootnet is None:
            return depth_from_box(boxes_N4, self._lens)
        normal_N3HW = imagenet_normalised(patches_N3HW)
        k_N = rootnet_k(boxes_N4, self._lens).astype(np.float32)
        depth_mm_N = self._rootnet.run(normal_N3HW, k_N).coordinates[:, 2].astype(np.float64)
        return np.maximum(depth_mm_N / _MM_PER_M, NEAREST_M)
