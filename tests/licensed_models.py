"""Files in the layout of the licensed body models, filled with numbers of our own rule.

No licensed file is here and none is imitated: the vertices are clouds about the open body's
joints, stretched a little, and all other numbers are random, small and valid.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.rigs.skeleton import JOINT_COUNT, PARENTS

Arrays = dict[str, NDArray[Any]]

VERTICES, FACES = 10475, 20908
STRETCH = (1.06, 0.97, 1.02)


def write_smplx(
    path: Path, *, components: int = 20, changes: Mapping[str, Any] | None = None
) -> Path:
    """Write SMPLX_NEUTRAL.npz's layout: 20 components as in older releases, or 400.

    changes: arrays to put in place of the valid ones; None leaves a key out.
    """
    arrays: dict[str, Any] = {**smplx_arrays(components), **(changes or {})}
    np.savez(path, **{key: array for key, array in arrays.items() if array is not None})
    return path


@functools.cache
def smplx_arrays(components: int = 20) -> Arrays:
    """The arrays of `write_smplx`, always the same; nobody may change them."""
    random = np.random.default_rng(55)

    def small(size: float, *shape: int) -> NDArray[np.float32]:
        return np.float32(size) * random.standard_normal(shape, dtype=np.float32)

    def corners(*shape: int) -> NDArray[np.float64]:
        return random.dirichlet(np.ones(3), shape)

    regressor = _regressor(JOINT_COUNT, VERTICES)
    cloud = small(0.03, VERTICES, 3)
    owner = np.arange(VERTICES) % JOINT_COUNT
    parents = np.array([0, *PARENTS[1:]])
    weights = np.zeros((VERTICES, JOINT_COUNT), dtype=np.float32)
    weights[np.arange(VERTICES), owner] = 0.75
    weights[np.arange(VERTICES), parents[owner]] += 0.25
    return {
        "v_template": cloud + (smplx_like_joints() - regressor @ cloud)[owner].astype(np.float32),
        "f": random.integers(0, VERTICES, (FACES, 3)).astype(np.uint32),
        "weights": weights,
        "posedirs": small(2e-4, VERTICES, 3, 9 * (JOINT_COUNT - 1)),
        "shapedirs": small(5e-3, VERTICES, 3, components),
        "J_regressor": regressor,
        "kintree_table": np.array([[2**32 - 1, *PARENTS[1:]], range(JOINT_COUNT)], np.uint32),
        "hands_meanl": small(0.3, 45),
        "hands_meanr": small(0.3, 45),
        "hands_componentsl": small(1.0, 45, 45),
        "hands_componentsr": small(1.0, 45, 45),
        "lmk_faces_idx": random.integers(0, FACES, 51),
        "lmk_bary_coords": corners(51),
        "dynamic_lmk_faces_idx": random.integers(0, FACES, (79, 17)),
        "dynamic_lmk_bary_coords": corners(79, 17),
        "part2num": np.array({"nobody": "reads this"}, dtype=object),
    }


def smplx_like_joints() -> NDArray[np.float64]:
    """Joints (55,3) m of a zero pose that is not the open body's, as SMPL-X's is not."""
    moved = np.random.default_rng(7).normal(size=(JOINT_COUNT, 3)) * 0.002
    return load_open_body().rest_joints(np.zeros(10)) * np.array(STRETCH) + moved


def write_smpl(path: Path) -> Path:
    """Write SMPL_NEUTRAL.npz's layout, as far as it is read."""
    np.savez(path, v_template=_cloud(6890), J_regressor=_regressor(24, 6890))
    return path


def write_mano(path: Path) -> Path:
    """Write MANO_RIGHT.npz's layout, as far as it is read."""
    mean = np.random.default_rng(45).normal(size=45) * 0.3
    np.savez(path, v_template=_cloud(778), J_regressor=_regressor(16, 778), hands_mean=mean)
    return path


def _cloud(count: int) -> NDArray[np.float64]:
    return np.random.default_rng(count).normal(size=(count, 3)) * 0.3


def _regressor(joints: int, vertices: int) -> NDArray[np.float64]:
    """Every joint is the mean of its own vertices, (J,V)."""
    owner = np.arange(vertices) % joints
    own = (owner == np.arange(joints)[:, None]).astype(np.float64)
    return own / own.sum(axis=1, keepdims=True)
