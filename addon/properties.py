"""What the panel sets and whom it found (saved with the scene), and what it shows of a capture."""

import json

import bpy

from .motion_sliders import MotionSliders

LANDMARKS = "landmarks"
"""The estimator that needs nothing but the engine; the others' names are the engine's as well."""

ESTIMATORS = (
    (
        LANDMARKS,
        "Landmarks (built in)",
        "Body, hands and jaw; there is nothing to fetch, and commercial use is allowed",
    ),
    (
        "hand4whole",
        "Hand4Whole",
        "Body, hands and face from one network; you bring its weights, for non-commercial research",
    ),
    (
        "pose2pose",
        "Pose2Pose",
        "Body, hands and face from a network each; you bring the three networks' weights, for "
        "non-commercial research",
    ),
    (
        "i2l-meshnet",
        "I2L-MeshNet",
        "The body without its fingers, and its mesh in the clip; you bring its weights and the "
        "SMPL model, for non-commercial research",
    ),
)

PEOPLE = (
    ("all", "All", "Everybody in the footage, an armature each"),
    ("largest", "Largest", "In every shot the one who is largest in the image"),
)
ROOTS = (
    ("fit", "Fit", "Where the posed body meets its pixels; needs nothing more"),
    (
        "rootnet",
        "RootNet",
        "The distance as RootNet sees it; you bring its weights, for non-commercial research",
    ),
)
FIT = "fit"

STATES = ("IDLE", "RUNNING", "CANCELLING", "DONE", "CANCELLED", "FAILED")


class CaptureSettings(MotionSliders, bpy.types.PropertyGroup):
    """Settings of the next capture, at `scene.pose2rig`; the sliders are those of a take."""

    footage: bpy.props.StringProperty(
        name="Footage",
        description="A video file, a folder of images, or one image",
        subtype="FILE_PATH",
    )
    start: bpy.props.IntProperty(
        name="From", description="First frame of the footage to capture, from 0", min=0
    )
    end: bpy.props.IntProperty(
        name="To",
        description="Frame of the footage before which to stop; 0 captures to the end",
        min=0,
    )
    people: bpy.props.EnumProperty(
        name="People", description="Who is captured", items=PEOPLE, default="all"
    )
    estimator: bpy.props.EnumProperty(
        name="Estimator",
        description="What looks at the footage",
        items=ESTIMATORS,
        default=LANDMARKS,
    )
    precision: bpy.props.EnumProperty(
        name="Precision",
        description="How the research networks are computed",
        items=(
            ("DEFAULT", "Default", "Fast, and the authors' numbers as far as anybody can see"),
            ("EXACT", "Exact", "The networks as their authors run them; takes longer"),
            ("HALF", "Half", "Faster again; rotations may be a few degrees off"),
        ),
        default="DEFAULT",
    )
    root: bpy.props.EnumProperty(
        name="Root",
        description="What says how far from the camera people are",
        items=ROOTS,
        default=FIT,
    )
    rotation_mode: bpy.props.EnumProperty(
        name="Rotation",
        description="How the bones' rotations are keyed",
        items=(
            ("AXIS_ANGLE", "Axis Angle", "SMPL-X's own numbers: each joint's row of the clip"),
            ("QUATERNION", "Quaternion", "For motion blur and for retiming the keys"),
        ),
        default="AXIS_ANGLE",
    )
    first_frame: bpy.props.IntProperty(
        name="Starts at",
        description="Scene frame on which the footage's first frame stands",
        default=1,
    )
    match_scene: bpy.props.BoolProperty(
        name="Match Scene to Clip",
        description="Set the scene's frame rate and range to those of the captured clip",
        default=False,
    )

    @property
    def is_of_network(self) -> bool:
        """Whether a research network is asked for, whose body and mesh can be calibrated."""
        return self.estimator != LANDMARKS

    @property
    def needs_models(self) -> bool:
        """Whether the engine will ask for models that the user brings."""
        return self.is_of_network or self.root != FIT


class CaptureStatus(bpy.types.PropertyGroup):
    """What the current or last capture is doing, at `window_manager.pose2rig`; never saved."""

    state: bpy.props.EnumProperty(items=[(state, state.title(), "") for state in STATES])
    stage: bpy.props.StringProperty()
    done: bpy.props.IntProperty()
    total: bpy.props.IntProperty()
    progress: bpy.props.FloatProperty(min=0.0, max=1.0)
    fps: bpy.props.FloatProperty()
    eta_s: bpy.props.FloatProperty(description="Seconds left; below 0 when not known")
    people: bpy.props.IntProperty(description="How many have been found so far")
    message: bpy.props.StringProperty()
    next_step: bpy.props.StringProperty()
    warnings: bpy.props.StringProperty(description="One warning a line")
    process_message: bpy.props.StringProperty(
        description="Why a take could not be processed again; empty where it could"
    )
    process_next_step: bpy.props.StringProperty()


class FoundPerson(bpy.types.PropertyGroup):
    """One of the people whom the last capture found."""

    number: bpy.props.IntProperty(description="The person's number in the names of the files")
    name: bpy.props.StringProperty(description="What the person's take is called")
    quality: bpy.props.StringProperty(description="The take's figures from the report, as JSON")
    armature: bpy.props.PointerProperty(
        type=bpy.types.Object, description="The take in the scene; empty when it was taken out"
    )

    @property
    def figures(self) -> dict[str, float]:
        """What is known of the take's quality, by the report's keys."""
        return json.loads(self.quality)


class FoundPeople(bpy.types.PropertyGroup):
    """The people of the last capture, at `scene.pose2rig_people`, and how it came into the scene.

    So a take that was taken out can be put back as it was, also after the file was closed.
    """

    folder: bpy.props.StringProperty(description="Where the capture is kept", subtype="DIR_PATH")
    rotation_mode: bpy.props.StringProperty()
    first_frame: bpy.props.IntProperty()
    fps: bpy.props.FloatProperty(description="Frames per second that the takes were keyed for")
    calibration_weights: bpy.props.StringProperty(
        description="The file by which the takes' meshes were calibrated; empty without one"
    )
    people: bpy.props.CollectionProperty(type=FoundPerson)


def register() -> None:
    """Hang settings and people on scenes, and the status on the window manager."""
    bpy.types.Scene.pose2rig = bpy.props.PointerProperty(type=CaptureSettings)
    bpy.types.Scene.pose2rig_people = bpy.props.PointerProperty(type=FoundPeople)
    bpy.types.WindowManager.pose2rig = bpy.props.PointerProperty(
        type=CaptureStatus, options={"SKIP_SAVE"}
    )


def unregister() -> None:
    """Take them away again."""
    del bpy.types.WindowManager.pose2rig
    del bpy.types.Scene.pose2rig_people
    del bpy.types.Scene.pose2rig
