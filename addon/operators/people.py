"""The list of people: pick whose takes stand in the scene, and select one."""

import bpy

from ...rigs.errors import Pose2RigError
from .. import people

EVERYBODY = -1


class PickPeople(bpy.types.Operator):
    """Put a person's take into the scene, or take it out with everything that was made of it"""

    bl_idname = "pose2rig.pick_people"
    bl_label = "Pick People"
    bl_options = {"UNDO"}  # noqa: RUF012

    number: bpy.props.IntProperty(
        name="Person", description="Number in the list; -1 is everybody", default=EVERYBODY, min=-1
    )
    standing: bpy.props.BoolProperty(
        name="In the Scene", description="Whether the take shall stand there", default=True
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """A capture has found somebody."""
        return bool(context.scene.pose2rig_people.people)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Do it for the one or for everybody; who is already as wanted is left alone."""
        try:
            chosen = people.chosen_people(context.scene, self.number)
            if self.standing:
                people.put_back(context.scene, chosen)
            else:
                people.take_out(context.scene, chosen)
        except Pose2RigError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class SelectPerson(bpy.types.Operator):
    """Select the person's armature"""

    bl_idname = "pose2rig.select_person"
    bl_label = "Select Person"
    bl_options = {"UNDO"}  # noqa: RUF012

    number: bpy.props.IntProperty(name="Person", description="Number in the list", min=0)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Leave any other mode, deselect the rest, select the armature."""
        try:
            (person,) = people.chosen_people(context.scene, self.number)
            people.select(context, person)
        except Pose2RigError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}
