"""What the panel sets (saved with the scene) and what it shows of a running capture."""

import bpy

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

STATES = ("IDLE", "RUNNING", "CANCELLING", "DONE", "CANCELLED", "FAILED")


class CaptureSettings(bpy.types.PropertyGroup):
    """Settings of the next capture, at `scene.pose2rig`."""

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
    smooth: bpy.props.FloatProperty(
        name="Smoothing",
        description="0 leaves the motion as solved, 1 smooths strongly",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
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


class CaptureStatus(bpy.types.PropertyGroup):
    """What the current or last capture is doing, at `window_manager.pose2rig`; never saved."""

    state: bpy.props.EnumProperty(items=[(state, state.title(), "") for state in STATES])
    stage: bpy.props.StringProperty()
    done: bpy.props.IntProperty()
    total: bpy.props.IntProperty()
    progress: bpy.props.FloatProperty(min=0.0, max=1.0)
    fps: bpy.props.FloatProperty()
    eta_s: bpy.props.FloatProperty(description="Seconds left; below 0 when not known")
    message: bpy.props.StringProperty()
    next_step: bpy.props.StringProperty()
    warnings: bpy.props.StringProperty(description="One warning a line")


def register() -> None:
    """Hang the settings on scenes and the status on the window manager."""
    bpy.types.Scene.pose2rig = bpy.props.PointerProperty(type=CaptureSettings)
    bpy.types.WindowManager.pose2rig = bpy.props.PointerProperty(
        type=CaptureStatus, options={"SKIP_SAVE"}
    )


def unregister() -> None:
    """Take both away again."""
    del bpy.types.WindowManager.pose2rig
    del bpy.types.Scene.pose2rig
