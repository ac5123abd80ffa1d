"""The open body: a mesh on the 55 SMPL-X joints, shaped and skinned in numpy.

The file keeps the SMPL-X npz layout (v_template, f, weights, shapedirs, J_regressor,
kintree_table) and adds names, the places of MediaPipe's landmarks on the body and the face shapes
of rigs.face_shapes. Zero pose and axes are those of rigs.skeleton.

Legend: T frames, J joints (55), V vertices, F triangles, K shape components (10), L landmarks,
S face shapes (52), N vertices of one question, P points of the face mesh (468).
"""

import functools
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ModelFileError
from ..rigs.face_shapes import FACE_SHAPE_COUNT, FACE_SHAPES
from ..rigs.skeleton import JOINT, JOINT_COUNT, PARENTS

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

SHAPE_COUNT = 10
FACE_POINT_COUNT = 468
DEFAULT_PATH = Path(__file__).parent.parent / "assets" / "open_body.npz"

_MAX_FILE_BYTES = 100_000_000
_MAX_ARRAY_BYTES = 400_000_000
_FRAMES_AT_ONCE = 32

_LAYOUT: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "v_template": ("f", ("V", 3)),
    "f": ("iu", ("F", 3)),
    "weights": ("f", ("V", JOINT_COUNT)),
    "shapedirs": ("f", ("V", 3, SHAPE_COUNT)),
    "J_regressor": ("f", (JOINT_COUNT, "V")),
    "kintree_table": ("iu", (2, JOINT_COUNT)),
    "shape_names": ("U", (SHAPE_COUNT,)),
    "part_names": ("U", ("P",)),
    "face_part": ("iu", ("F",)),
    "landmark_names": ("U", ("L",)),
    "landmark_joint": ("iu", ("L",)),
    "landmark_vertices": ("iu", ("L", 3)),
    "landmark_weights": ("f", ("L", 3)),
    "face_shape_names": ("U", (FACE_SHAPE_COUNT,)),
    "face_shape_vertices": ("iu", ("N",)),
    "face_shape_offsets": ("f", ("N", 3, FACE_SHAPE_COUNT)),
    "face_point_offsets": ("f", (FACE_POINT_COUNT, 3, FACE_SHAPE_COUNT)),
}


