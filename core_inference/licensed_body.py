"""The body models that users license for themselves: SMPL-X, and parts of SMPL and MANO.

They are never delivered with the program, and read by `licensed_files`. SMPL-X is posed by its
authors' package `smplx`, which belongs to the research extra: it and torch are imported where
they are first needed.

Legend: N poses, J joints (55), V vertices (10475), K shape components (10), L all joints and
landmarks of the layer (144).
"""

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import EngineError
from ..rigs.skeleton import JOINT, JOINT_COUNT, LEFT_HAND, PARENTS, RIGHT_HAND
from .licensed_files import Arrays, ModelLayout, read_model

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

SHAPE_COUNT = 10
EXPRESSION_COUNT = 10

LICENCE_NOTE = (
    "SMPL-X, SMPL, MANO and the smplx package are free for non-commercial research only, each "
    "under the licence you agreed to when you downloaded it; so is what is made with them. For "
    "other use ask Meshcapade (https://meshcapade.com)."
)
"""What a user of the licensed models is told before their first use."""

_SHAPE_SPACE = 300
_ALL_COMPONENTS = 400
_VERTICES, _FACES = 10475, 20908
_POSES_AT_ONCE = 32

_CONVERT = (
    'in a Python with chumpy and scipy run: python -c "import pickle, numpy as np; d = '
    "pickle.load(open('{name}.pkl', 'rb'), encoding='latin1'); np.savez('{name}.npz', **{{k: "
    "np.asarray(d[k].todense() if hasattr(d[k], 'todense') else d[k]) for k in {keys}}})\""
)

SMPLX_LAYOUT = ModelLayout(
    model="SMPL-X",
    source="https://smpl-x.is.tue.mpg.de",
    from_pickle="choose SMPLX_NEUTRAL.npz, which stands beside it in the same download",
    arrays={
        "v_template": ("f", (_VERTICES, 3)),
        "f": ("iu", (_FACES, 3)),
        "weights": ("f", (_VERTICES, JOINT_COUNT)),
        "posedirs": ("f", (_VERTICES, 3, 9 * (JOINT_COUNT - 1))),
        "shapedirs": ("f", (_VERTICES, 3, "components")),
        "J_regressor": ("f", (JOINT_COUNT, _VERTICES)),
        "kintree_table": ("iu", (2, JOINT_COUNT)),
        "hands_meanl": ("f", (45,)),
        "hands_meanr": ("f", (45,)),
        "hands_componentsl": ("f", (45, 45)),
        "hands_componentsr": ("f", (45, 45)),
        "lmk_faces_idx": ("iu", (51,)),
        "lmk_bary_coords": ("f", (51, 3)),
        "dynamic_lmk_faces_idx": ("iu", (79, 17)),
        "dynamic_lmk_bary_coords": ("f", (79, 17, 3)),
    },
    sizes={"components": (SHAPE_COUNT + EXPRESSION_COUNT, _ALL_COMPONENTS)},
    indices={"f": _VERTICES, "lmk_faces_idx": _FACES, "dynamic_lmk_faces_idx": _FACES},
    parents=PARENTS[1:],
)

SMPL_LAYOUT = ModelLayout(
    model="SMPL",
    source="https://smpl.is.tue.mpg.de",
    from_pickle=_CONVERT.format(name="SMPL_NEUTRAL", keys=("v_template", "J_regressor")),
    arrays={"v_template": ("f", (6890, 3)), "J_regressor": ("f", (24, 6890))},
)

MANO_LAYOUT = ModelLayout(
    model="MANO",
    source="https://mano.is.tue.mpg.de",
    from_pickle=_CONVERT.format(
        name="MANO_RIGHT", keys=("v_template", "J_regressor", "hands_mean")
    ),
    arrays={
        "v_template": ("f", (778, 3)),
        "J_regressor": ("f", (16, 778)),
        "hands_mean": ("f", (45,)),
    },
)


# --- SMPL and MANO -----------------------------------------------------------------------------

SMPL_FACE_VERTICES = (331, 2802, 6262, 3489, 3990)
"""Nose, left and right eye, left and right ear: I2L-MeshNet's joints 24 to 28."""


def read_smpl_regressor(path: Path) -> Float32:
    """What gives I2L-MeshNet's 29 joints of SMPL's mesh, (29,6890): SMPL's 24, and the face.

    Raises ModelFileError. Source: I2L-MeshNet (Moon and Lee 2020), the released joint set.
    """
    arrays = read_model(path, SMPL_LAYOUT)
    face = np.zeros((len(SMPL_FACE_VERTICES), 6890))
    face[np.arange(len(face)), SMPL_FACE_VERTICES] = 1.0
    return np.concatenate([arrays["J_regressor"], face]).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class ManoHand:
    """The right hand: hands_mean (45,) axis-angle; joint_regressor (16,778)."""

    hands_mean: Float64
    joint_regressor: Float32


def read_mano(path: Path) -> ManoHand:
    """Read the mean pose and the joint regressor of MANO's right hand; raises ModelFileError."""
    arrays = read_model(path, MANO_LAYOUT)
    return ManoHand(
        hands_mean=arrays["hands_mean"].astype(np.float64),
        joint_regressor=arrays["J_regressor"].astype(np.float32),
    )


# --- SMPL-X ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class PosedBody:
    """vertices (N,10475,3) m; joints (N,144,3) m: the 55, the layer's 21 extra ones, the face's 51
    landmarks and its contour's 17."""

    vertices: Float32
    joints: Float32


