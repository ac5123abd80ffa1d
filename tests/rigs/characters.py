"""Real characters as armatures, read without Blender, and beings that are no people."""

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose2rig.rigs.armature import Armature
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import matrix_from_quaternion

Float64 = NDArray[np.float64]
Bone = tuple[str, str, tuple[float, float, float]]

_JSON_AT = 20  # after the header and the first chunk's own


def built(names: list[str], parents: list[str], heads_B3: Float64, tails_B3: Float64) -> Armature:
    """An armature whose bones lie from head to tail, rolled anyhow, parents put first."""
    order: list[int] = []
    rows = {name: row for row, name in enumerate(names)}

    def put(row: int) -> None:
        if row in order:
            return
        if parents[row] in rows:
            put(rows[parents[row]])
        order.append(row)

    for row in range(len(names)):
        put(row)
    place = {names[row]: k for k, row in enumerate(order)}
    along_B3 = tails_B3 - heads_B3
    lengths_B = np.linalg.norm(along_B3, axis=1)
    rest_B44 = np.broadcast_to(np.eye(4), (len(names), 4, 4)).copy()
    y_B3 = along_B3 / lengths_B[:, None]
    aside_B3 = np.where(np.abs(y_B3[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    x_B3 = np.cross(y_B3, aside_B3)
    x_B3 /= np.linalg.norm(x_B3, axis=1, keepdims=True)
    rest_B44[:, :3, :3] = np.stack([x_B3, y_B3, np.cross(x_B3, y_B3)], axis=-1)
    rest_B44[:, :3, 3] = heads_B3
    return Armature(
        names=tuple(names[row] for row in order),
        parents=np.array([place.get(parents[row], -1) for row in order]),
        rest=rest_B44[order],
        lengths=lengths_B[order],
        world=np.eye(4),
    )


def of_bones(bones: list[Bone]) -> Armature:
    """An armature of (name, parent, head); a bone ends at its first child, else 0.1 m higher."""
    names, parents = [bone[0] for bone in bones], [bone[1] for bone in bones]
    heads_B3 = np.array([bone[2] for bone in bones])
    return built(names, parents, heads_B3, _tails(names, parents, heads_B3))


def _tails(names: list[str], parents: list[str], heads_B3: Float64) -> Float64:
    tails_B3 = heads_B3 + [0.0, 0.0, 0.1]
    for row, name in enumerate(names):
        children = [k for k, parent in enumerate(parents) if parent == name]
        ends = [k for k in children if np.linalg.norm(heads_B3[k] - heads_B3[row]) > 1e-6]
        if ends:
            tails_B3[row] = heads_B3[ends[0]]
    return tails_B3


def gltf_character(path: Path) -> Armature:
    """The joints of a .glb or .vrm file where their nodes stand, z up; bones end at children."""
    content = path.read_bytes()
    (size,) = struct.unpack_from("<I", content, 12)
    scene: dict[str, Any] = json.loads(content[_JSON_AT : _JSON_AT + size])
    nodes: list[dict[str, Any]] = scene["nodes"]
    above = {child: row for row, node in enumerate(nodes) for child in node.get("children", ())}

    def world(row: int) -> Float64:
        own_44 = _node_matrix(nodes[row])
        return world(above[row]) @ own_44 if row in above else own_44

    joints = sorted({row for skin in scene["skins"] for row in skin["joints"]})
    names = [nodes[row]["name"] for row in joints]
    parents = [nodes[above[row]]["name"] if above.get(row) in joints else "" for row in joints]
    heads_B3 = np.array([UPRIGHT @ world(row)[:3, 3] for row in joints])
    return built(names, parents, heads_B3, _tails(names, parents, heads_B3))


def _node_matrix(node: dict[str, Any]) -> Float64:
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    matrix_44 = np.eye(4)
    matrix_44[:3, :3] = matrix_from_quaternion(np.array([w, x, y, z])) * node.get("scale", 1.0)
    matrix_44[:3, 3] = node.get("translation", 0.0)
    return matrix_44


def mpfb_character(path: Path) -> Armature:
    """A rig file of MPFB, its bones at their default positions, m."""
    data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    bones: dict[str, Any] = data.get("bones", data)
    heads_B3, tails_B3 = (
        np.array([bone[end]["default_position"] for bone in bones.values()])
        for end in ("head", "tail")
    )
    parents = [bone["parent"] for bone in bones.values()]
    return built(list(bones), parents, heads_B3, tails_B3)


def character(shared_dir: Path, file: str) -> Armature:
    """One of the real characters beside the checkout."""
    path = shared_dir / "footage" / "characters" / file
    return mpfb_character(path) if path.suffix == ".json" else gltf_character(path)


def bones_of(armature: Armature) -> list[Bone]:
    """What `of_bones` makes an armature of."""
    above = ["" if row < 0 else armature.names[row] for row in armature.parents.tolist()]
    heads = [(x, y, z) for x, y, z in armature.heads.tolist()]
    return list(zip(armature.names, above, heads, strict=True))


def scrambled(armature: Armature) -> Armature:
    """The same with names that say nothing."""
    names = tuple(f"bone_{row:03d}" for row in range(len(armature.names)))
    return replace(armature, names=names)


def quadruped(names: tuple[str, str, str] = ("front", "hind", "trunk")) -> Armature:
    """Something like a dog: two pairs of legs of three bones on a level trunk, a head, a tail."""
    front, hind, trunk = names
    bones: list[Bone] = [
        (f"{trunk}_a", "", (0.0, 0.5, 0.6)),
        (f"{trunk}_b", f"{trunk}_a", (0.0, 0.2, 0.62)),
        (f"{trunk}_c", f"{trunk}_b", (0.0, -0.2, 0.62)),
        ("neck", f"{trunk}_c", (0.0, -0.35, 0.7)),
        ("head", "neck", (0.0, -0.5, 0.9)),
        ("tail_a", f"{trunk}_a", (0.0, 0.6, 0.6)),
        ("tail_b", "tail_a", (0.0, 0.8, 0.5)),
    ]
    for side, x in (("l", 0.12), ("r", -0.12)):
        for leg, parent, y in ((front, f"{trunk}_c", -0.25), (hind, f"{trunk}_a", 0.5)):
            upper, lower, foot, toe = (f"{leg}_{part}_{side}" for part in _LEG_PARTS)
            bones += [
                (upper, parent, (x, y, 0.55)),
                (lower, upper, (x, y + 0.05, 0.3)),
                (foot, lower, (x, y, 0.08)),
                (toe, foot, (x, y - 0.07, 0.02)),
            ]
    return of_bones(bones)


_LEG_PARTS = ("upper", "lower", "foot", "toe")


def crane() -> Armature:
    """A prop: one line of bones, no two of which mirror each other."""
    line = [(f"part_{k}", f"part_{k - 1}" if k else "", (0.0, 0.2 * k, 0.3 * k)) for k in range(6)]
    return of_bones(line)
