"""The fast path gives what the exact one gives, on noise as on smooth images."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from pose2rig.core_inference.estimators import fast_path
from pose2rig.core_inference.estimators.fast_path import faster
from pose2rig.core_inference.estimators.processor_graph import Precision
from pose2rig.core_inference.networks.build import build_network
from pose2rig.core_inference.networks.layers import conv_layers, deconv_layers
from pose2rig.core_inference.networks.resnet import ResNet

from ...research_models import SCALES
from ...weight_rule import fill_state_dict, noise_image, smooth_image, spec_of

CPU = torch.device("cpu")
COARSE_CELL_MM, FINE_CELL_MM = 250.0, 31.25

NETWORKS = {
    "hand4whole": (512, 384, COARSE_CELL_MM),
    "pose2pose_body": (256, 192, COARSE_CELL_MM),
    "pose2pose_face": (256, 192, COARSE_CELL_MM),
    "i2l_meshnet_hand": (256, 256, FINE_CELL_MM),
    "posenet_muco": (256, 256, FINE_CELL_MM),
}
"""Height and width of the image, and what a heat map's cell is in mm."""


def filled(module: nn.Module, name: str = "") -> nn.Module:
    """The module with weights by rule, in evaluation mode."""
    weights = fill_state_dict(spec_of(module, prefix=""), SCALES.get(name, ()))
    module.load_state_dict(weights)
    if "joint_regressor" in dict(module.named_buffers()):
        regressor = module.get_buffer("joint_regressor")
        regressor.copy_(torch.rand(regressor.shape, generator=torch.Generator().manual_seed(1)))
        regressor /= regressor.sum(dim=1, keepdim=True)
    return module.eval().requires_grad_(False)


def relative_error(found: Tensor, wanted: Tensor) -> float:
    """The largest difference over the largest number."""
    return float((found - wanted).abs().max() / wanted.abs().max())


def largest_turn_deg(found: Tensor, wanted: Tensor) -> float:
    """The largest angle between rotations (...,3) axis-angle."""
    first, second = (Rotation.from_rotvec(t.numpy().reshape(-1, 3)) for t in (found, wanted))
    return float(np.degrees((first * second.inv()).magnitude().max()))


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_stay_within_the_stated_distance(name: str) -> None:
    height, width, cell_mm = NETWORKS[name]
    images = [noise_image((1, 3, height, width), 0), smooth_image((1, 3, height, width), 2)]
    with torch.inference_mode():
        exact = filled(build_network(name), name)
        wanted: list[Any] = [exact(image) for image in images]
        fast = faster(exact, CPU)
        found: list[Any] = [fast(image) for image in images]
    assert any(isinstance(m, fast_path._CompiledResNet) for m in fast.modules())  # pyright: ignore[reportPrivateUsage]
    for one, other in zip(found, wanted, strict=True):
        for field, a, b in zip(other._fields, one, other, strict=True):
            if field.endswith(("pose", "orient")):
                assert largest_turn_deg(a, b) < 0.5, field
            elif field.endswith(("img", "coordinates")):
                assert float((a - b).norm(dim=-1).max()) * cell_mm < 0.5, field
            else:
                assert relative_error(a, b) < 1e-3, field


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.SPLIT])
def test_a_chain_of_deconvolutions_and_convolutions_is_torchs(precision: Precision) -> None:
    chain = filled(nn.Sequential(*deconv_layers(64, 32, 48), *conv_layers(48, 40, kernel=3)))
    feature = torch.randn((2, 64, 5, 7), generator=torch.Generator().manual_seed(3))
    build = fast_path._chain_builder(chain, precision)  # pyright: ignore[reportPrivateUsage]
    with torch.inference_mode():
        found = fast_path._Compiled(build)(feature)  # pyright: ignore[reportPrivateUsage]
        assert relative_error(found, chain(feature)) < 1e-4


def test_half_precision_is_near_and_says_so() -> None:
    chain = filled(conv_layers(64, 64, 64, kernel=3))
    feature = torch.randn((1, 64, 9, 9), generator=torch.Generator().manual_seed(4))
    build = fast_path._chain_builder(chain, Precision.BFLOAT16)  # pyright: ignore[reportPrivateUsage]
    with torch.inference_mode():
        found = fast_path._Compiled(build)(feature)  # pyright: ignore[reportPrivateUsage]
        assert relative_error(found, chain(feature)) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("layers", [18, 50])
def test_a_resnets_stem_stages_and_whole_are_its_own(layers: int) -> None:
    resnet = filled(ResNet(layers))
    assert isinstance(resnet, ResNet)
    fast = fast_path._CompiledResNet(resnet, Precision.SPLIT)  # pyright: ignore[reportPrivateUsage]
    image = smooth_image((1, 3, 64, 64), 2)
    with torch.inference_mode():
        wanted, found = resnet.features(image), fast.features(image)
        assert relative_error(found.early, wanted.early) < 1e-4
        assert relative_error(found.last, wanted.last) < 1e-4
        assert relative_error(fast(image), wanted.last) < 1e-4


def test_any_number_of_images_gives_what_one_at_a_time_gives() -> None:
    chain = filled(conv_layers(64, 32, kernel=3))
    features = torch.randn((5, 64, 6, 6), generator=torch.Generator().manual_seed(5))
    part = fast_path._Compiled(fast_path._chain_builder(chain, Precision.SPLIT))  # pyright: ignore[reportPrivateUsage]
    with torch.inference_mode():
        single = torch.cat([part(feature[None]) for feature in features])
        for count in (2, 3, 4, 5):
            torch.testing.assert_close(part(features[:count]), single[:count], rtol=0, atol=1e-4)


def test_without_openvino_the_network_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(
        sys.modules, "pose2rig.core_inference.estimators.processor_graph", raising=False
    )
    resnet = filled(ResNet(18))
    image = smooth_image((1, 3, 64, 64), 2)
    with torch.inference_mode():
        wanted = resnet(image)
        assert relative_error(faster(resnet, CPU)(image), wanted) < 1e-4


@pytest.mark.slow
def test_openvino_cannot_report_home() -> None:
    code = (
        "import sys\n"
        "import pose2rig.core_inference.estimators.processor_graph\n"
        "loaded = [m for m in sys.modules if m.startswith('openvino_telemetry')]\n"
        "assert [sys.modules[m] for m in loaded] == [None], loaded\n"
        "assert 'openvino' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
