"""The research networks' speed: `python benchmarks/networks.py [--parity DIR] [--only NAME]`.

Per network, on this processor and on a graphics card where there is one: the time of one crop in
torch's ordinary mode, float32 (the peer), in the product's default path and with --half, in
turns within the same run (medians); how far the outputs of both are from the ordinary mode's on
the parity inputs (noise and a smooth image, two each): the largest rotation (degrees), the
largest distance of a joint or vertex (mm, by the size of the network's volume) and the largest
difference of any other number; and the peak memory of a process that loads the network and runs
it (ordinary, default).

Weights follow the rule of the parity data. I2L-MeshNet's ordinary mode is the authors' own form,
with all Gaussian volumes, and with numbers too small for float32 flushed to zero: without that it
takes up to 2.5 s on some processors.

The last table is I2L-MeshNet's Table 2: memory of one forward pass of the head for 6890 vertices
with heat maps of growing size, as the process grows (libraries' own buffers included: they
reorder the weights of large convolutions) and as the largest tensor takes.
"""

import argparse
import json
import os
import runpy
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import heading
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from pose2rig.core_inference.estimators.fast_path import faster
from pose2rig.core_inference.networks.build import build_mesh_head, build_network

TESTS = Path(__file__).parents[1] / "tests"
RULE = runpy.run_path(str(TESTS / "weight_rule.py"))
COUNTER = runpy.run_path(str(TESTS / "core_inference" / "networks" / "largest_tensor.py"))
ROUNDS, WARM_UP = 15, 3
PATHS = ("ordinary", "default", "half")
MIB = 1024**2
BODY_MM, HAND_MM = 2000.0, 300.0
FINE_CELLS, COARSE_CELLS = 64, 8
HEAD_KINDS = ("lixel", "pixel", "voxel")
HEAD_SIZES = (8, 16, 32, 64)
VERTICES = 6890

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
DEVIATION = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network, the shape of its image, and what a cell of its heat maps is in mm."""

    name: str
    height: int
    width: int
    cell_mm: float
    is_normalised: bool = False


SUBJECTS = (
    Subject(name="hand4whole", height=512, width=384, cell_mm=BODY_MM / COARSE_CELLS),
    Subject(name="pose2pose_body", height=256, width=192, cell_mm=BODY_MM / COARSE_CELLS),
    Subject(name="pose2pose_hand", height=256, width=256, cell_mm=HAND_MM / COARSE_CELLS),
    Subject(name="pose2pose_face", height=256, width=192, cell_mm=HAND_MM / COARSE_CELLS),
    Subject(name="i2l_meshnet_body", height=256, width=256, cell_mm=BODY_MM / FINE_CELLS),
    Subject(name="i2l_meshnet_hand", height=256, width=256, cell_mm=HAND_MM / FINE_CELLS),
    Subject(
        name="rootnet", height=256, width=256, cell_mm=BODY_MM / FINE_CELLS, is_normalised=True
    ),
    Subject(
        name="posenet_muco", height=256, width=256, cell_mm=BODY_MM / FINE_CELLS, is_normalised=True
    ),
    Subject(
        name="posenet_h36m", height=256, width=256, cell_mm=BODY_MM / FINE_CELLS, is_normalised=True
    ),
)


@dataclass(frozen=True, kw_only=True)
class Distance:
    """Largest differences from the ordinary mode: rotations, points, all other numbers."""

    degrees: float
    mm: float
    other: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One network: ms of a crop ordinary, default and half; distances of the latter two."""

    ms: tuple[float, float, float]
    default: Distance
    half: Distance


# --- networks and their inputs -----------------------------------------------------------------


def loaded(subject: Subject, parity: Path) -> nn.Module:
    """The network with weights by rule, in the authors' form."""
    manifest = parity / subject.name / "manifest.json"
    scales = json.loads(manifest.read_text())["fill_scales"] if manifest.is_file() else ()
    network = build_network(subject.name)
    filled = RULE["fill_state_dict"](RULE["spec_of"](network), scales)
    network.load_state_dict({name.removeprefix("module."): t for name, t in filled.items()})
    if subject.name.startswith("i2l"):
        regressor = network.get_buffer("joint_regressor")
        sparse = torch.rand(regressor.shape, generator=torch.Generator().manual_seed(0))
        sparse = torch.where(sparse > 0.99, sparse, 0.0)
        regressor.copy_(sparse / sparse.sum(dim=1, keepdim=True))
    return network.eval().requires_grad_(False)


def in_authors_form(network: nn.Module) -> nn.Module:
    """I2L-MeshNet with its Gaussian volumes; the others are in their authors' form as built."""
    if hasattr(network, "pose2feat"):
        network.pose2feat.is_separable = False  # pyright: ignore
    return network


