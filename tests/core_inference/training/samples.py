"""Small people and small networks for the training tests."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pose2rig.core_inference.networks.pose2pose import Pose2PoseBodyOutput
from pose2rig.core_inference.training.clips import Studio
from pose2rig.core_inference.training.config import ClipData, TrainingSettings
from pose2rig.core_inference.training.distributed import Group
from pose2rig.core_inference.training.loop import Session
from pose2rig.core_inference.training.session import session_of

Array = NDArray[np.float32]

STUDIO = Studio(size_px=96, yaw_deg=30.0, pitch_deg=5.0)
ALONE = Group(rank=0, size=1, device=torch.device("cpu"))


class TinyBody(nn.Module):
    """An image (N,3,H,W) to all of Pose2Pose's body output through 48 pooled numbers.

    No batch norm, so a batch may be shared out; dropout draws from torch's random numbers.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.inner = nn.Linear(48, 64)
        self.out = nn.Linear(64, 22 * 3 + 10 + 3 + 75)

    def forward(self, image_N3HW: Tensor) -> Pose2PoseBodyOutput:
        """Parameters; the person stands some metres from the camera."""
        pooled = nn.functional.adaptive_avg_pool2d(image_N3HW, 4).flatten(1)
        numbers = self.out(self.dropout(self.inner(pooled).relu()))
        rotations, betas, camera, joints = numbers.split([66, 10, 3, 75], dim=1)
        rotations = rotations.unflatten(1, (22, 3))
        far = torch.tensor([0.0, 0.0, 30.0], device=numbers.device)
        return Pose2PoseBodyOutput(
            global_orient=rotations[:, :1],
            body_pose=rotations[:, 1:],
            betas=betas,
            cam_trans=camera + far,
            joint_img=joints.unflatten(1, (25, 3)),
        )


def tiny_body(seed: int = 0, dropout: float = 0.0) -> TinyBody:
    """The same small network for the same seed."""
    torch.manual_seed(seed)
    return TinyBody(dropout)


def clip_data(clip: Path, count: int, seed: int = 0, studio: Studio = STUDIO) -> ClipData:
    """People rendered from one clip."""
    return ClipData(clips=(clip,), count=count, seed=seed, studio=studio)


def tiny_settings(clip: Path, out: Path, **changes: object) -> TrainingSettings:
    """Two epochs of three steps on twelve people."""
    values: dict[str, object] = {
        "network": "pose2pose_body",
        "out": out,
        "data": (clip_data(clip, 12),),
        "epochs": 2,
        "batch": 4,
        "learning_rate": 1e-3,
        "patch": (64, 64),
        "device": "cpu",
        "choices": {},
    }
    return TrainingSettings(**{**values, **changes})  # pyright: ignore[reportArgumentType]


def tiny_session(
    settings: TrainingSettings, network: nn.Module, *, group: Group = ALONE, stop_after: int = 0
) -> Session:
    """A session on a given network that wishes to stop after some steps (0: never)."""
    asked = iter(range(1, 1_000_000))
    lines: list[str] = []
    return session_of(
        settings,
        group,
        say=lines.append,
        should_stop=lambda: next(asked) == stop_after,
        network=network,
    )


def weights_of(network: nn.Module) -> list[Array]:
    """All parameters as they are now."""
    return [part.detach().numpy().copy() for part in network.parameters()]