@dataclass(frozen=True, kw_only=True)
class BodyModel:
    """Mesh, skin weights, shape components and landmark places, all at rest in the T-pose.

    v_template (V,3) m; faces (F,3); weights (V,55) summing to 1; shapedirs (V,3,10) m per unit;
    j_regressor (55,V), joints_template (55,3) and joint_directions (55,3,10), what it gives of
    template and shapes; shape_names (10,); part_names (P,) and face_part (F,) say what a triangle
    shows. Landmark l is the joint landmark_joint[l], or where that is -1 the point on the skin
    landmark_weights[l] @ vertices[landmark_vertices[l]]; landmark_parent (L,) is the joint that
    moves it most. A face shape at 1 moves the vertices face_vertices (N,) by face_offsets
    (N,3,52) m at rest, beside what it turns the joints of jaw and eyes. face_point_offsets
    (468,3,52) m: how far it moves the landmarks `face_000` to `face_467` as the landmark networks
    see it, jaw joint included, `mouthClose` together with `jawOpen`.
    """

    v_template: FloatArray
    faces: IntArray
    weights: FloatArray
    shapedirs: FloatArray
    j_regressor: FloatArray
    joints_template: FloatArray
    joint_directions: FloatArray
    shape_names: tuple[str, ...]
    part_names: tuple[str, ...]
    face_part: IntArray
    landmark_names: tuple[str, ...]
    landmark_joint: IntArray
    landmark_vertices: IntArray
    landmark_weights: FloatArray
    landmark_parent: IntArray
    face_vertices: IntArray
    face_offsets: FloatArray
    face_point_offsets: FloatArray

    def rest_vertices(self, betas_K: FloatArray) -> FloatArray:
        """Vertices (V,3) m of the T-pose with shape `betas_K` (10,)."""
        return self.v_template + self.shapedirs @ _checked_betas(betas_K)

    def rest_joints(self, betas_K: FloatArray) -> FloatArray:
        """Joints (55,3) m of the T-pose with shape `betas_K` (10,)."""
        return self.joints_template + self.joint_directions @ _checked_betas(betas_K)

    def skin(
        self,
        world_TJ33: FloatArray,
        joints_TJ3: FloatArray,
        betas_K: FloatArray,
        vertices: IntArray | None = None,
        face_shapes_TS: FloatArray | None = None,
    ) -> FloatArray:
        """Linear blend skinning of all vertices, or of some, over many frames.

        Args: world_TJ33 (T,55,3,3) world rotations of the joints; joints_TJ3 (T,55,3) m, world;
            betas_K (10,); vertices: indices (N,) of the wanted vertices, None for all;
            face_shapes_TS (T,52) 0..1, None for a face at rest.
        Returns: (T,V,3) or (T,N,3) m, world.
        """
        picked = slice(None) if vertices is None else vertices
        rest_V3 = self.v_template[picked] + self.shapedirs[picked] @ _checked_betas(betas_K)
        weights_VJ = self.weights[picked]
        rest_J3 = self.rest_joints(betas_K)
        still = face_shapes_TS is None
        directions_V3S = None if still else self.face_directions(betas_K, vertices)
        skinned = np.empty((len(world_TJ33), len(rest_V3), 3))
        for first in range(0, len(world_TJ33), _FRAMES_AT_ONCE):
            part = slice(first, first + _FRAMES_AT_ONCE)
            rest_TV3 = rest_V3[None]
            if directions_V3S is not None and face_shapes_TS is not None:
                rest_TV3 = rest_TV3 + np.tensordot(face_shapes_TS[part], directions_V3S, (1, 2))
            skinned[part] = _blend(
                world_TJ33[part], joints_TJ3[part], rest_J3, weights_VJ, rest_TV3
            )
        return skinned

    def face_directions(self, betas_K: FloatArray, vertices: IntArray | None = None) -> FloatArray:
        """How far each face shape at 1 moves vertices (V,3,52) or (N,3,52) of the T-pose, m.

        It grows with the head: by the distance between the eyes.
        """
        directions = np.zeros((len(self.v_template), 3, FACE_SHAPE_COUNT))
        directions[self.face_vertices] = self.face_offsets
        eyes = [JOINT["left_eye_smplhf"], JOINT["right_eye_smplhf"]]
        apart, apart_template = (
            np.linalg.norm(joints[eyes[0]] - joints[eyes[1]])
            for joints in (self.rest_joints(betas_K), self.joints_template)
        )
        picked = slice(None) if vertices is None else vertices
        return directions[picked] * (apart / apart_template)

    def landmark_indices(self, names: Sequence[str]) -> IntArray:
        """Where the named landmarks stand in the model; raises KeyError for an unknown name."""
        table = {name: index for index, name in enumerate(self.landmark_names)}
        return np.array([table[name] for name in names], dtype=np.int64)

    def landmark_rest_points(self, betas_K: FloatArray) -> FloatArray:
        """All landmarks (L,3) m of the T-pose with shape `betas_K` (10,)."""
        corners_L33 = self.rest_vertices(betas_K)[self.landmark_vertices]
        surface_L3 = np.einsum("lc,lci->li", self.landmark_weights, corners_L33)
        joints_L3 = self.rest_joints(betas_K)[self.landmark_joint]
        return np.where(self.landmark_joint[:, None] >= 0, joints_L3, surface_L3)

    def landmark_points(
        self,
        world_TJ33: FloatArray,
        joints_TJ3: FloatArray,
        betas_K: FloatArray,
        names: Sequence[str] | None = None,
        face_shapes_TS: FloatArray | None = None,
    ) -> FloatArray:
        """Landmarks of the posed body over many frames.

        Args: world_TJ33 (T,55,3,3); joints_TJ3 (T,55,3) m, world; betas_K (10,); names: the
            wanted landmarks in the wanted order, None for all of landmark_names; face_shapes_TS
            (T,52) 0..1, None for a face at rest.
        Returns: (T,L,3) m, world. Raises: KeyError for an unknown name.
        """
        wanted = self.landmark_indices(self.landmark_names if names is None else names)
        joint_L = self.landmark_joint[wanted]
        points_TL3 = joints_TJ3[:, joint_L].astype(np.float64)
        surface = np.flatnonzero(joint_L < 0)
        corners_N3 = self.landmark_vertices[wanted[surface]]
        corners = corners_N3.ravel()
        skinned = self.skin(world_TJ33, joints_TJ3, betas_K, corners, face_shapes_TS)
        skinned = skinned.reshape(len(world_TJ33), -1, 3, 3)
        weights_N3 = self.landmark_weights[wanted[surface]]
        points_TL3[:, surface] = np.einsum("nc,tnci->tni", weights_N3, skinned)
        return points_TL3


@functools.cache
def load_open_body(path: Path | None = None) -> BodyModel:
    """Read the open body, by default the one delivered with the program.

    Raises: ModelFileError where the file is missing, unreadable or not of this layout.
    """
    source = DEFAULT_PATH if path is None else path
    arrays = _read_arrays(source)
    _check_layout(source, arrays)
    _check_content(source, arrays)
    return _model(arrays)


def _error(path: Path, what: str, expected: str, actual: str) -> ModelFileError:
    return ModelFileError(
        f"{path.name} {what}",
        expected=expected,
        actual=actual,
        next_step="install Pose2Rig again or bake the open body again (assets/README.md)",
    )


def _read_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    if not path.is_file():
        raise _error(path, "is missing", f"the open body at {path}", "no such file")
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise _error(path, "is too large", "a file under 100 MB", f"{path.stat().st_size} bytes")
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > _MAX_ARRAY_BYTES:
            raise _error(path, "unpacks too large", "arrays under 400 MB", f"{unpacked} bytes")
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in _LAYOUT if key in file}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _error(path, "cannot be read", "an npz file of plain arrays", str(error)) from error