def inputs(subject: Subject, seed: int, device: torch.device) -> tuple[Tensor, ...]:
    """Two images and what else the network takes; seed 2 is smooth, others are noise."""
    shape = (2, 3, subject.height, subject.width)
    image = RULE["smooth_image"](shape, seed) if seed == 2 else RULE["noise_image"](shape, seed)
    if subject.is_normalised:
        image = (image - MEAN) / DEVIATION
    more = (torch.tensor([7500.0, 9000.0]),) if subject.name == "rootnet" else ()
    return tuple(tensor.to(device) for tensor in (image, *more))


# --- measures ----------------------------------------------------------------------------------


def median_ms(subject: Subject, parity: Path, path: str, device: torch.device) -> float:
    """The time of one crop on one path, in a process that does nothing else."""
    network = on_path(subject, parity, path, device)
    one = tuple(tensor[:1] for tensor in inputs(subject, 2, device))
    seconds: list[float] = []
    with torch.inference_mode():
        for number in range(WARM_UP + ROUNDS):
            start = time.perf_counter()
            network(*one)
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number >= WARM_UP:
                seconds.append(time.perf_counter() - start)
    return 1000.0 * float(np.median(seconds))


def on_path(subject: Subject, parity: Path, path: str, device: torch.device) -> nn.Module:
    """The network in torch's ordinary mode, on the product's default path or with --half."""
    network = loaded(subject, parity).to(device)
    if path == "ordinary":
        return in_authors_form(network)
    return faster(network, device, half=path == "half")


def distance(found: Any, wanted: Any, cell_mm: float) -> Distance:
    """How far one output is from another, by what its fields are."""
    degrees, mm, other = [0.0], [0.0], [0.0]
    for name, a, b in zip(wanted._fields, found, wanted, strict=True):
        first, second = a.float().cpu().numpy(), b.float().cpu().numpy()
        if name.endswith(("pose", "orient")):
            turns = [Rotation.from_rotvec(array.reshape(-1, 3)) for array in (first, second)]
            degrees.append(float(np.degrees((turns[0] * turns[1].inv()).magnitude().max())))
        elif name == "coordinates" and first.ndim == 2:  # RootNet: x, y in cells, depth in mm
            mm.append(float(np.abs(first[:, :2] - second[:, :2]).max()) * cell_mm)
            mm.append(float(np.abs(first[:, 2] - second[:, 2]).max()))
        elif name.endswith(("img", "coordinates")):
            mm.append(float(np.linalg.norm(first - second, axis=-1).max()) * cell_mm)
        elif name == "cam_trans":
            continue  # metres in front of a virtual camera 56 m away; root.py divides by that
        else:
            other.append(float(np.abs(first - second).max()))
    return Distance(degrees=max(degrees), mm=max(mm), other=max(other))


def worst(distances: list[Distance]) -> Distance:
    """The largest of each."""
    return Distance(**{k: max(asdict(d)[k] for d in distances) for k in ("degrees", "mm", "other")})


def measure(subject: Subject, parity: Path, device: torch.device) -> Outcome:
    """Distances of one network here, its times in processes of their own."""
    given = [inputs(subject, seed, device) for seed in (0, 2)]
    outputs: dict[str, list[Any]] = {}
    with torch.inference_mode():
        for path in PATHS:
            network = on_path(subject, parity, path, device)
            outputs[path] = [network(*values) for values in given]
    far = [
        worst(
            [
                distance(found, wanted, subject.cell_mm)
                for found, wanted in zip(outputs[path], outputs["ordinary"], strict=True)
            ]
        )
        for path in PATHS[1:]
    ]
    arguments = ("--parity", str(parity), "--device", device.type)
    ms = [asked_alone("--time", subject.name, path, *arguments) or np.nan for path in PATHS]
    return Outcome(ms=(ms[0], ms[1], ms[2]), default=far[0], half=far[1])


# --- memory: every figure in a process of its own ----------------------------------------------


