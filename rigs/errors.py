"""The one error tree of Pose2Rig.

Pose2RigError                 exit 1
├── UsageError                exit 2   the command line or a setting makes no sense
│   └── NotAvailableError     exit 2   a command, estimator or format of a later version
├── FootageError              exit 1   the footage cannot be read
├── NoPersonError             exit 3   the footage was read, nobody is in it
├── OutputError               exit 1   the output folder or an existing result is in the way
├── ClipFileError             exit 1   a clip, raw take or reference file is not what it should be
├── ModelFileError            exit 1   a model or asset is missing or malformed
├── EngineError               exit 1   the engine's interpreter or worker cannot do its work
├── BlenderError              exit 1   Blender, or the bpy module, is missing or failed
└── RigError                  exit 1   an armature cannot carry the motion
Cancelled                     exit 130 the user stopped the run (not an error: no message to mend)
"""


class Pose2RigError(Exception):
    """What went wrong, what was expected, what was found and what to do next, in one line."""

    code = "error"
    exit_status = 1

    def __init__(self, what: str, *, expected: str, actual: str, next_step: str) -> None:
        self.message = f"{what}; expected {expected}, got {actual}"
        super().__init__(f"{self.message}; {next_step}")
        self.what = what
        self.expected = expected
        self.actual = actual
        self.next_step = next_step


class UsageError(Pose2RigError):
    """The command line or a setting makes no sense."""

    code = "usage"
    exit_status = 2


class NotAvailableError(UsageError):
    """A command, estimator or format that a later version brings."""

    code = "not_available"


class FootageError(Pose2RigError):
    """The footage cannot be read."""

    code = "footage"


class NoPersonError(Pose2RigError):
    """The footage was read and nobody is in it."""

    code = "no_person"
    exit_status = 3


class OutputError(Pose2RigError):
    """The output folder cannot be written, or holds an earlier result."""

    code = "output"


class ClipFileError(Pose2RigError):
    """A clip, raw take or reference file is not what it should be."""

    code = "clip_file"


class ModelFileError(Pose2RigError):
    """A model or asset is missing or malformed."""

    code = "model_file"


class EngineError(Pose2RigError):
    """The engine's interpreter or worker cannot do its work."""

    code = "engine"


class BlenderError(Pose2RigError):
    """Blender, or the bpy module, is missing or failed."""

    code = "blender"


class RigError(Pose2RigError):
    """An armature cannot carry the motion."""

    code = "rig"


class Cancelled(Exception):  # noqa: N818
    """The user stopped the run; finished chunks are kept."""

    exit_status = 130

    def __init__(self, kept: int) -> None:
        super().__init__(f"cancelled, {kept} frames kept")
        self.kept = kept
