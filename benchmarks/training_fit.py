"""Training shown to work: a small PoseNet fits rendered people and is measured on others.

`python benchmarks/training_fit.py [--people 320] [--epochs 20]`, with the research extra. Prints
the held-out joint error after every epoch beside that of the mean person, in mm.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

from pose2rig.core_inference.networks.posenet import PoseHead, PoseNet
from pose2rig.core_inference.networks.resnet import ResNet
from pose2rig.core_inference.training.augmentation import AugmentationRanges
from pose2rig.core_inference.training.clips import Studio
from pose2rig.core_inference.training.config import ClipData, TrainingSettings
from pose2rig.core_inference.training.distributed import process_group
from pose2rig.core_inference.training.loop import run
from pose2rig.core_inference.training.networks import start_heads
from pose2rig.core_inference.training.session import session_of

CLIP = Path(__file__).parent.parent / "assets" / "demo_motion.npz"
STUDIO = Studio(size_px=128, yaw_deg=40.0, pitch_deg=10.0, clutter=0.0)


def small_posenet() -> PoseNet:
    """PoseNet on a ResNet-18 with deconvolutions of 64 channels."""
    torch.manual_seed(0)
    network = PoseNet(PoseHead((512, 64, 64, 64), 21, 64))
    network.backbone = ResNet(18)
    start_heads(network)
    return network


def data(count: int, seed: int) -> tuple[ClipData, ...]:
    return (ClipData(clips=(CLIP,), count=count, seed=seed, studio=STUDIO),)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder, process_group("cpu") as group:
        settings = TrainingSettings(
            network="posenet_muco",
            out=Path(folder),
            data=data(options.people, seed=0),
            held_out=data(48, seed=1),
            epochs=options.epochs,
            drop_epoch=options.epochs - 1,
            batch=16,
            learning_rate=1e-3,
            patch=(64, 64),
            augmentation=AugmentationRanges(scale=0.1, rotation_deg=10.0, flip=0.0),
            choices={},
        )
        session = session_of(
            settings,
            group,
            say=lambda line: print(line, flush=True),
            should_stop=lambda: False,
            network=small_posenet(),
        )
        run(session)
    print(f"{time.process_time() - begun:.0f} s of processor time, torch {torch.__version__}")


if __name__ == "__main__":
    sys.exit(main())
