"""The open body as a mesh, skinned to an SMPL-X armature.

Legend: V vertices, N faces, J joints (55), S face shapes (52).
"""

import bpy
import numpy as np
from numpy.typing import NDArray

from ..core_inference.body_model import BodyModel
from ..core_inference.clip import Clip
from ..rigs.face_shapes import FACE_SHAPES
from ..rigs.rest_pose import UPRIGHT
from ..rigs.skeleton import JOINT_NAMES

FloatArray = NDArray[np.floating]

MIN_WEIGHT = 1e-4

PART_COLOURS: dict[str, tuple[float, float, float]] = {
    "skin": (0.62, 0.40, 0.30),
    "shirt": (0.10, 0.24, 0.42),
    "trousers": (0.06, 0.07, 0.10),
    "shoes": (0.03, 0.03, 0.03),
    "hair": (0.05, 0.03, 0.02),
    "eye_white": (0.80, 0.80, 0.78),
    "iris": (0.08, 0.15, 0.18),
    "teeth": (0.75, 0.72, 0.65),
    "tongue": (0.50, 0.18, 0.17),
}
"""Linear RGB of each part of the body."""


def build_body(model: BodyModel, clip: Clip, armature: bpy.types.Object) -> bpy.types.Object:
    """Make the body in the clip's shape as a child of the armature, in its collections.

    The armature must be at rest in SMPL-X's bones. Every vertex follows the model's skin weights;
    where the clip's joints are not the model's own, as those of the licensed SMPL-X, it stands
    about them. A clip with a face gives it the 52 face shapes as shape keys, at rest.
    """
    name = f"{armature.name}_body"
    mesh = bpy.data.meshes.new(name)
    vertices_V3 = rest_vertices(model, clip) @ UPRIGHT.T
    mesh.from_pydata(vertices_V3.tolist(), [], model.faces.tolist())
    mesh.shade_smooth()
    for part in model.part_names:
        mesh.materials.append(_material(part))
    mesh.polygons.foreach_set("material_index", model.face_part.astype(np.int32))
    body = bpy.data.objects.new(name, mesh)
    for collection in armature.users_collection:
        collection.objects.link(body)
    body.parent = armature
    _weigh(body, model.weights)
    if clip.face_shapes is not None:
        _add_shape_keys(body, vertices_V3, model.face_directions(clip.open_betas))
    modifier = body.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature
    return body


def rest_vertices(model: BodyModel, clip: Clip) -> FloatArray:
    """The T-pose (V,3) m in SMPL-X axes, each vertex moved as the joints that hold it are."""
    unturned = np.broadcast_to(np.eye(3), (1, len(JOINT_NAMES), 3, 3))
    return model.skin(unturned, clip.rest_joints[None].astype(np.float64), clip.open_betas)[0]


def _add_shape_keys(
    body: bpy.types.Object, vertices_V3: FloatArray, directions_V3S: FloatArray
) -> None:
    """One shape key for every face shape, beside what jaw and eye bones do."""
    body.shape_key_add(name="Basis", from_mix=False)
    for index, name in enumerate(FACE_SHAPES):
        moved_V3 = vertices_V3 + directions_V3S[:, :, index] @ UPRIGHT.T
        key = body.shape_key_add(name=name, from_mix=False)
        key.data.foreach_set("co", moved_V3.astype(np.float32).ravel())


def _weigh(body: bpy.types.Object, weights_VJ: FloatArray) -> None:
    for joint, name in enumerate(JOINT_NAMES):
        group = body.vertex_groups.new(name=name)
        for vertex in np.flatnonzero(weights_VJ[:, joint] > MIN_WEIGHT).tolist():
            group.add((vertex,), float(weights_VJ[vertex, joint]), "REPLACE")


def _material(part: str) -> bpy.types.Material:
    """The material of a body part, shared by all captured bodies of the file."""
    name = f"pose2rig_{part}"
    material = bpy.data.materials.get(name)
    if material is not None and material.library is None:
        return material
    material = bpy.data.materials.new(name)
    colour = (*PART_COLOURS.get(part, PART_COLOURS["skin"]), 1.0)
    material.diffuse_color = colour
    material.roughness = 0.7
    if bpy.app.version < (5, 0, 0):  # from 5.0 on every material has nodes
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = colour
    shader.inputs["Roughness"].default_value = 0.7
    return material