def memory_mib(what: str) -> float:
    """What this process uses now (VmRSS), or has used at most (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    return float("nan")


def network_memory(subject: Subject, parity: Path, path: str) -> float:
    """Peak memory of loading a network and running it three times."""
    cpu = torch.device("cpu")
    network = on_path(subject, parity, path, cpu)
    one = tuple(tensor[:1] for tensor in inputs(subject, 2, cpu))
    with torch.inference_mode():
        for _ in range(3):
            network(*one)
    return memory_mib("VmHWM")


def head_memory(kind: str, size: int) -> float:
    """What a forward pass of a mesh head adds to the memory of its weights, in MiB."""
    head = build_mesh_head(kind, VERTICES, size).eval().requires_grad_(False)  # pyright: ignore
    feature = torch.rand(1, 2048, 8, 8)
    before = memory_mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far was that of the weights
    with torch.inference_mode():
        head(feature)
    return memory_mib("VmHWM") - before


def largest_tensor_mib(kind: str, size: int) -> float:
    """The largest tensor of that pass, by shapes alone: no number is stored."""
    with torch.device("meta"), torch.inference_mode():
        head = build_mesh_head(kind, VERTICES, size).eval()  # pyright: ignore
        feature = torch.empty(1, 2048, 8, 8)
        with COUNTER["LargestTensor"](head.parameters()) as counter:
            head(feature)
    return counter.numbers * 4 / MIB


def asked_alone(*arguments: str) -> float | None:
    """A figure that another process of this program prints; None when it did not survive."""
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    environment = dict(os.environ)
    if "ordinary" not in arguments:
        environment["OMP_WAIT_POLICY"] = "PASSIVE"  # as estimators/opening.py sets it
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


# --- text --------------------------------------------------------------------------------------


def show_networks(subjects: list[Subject], parity: Path, device: torch.device) -> None:
    """Print the table of networks."""
    print(
        f"{'network':<18}{'ordinary':>9}{'default':>9}{'half':>8}{'':>9}{'':>7}"
        f"  default: {'deg':>7}{'mm':>8}{'other':>9}   half: {'deg':>6}{'mm':>8}"
    )
    for subject in subjects:
        outcome = measure(subject, parity, device)
        ordinary, default, half = outcome.ms
        print(
            f"{subject.name:<18}{ordinary:>6.1f} ms{default:>6.1f} ms{half:>5.1f} ms"
            f"{ordinary / default:>8.2f}x{ordinary / half:>6.2f}x"
            f"{outcome.default.degrees:>18.4f}{outcome.default.mm:>8.3f}"
            f"{outcome.default.other:>9.1e}{outcome.half.degrees:>15.2f}{outcome.half.mm:>8.2f}",
            flush=True,
        )


def show_memory(subjects: list[Subject], parity: Path) -> None:
    """Print the tables of memory."""
    print(f"\n{'peak memory, MiB':<18}{'ordinary':>10}{'default':>10}")
    for subject in subjects:
        cells = [
            asked_alone("--memory", subject.name, path, "--parity", str(parity))
            for path in PATHS[:2]
        ]
        print(f"{subject.name:<18}" + "".join(_cell(cell) for cell in cells), flush=True)
    print(f"\n{'mesh head, MiB':<18}" + "".join(f"{size:>10}" for size in HEAD_SIZES) * 2)
    print(f"{'':<18}{'process':>10}{'':>30}{'largest tensor':>20}")
    for kind in HEAD_KINDS:
        cells = [asked_alone("--head", kind, str(size)) for size in HEAD_SIZES]
        cells += [largest_tensor_mib(kind, size) for size in HEAD_SIZES]
        print(f"{kind:<18}" + "".join(_cell(cell) for cell in cells), flush=True)


def _cell(mib: float | None) -> str:
    return f"{'too much':>10}" if mib is None else f"{mib:>10.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parity", type=Path, default=Path("../shared/parity"))
    parser.add_argument("--only", help="one network")
    parser.add_argument("--device", default="cpu", help="of --time")
    parser.add_argument("--time", nargs=2, metavar=("NETWORK", "PATH"), help="print one figure")
    parser.add_argument("--memory", nargs=2, metavar=("NETWORK", "PATH"), help="print one figure")
    parser.add_argument("--head", nargs=2, metavar=("KIND", "SIZE"), help="print one figure")
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    by_name = {subject.name: subject for subject in SUBJECTS}
    if options.memory is not None:
        name, path = options.memory
        print(network_memory(by_name[name], options.parity, path))
        return
    if options.time is not None:
        name, path = options.time
        device = torch.device(options.device)
        print(median_ms(by_name[name], options.parity, path, device))
        return
    if options.head is not None:
        print(head_memory(options.head[0], int(options.head[1])))
        return
    subjects = [s for s in SUBJECTS if options.only in (None, s.name)]
    print(heading())
    print(f"processor, {torch.get_num_threads()} threads, batch 1, median of {ROUNDS}")
    show_networks(subjects, options.parity, torch.device("cpu"))
    if torch.cuda.is_available():
        print(f"\n{torch.cuda.get_device_name()}, batch 1, median of {ROUNDS}")
        show_networks(subjects, options.parity, torch.device("cuda"))
    show_memory(subjects, options.parity)


if __name__ == "__main__":
    main()