def _check_layout(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    sizes: dict[str, int] = {}
    for key, (kinds, shape) in _LAYOUT.items():
        if key not in arrays:
            raise _error(path, "lacks an array", f"the key {key}", f"{sorted(arrays)}")
        array = arrays[key]
        if array.dtype.kind not in kinds:
            raise _error(path, f"has a wrong {key}", f"dtype kind {kinds}", str(array.dtype))
        if not _shape_fits(shape, array.shape, sizes):
            raise _error(path, f"has a wrong {key}", f"shape {shape}", str(array.shape))


def _shape_fits(
    shape: tuple[str | int, ...], actual: tuple[int, ...], sizes: dict[str, int]
) -> bool:
    """Compare with the layout; a letter stands for the size that it met first."""
    if len(shape) != len(actual):
        return False
    return all(
        size == (sizes.setdefault(name, size) if isinstance(name, str) else name)
        for name, size in zip(shape, actual, strict=True)
    )


def _check_content(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    for key, (kinds, _) in _LAYOUT.items():
        if kinds == "f" and not np.isfinite(arrays[key].astype(np.float64)).all():
            raise _error(path, f"has a wrong {key}", "finite numbers", "nan or infinity")
    count = len(arrays["v_template"])
    limits = {
        "f": (0, count),
        "landmark_vertices": (0, count),
        "landmark_joint": (-1, JOINT_COUNT),
        "face_part": (0, len(arrays["part_names"])),
        "face_shape_vertices": (0, count),
    }
    for key, (low, high) in limits.items():
        numbers = arrays[key].astype(np.int64)
        if numbers.size and (numbers.min() < low or numbers.max() >= high):
            found = f"{numbers.min()} to {numbers.max()}"
            raise _error(path, f"has a wrong {key}", f"numbers from {low} to {high - 1}", found)
    if (names := arrays["face_shape_names"].tolist()) != list(FACE_SHAPES):
        raise _error(path, "has wrong face_shape_names", "ARKit's 52 in order", str(names[:3]))
    parents = arrays["kintree_table"][0].astype(np.int64)
    if parents[1:].tolist() != list(PARENTS[1:]):
        raise _error(path, "has a wrong kintree_table", "SMPL-X's parents", str(parents.tolist()))
    off = float(np.abs(arrays["weights"].astype(np.float64).sum(axis=1) - 1).max())
    if off > 1e-4:
        raise _error(path, "has wrong weights", "rows that sum to 1", f"rows off by {off:.3g}")


def _model(arrays: dict[str, NDArray[np.generic]]) -> BodyModel:
    real = {
        key: arrays[key].astype(np.float64) for key, (kinds, _) in _LAYOUT.items() if kinds == "f"
    }
    whole = {
        key: arrays[key].astype(np.int64) for key, (kinds, _) in _LAYOUT.items() if kinds == "iu"
    }
    joint_L, corners_L3 = whole["landmark_joint"], whole["landmark_vertices"]
    held_LJ = np.einsum("lc,lcj->lj", real["landmark_weights"], real["weights"][corners_L3])
    return BodyModel(
        v_template=real["v_template"],
        faces=whole["f"],
        weights=real["weights"],
        shapedirs=real["shapedirs"],
        j_regressor=real["J_regressor"],
        joints_template=real["J_regressor"] @ real["v_template"],
        joint_directions=np.einsum(
            "jv,vik->jik", real["J_regressor"], real["shapedirs"], optimize=True
        ),
        shape_names=tuple(str(n) for n in arrays["shape_names"]),
        part_names=tuple(str(n) for n in arrays["part_names"]),
        face_part=whole["face_part"],
        landmark_names=tuple(str(n) for n in arrays["landmark_names"]),
        landmark_joint=joint_L,
        landmark_vertices=corners_L3,
        landmark_weights=real["landmark_weights"],
        landmark_parent=np.where(joint_L >= 0, joint_L, held_LJ.argmax(axis=1)),
        face_vertices=whole["face_shape_vertices"],
        face_offsets=real["face_shape_offsets"],
        face_point_offsets=real["face_point_offsets"],
    )


def _checked_betas(betas_K: FloatArray) -> FloatArray:
    if betas_K.shape != (SHAPE_COUNT,):
        raise ValueError(f"betas must have shape ({SHAPE_COUNT},), got {betas_K.shape}")
    return betas_K.astype(np.float64)


def _blend(
    world_TJ33: FloatArray,
    joints_TJ3: FloatArray,
    rest_J3: FloatArray,
    weights_VJ: FloatArray,
    rest_TV3: FloatArray,
) -> FloatArray:
    """Blend the joints' transforms by the weights and apply them to (T or 1,V,3), (T,V,3)."""
    shift_TJ3 = joints_TJ3 - np.einsum("tjab,jb->tja", world_TJ33, rest_J3)
    move_TJ34 = np.concatenate([world_TJ33, shift_TJ3[..., None]], axis=-1)
    move_TV34 = np.matmul(weights_VJ, move_TJ34.reshape(len(move_TJ34), JOINT_COUNT, 12))
    move_TV34 = move_TV34.reshape(len(move_TJ34), -1, 3, 4)
    return np.einsum("tvab,tvb->tva", move_TV34[..., :3], rest_TV3) + move_TV34[..., 3]
