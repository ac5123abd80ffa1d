"""A motion of the SMPL-X joints on any character, all frames at once.

What turns the source from its zero pose in the world turns the character from its reference pose:
R(t) = R_source(t) R_source_rest^-1 R_reference. The code carries each bone's turn from its rest,
R(t) R_rest^-1. A bone without a joint has its parent's, so a missing bone hands its rotation on to
the next one below.

Legend: T frames, J joints (55), B bones, K keyed bones, P placed bones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .armature import Armature
from .binding import bind
from .mapping import Mapping
from .planting import Character, Contacts, plant_feet
from .reference import reference_turns
from .rest_pose import UPRIGHT
from .rotation import matrix_from_quaternion, sign_continuous
from .skeleton import JOINT_COUNT, PARENTS, local_rotations
from .source import Source, world_quaternions
from .turning import BoneTurns
from .walking import Places, stance_of

Float64 = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Keyframes:
    """Poses of an armature, as Blender's pose bones hold them, relative to the bones' rest.

    bones (K,) names; rotations (T,K,4) unit quaternions wxyz, each bone's `rotation_quaternion`,
    signs continuous in time; placed (P,) names of the bones that also move, the one that carries
    the way over the ground first; locations (T,P,3), each one's `location`, armature units.
    """

    bones: tuple[str, ...]
    rotations: Float64
    placed: tuple[str, ...]
    locations: Float64


def retarget(
    rotations_TJ33: Float64,
    pelvis_T3: Float64,
    rest_joints_J3: Float64,
    armature: Armature,
    mapping: Mapping,
    contacts: Contacts | None = None,
) -> Keyframes:
    """Carry a motion over to a character, whatever pose, size and axes it rests in.

    Args: rotations_TJ33 (T,55,3,3), each joint in its parent's frame, the pelvis in the world's;
        pelvis_T3 (T,3) m, where it is, ground at z = 0; rest_joints_J3 (55,3) m, zero pose;
        contacts: where the source stands, so that the character's soles stand there too.
    The way is scaled by the legs and counts from the armature object's origin, on the ground that
    the character stands on at rest. Raises RigError where the mapping does not fit the armature.
    """
    binding = bind(armature, mapping)
    reference_B33 = reference_turns(binding, rest_joints_J3)
    world_JT4 = world_quaternions(rotations_TJ33)
    turns = BoneTurns(binding, world_JT4, reference_B33)
    places = Places(binding, turns)
    stance = stance_of(binding, rest_joints_J3)
    source = Source(turns=world_JT4, pelvis=pelvis_T3, rest_joints=rest_joints_J3)
    places.place_hips(stance.carried(source.hip_centre()))
    if contacts is not None:
        plant_feet(Character(binding, turns, places, reference_B33), source, contacts, stance)
    return Keyframes(
        bones=tuple(armature.names[row] for row in turns.rows),
        rotations=np.asarray(
            sign_continuous(np.stack([turns.local(row) for row in turns.rows], axis=1))
        ),
        placed=tuple(armature.names[row] for row in places.rows),
        locations=np.stack([places.location(row) for row in places.rows], axis=1),
    )


def posed(armature: Armature, keyframes: Keyframes) -> Float64:
    """World matrices (T,B,4,4) of an armature's bones, as Blender poses them."""
    frames = len(keyframes.rotations)
    basis_TB44 = np.broadcast_to(np.eye(4), (frames, len(armature.names), 4, 4)).copy()
    rows = [armature.index[name] for name in keyframes.bones]
    basis_TB44[:, rows, :3, :3] = matrix_from_quaternion(keyframes.rotations)
    placed = [armature.index[name] for name in keyframes.placed]
    basis_TB44[..., 3][:, placed, :3] = keyframes.locations
    world_TB44 = np.empty_like(basis_TB44)
    for row, parent in enumerate(armature.parents.tolist()):
        offset_44 = armature.rest[row]
        above: Float64 = armature.world
        if parent >= 0:
            offset_44 = np.linalg.inv(armature.rest[parent]) @ armature.rest[row]
            above = world_TB44[:, parent]
        world_TB44[:, row] = above @ offset_44 @ basis_TB44[:, row]
    return world_TB44


def joint_rotations(
    world_TB44: Float64, rest_joints_J3: Float64, armature: Armature, mapping: Mapping
) -> Float64:
    """What SMPL-X joints turn as a posed character's bones do: `retarget` the other way round.

    Args: world_TB44 (T,B,4,4) the bones' world matrices; rest_joints_J3 (55,3) m, zero pose.
    Returns: (T,55,3,3) parent-relative. Joints without a bone of their own do not bend. Raises
    RigError where the mapping does not fit the armature.
    """
    binding = bind(armature, mapping)
    reference_B33 = reference_turns(binding, rest_joints_J3)
    scale = np.linalg.norm(armature.world[:3, 0])
    from_rest_B33 = np.swapaxes(armature.world[:3, :3] @ armature.rest[:, :3, :3], 1, 2) / scale**2
    row_of = binding.ends()
    turns_TJ33 = np.empty((len(world_TB44), JOINT_COUNT, 3, 3))
    for joint, parent in enumerate(PARENTS):
        if joint not in row_of:
            turns_TJ33[:, joint] = turns_TJ33[:, parent]
            continue
        row = row_of[joint]
        zero_33 = from_rest_B33[row] @ reference_B33[row].T @ UPRIGHT
        turns_TJ33[:, joint] = world_TB44[:, row, :3, :3] @ zero_33
    return np.asarray(local_rotations(turns_TJ33), dtype=np.float64)