@dataclass(frozen=True, kw_only=True, eq=False)
class LicensedBody:
    """The user's neutral SMPL-X model.

    faces (20908,3); hand_mean_pose 'left' and 'right' (45,) axis-angle, which `smplx` adds to
    hand poses; joints_template (55,3) m and joint_directions (55,3,10) m per unit of shape.
    """

    path: Path
    faces: NDArray[np.int64]
    hand_mean_pose: dict[str, Float64]
    joints_template: Float64
    joint_directions: Float64
    body_model: str = "smplx"

    def rest_joints(self, betas_K: Float64) -> Float64:
        """Joints (55,3) m of the zero pose with shape betas_K (10,) and no expression."""
        return self.joints_template + self.joint_directions @ betas_K

    @cached_property
    def layer(self) -> Any:
        """The authors' SMPL-X module with their options, reading the file once more.

        Neutral, without PCA, with the face's contour, 10 shape and 10 expression numbers; it adds
        the hand mean pose. Raises ModelFileError, and EngineError without the research extra.
        """
        return _smplx_layer(_clean_arrays(read_model(self.path, SMPLX_LAYOUT)))

    def posed(self, rotations_NJ3: Float64, betas_NK: Float64, expression_NK: Float64) -> PosedBody:
        """Pose the mesh with full rotations (N,55,3) axis-angle, the pelvis at its rest place.

        The hand mean pose that the layer adds is taken off first, so it counts once. Raises as
        `layer` does.
        """
        relative_NJ3 = rotations_NJ3.astype(np.float64)
        relative_NJ3[:, LEFT_HAND] -= self.hand_mean_pose["left"].reshape(15, 3)
        relative_NJ3[:, RIGHT_HAND] -= self.hand_mean_pose["right"].reshape(15, 3)
        parts = [
            _run(self.layer, relative_NJ3[part], betas_NK[part], expression_NK[part])
            for part in _slices(len(relative_NJ3))
        ]
        return PosedBody(
            vertices=np.concatenate([part.vertices for part in parts]),
            joints=np.concatenate([part.joints for part in parts]),
        )


def load_licensed_body(path: Path) -> LicensedBody:
    """Read SMPLX_NEUTRAL.npz; raises ModelFileError."""
    arrays = read_model(path, SMPLX_LAYOUT)
    regressor_JV = arrays["J_regressor"].astype(np.float64)
    shapes_V3K = arrays["shapedirs"][..., :SHAPE_COUNT].astype(np.float64)
    return LicensedBody(
        path=path,
        faces=arrays["f"].astype(np.int64),
        hand_mean_pose={
            "left": arrays["hands_meanl"].astype(np.float64),
            "right": arrays["hands_meanr"].astype(np.float64),
        },
        joints_template=regressor_JV @ arrays["v_template"].astype(np.float64),
        joint_directions=np.tensordot(regressor_JV, shapes_V3K, axes=1),
    )


def _clean_arrays(arrays: Arrays) -> Arrays:
    """The arrays as `smplx` reads them without a remark: with its full count of components.

    Older releases have ten expressions after the first ten shapes, newer ones after the 300
    shapes of the whole space; `smplx` tells them by the count and prints about the older. Its
    standard output is the worker's voice.
    """
    components = arrays["shapedirs"]
    start = _SHAPE_SPACE if components.shape[2] >= _ALL_COMPONENTS else SHAPE_COUNT
    spread = np.zeros((_VERTICES, 3, _ALL_COMPONENTS), dtype=np.float32)
    spread[..., :SHAPE_COUNT] = components[..., :SHAPE_COUNT]
    expressions = components[..., start : start + EXPRESSION_COUNT]
    spread[..., _SHAPE_SPACE : _SHAPE_SPACE + EXPRESSION_COUNT] = expressions
    return {**arrays, "shapedirs": spread}


def _smplx_layer(arrays: Arrays) -> Any:
    """Give `smplx`, which unpickles what it reads, a file of ours that holds plain arrays only."""
    try:
        import smplx
    except ImportError as error:
        raise EngineError(
            "the SMPL-X layer cannot be used",
            expected="the smplx package and torch",
            actual=str(error),
            next_step="install the research extra (README)",
        ) from error
    with tempfile.TemporaryDirectory(prefix="pose2rig-") as folder:
        clean = Path(folder) / "SMPLX_NEUTRAL.npz"
        np.savez(clean, **arrays)
        layer = smplx.SMPLX(
            str(clean),
            ext="npz",
            gender="neutral",
            use_pca=False,
            use_face_contour=True,
            num_betas=SHAPE_COUNT,
            num_expression_coeffs=EXPRESSION_COUNT,
            flat_hand_mean=False,
            create_transl=False,
        )
    return layer.eval().requires_grad_(False)


def _run(
    layer: Any, rotations_NJ3: Float64, betas_NK: Float64, expression_NK: Float64
) -> PosedBody:
    """One pass of the layer over hand poses relative to their mean."""
    import torch

    def tensor(values: Float64) -> Any:
        return torch.from_numpy(values.astype(np.float32).reshape(len(values), -1))

    jaw = JOINT["jaw"]
    with torch.no_grad():
        out = layer(
            betas=tensor(betas_NK),
            expression=tensor(expression_NK),
            global_orient=tensor(rotations_NJ3[:, 0]),
            body_pose=tensor(rotations_NJ3[:, 1:jaw]),
            jaw_pose=tensor(rotations_NJ3[:, jaw]),
            leye_pose=tensor(rotations_NJ3[:, jaw + 1]),
            reye_pose=tensor(rotations_NJ3[:, jaw + 2]),
            left_hand_pose=tensor(rotations_NJ3[:, LEFT_HAND]),
            right_hand_pose=tensor(rotations_NJ3[:, RIGHT_HAND]),
        )
    return PosedBody(vertices=out.vertices.numpy(), joints=out.joints.numpy())


def _slices(count: int) -> list[slice]:
    return [slice(k, k + _POSES_AT_ONCE) for k in range(0, count, _POSES_AT_ONCE)]
