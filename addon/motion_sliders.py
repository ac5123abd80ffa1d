"""The sliders of motion, by the names of the command line: a take's, and the next capture's."""

from pathlib import Path

import bpy

from .worker_client import MotionOptions

SLIDERS = ("smooth", "hands", "filter", "feet", "ground")
"""Those of every take; those of a research network's stand beside them."""

FILTERS = (
    ("zero-phase", "Zero Phase", "All movements are smoothed alike"),
    ("one-euro", "One-Euro", "Slow movements are smoothed more than fast ones"),
)
FEET = (
    ("auto", "Auto", "A foot that stands on the ground stays where it is"),
    ("always", "Always", "Also one that seems to slide while it stands"),
    ("never", "Never", "Feet go as they were solved"),
)
GROUNDS = (
    ("auto", "Auto", "Feet and body tell how the camera was tilted"),
    ("level", "Level", "The camera is taken to be level"),
    ("off", "Off", "People stay where they were seen, not put on the ground"),
)
REFINEMENTS = (
    ("auto", "Auto", "The network's motion is solved over the whole clip"),
    ("never", "Never", "It stays as the network said it, frame by frame"),
)
CALIBRATIONS = (
    ("none", "None", "The network's body and mesh stay as they are"),
    ("parallel", "Parallel", "Body and mesh are bent to the pose of the landmarks (PC-HMR)"),
    ("serial", "Serial", "Body and mesh are bent to their own pose, its depth lifted anew"),
)


def slider_moved(sliders: "MotionSliders", _context: bpy.types.Context) -> None:
    """Tell the sliders that one of them has another value."""
    sliders.moved()


class MotionSliders:
    """Base of a property group: what the user wants of a motion."""

    smooth: bpy.props.FloatProperty(
        name="Smoothing",
        description="0 leaves the motion as it was solved, 1 smooths strongly",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        options=set(),
        update=slider_moved,
    )
    hands: bpy.props.FloatProperty(
        name="Hands",
        description="How strongly wrists and fingers are smoothed",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        options=set(),
        update=slider_moved,
    )
    filter: bpy.props.EnumProperty(
        name="Filter",
        description="How the motion is smoothed",
        items=FILTERS,
        options=set(),
        update=slider_moved,
    )
    feet: bpy.props.EnumProperty(
        name="Feet",
        description="Whether feet that stand are held in place",
        items=FEET,
        options=set(),
        update=slider_moved,
    )
    ground: bpy.props.EnumProperty(
        name="Ground",
        description="How the person is put upright and on the ground",
        items=GROUNDS,
        options=set(),
        update=slider_moved,
    )
    refine: bpy.props.EnumProperty(
        name="Refine",
        description="What becomes of what a research network said",
        items=REFINEMENTS,
        options=set(),
        update=slider_moved,
    )
    calibrate: bpy.props.EnumProperty(
        name="Calibrate",
        description="What a research network's body and mesh are bent to",
        items=CALIBRATIONS,
        options=set(),
        update=slider_moved,
    )
    calibration_weights: bpy.props.StringProperty(
        name="Weights",
        description="A file with what the mesh takes from each bone, learned; empty: what "
        "geometry gives",
        subtype="FILE_PATH",
        options=set(),
        update=slider_moved,
    )

    def moved(self) -> None:
        """What follows from that: nothing before a capture."""

    def options(self, *, of_network: bool) -> MotionOptions:
        """What they ask of the engine; without a research network what is for those alone is as
        usual."""
        calibrate = self.calibrate if of_network else "none"
        weights = self.calibration_weights if calibrate != "none" else ""
        return MotionOptions(
            **{name: getattr(self, name) for name in SLIDERS},
            refine=self.refine if of_network else REFINEMENTS[0][0],
            calibrate=calibrate,
            calibration_weights=Path(bpy.path.abspath(weights)) if weights else None,
        )
