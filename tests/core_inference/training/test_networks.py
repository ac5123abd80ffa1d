"""Every network takes training steps: its weights move and the loss on a fixed batch falls."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.networks.build import (
    NETWORKS,
    Pose2PoseSettings,
    build_network,
    build_pose2pose_body,
)
from pose2rig.core_inference.networks.i2l_meshnet import I2LMeshNet
from pose2rig.core_inference.networks.pose2pose import Pose2PoseBody
from pose2rig.core_inference.networks.resnet import ResNet
from pose2rig.core_inference.networks.vposer import VPoser
from pose2rig.core_inference.training.checkpointing import (
    Progress,
    TrainingState,
    load_snapshot,
    save_snapshot,
)
from pose2rig.core_inference.training.clips import Studio
from pose2rig.core_inference.training.items import TrainingItem, View
from pose2rig.core_inference.training.loop import Session, train_step
from pose2rig.core_inference.training.meshes import body_mesh, right_hand_mesh
from pose2rig.core_inference.training.networks import hold_still, prepared_network
from pose2rig.core_inference.training.points import SMPL_29
from pose2rig.core_inference.training.recipes import RECIPES
from pose2rig.core_inference.training.session import session_of
from pose2rig.rigs.errors import UsageError

from ...licensed_models import write_smplx
from .samples import ALONE, clip_data, tiny_settings

STEPS = {"hand4whole": 3, "i2l_meshnet_body": 3, "i2l_meshnet_hand": 3}
"""Five for the others: the hands' projection overshoots at first."""
PATCHES = {
    "hand4whole": (128, 128),
    "crowd3d_graphcnn": (64, 64),
    "i2l_meshnet_body": None,
    "i2l_meshnet_hand": None,
}
TERMS = {
    "hand4whole": {"pose", "shape", "expression", "joint_3d", "joint_2d", "joint_img", "box"},
    "pose2pose_body": {"pose", "shape", "joint_3d", "joint_2d", "joint_img"},
    "pose2pose_hand": {"pose", "shape", "joint_3d", "joint_2d", "joint_img"},
    "pose2pose_face": {"pose", "shape", "expression", "joint_3d", "joint_2d"},
    "pose2pose_v1_body": {"pose", "shape", "joint_3d", "joint_2d", "joint_img", "box"},
    "pose2pose_v1_hand": {"pose", "shape", "joint_3d", "joint_2d", "joint_img"},
    "crowd3d_graphcnn": {"pose", "shape", "joint_3d", "joint_2d", "joint_img"},
    "i2l_meshnet_body": {"joint_img", "mesh_joint_img", "vertex", "normal", "edge"},
    "i2l_meshnet_hand": {"joint_img", "mesh_joint_img", "vertex", "normal", "edge"},
    "rootnet": {"root_xy", "root_depth"},
    "posenet_h36m": {"joint_img"},
    "posenet_muco": {"joint_img"},
}


def session(network: str, clip: Path, out: Path, **changes: object) -> Session:
    """A training of a network as released, on two people, without augmentation's change."""
    settings = tiny_settings(
        clip,
        out,
        network=network,
        data=(clip_data(clip, 2, studio=Studio(size_px=256, yaw_deg=30.0)),),
        batch=2,
        patch=PATCHES.get(network, (64, 64)),
        mesh_cell_m=0.06,
        **changes,
    )
    return session_of(settings, ALONE, say=lambda _: None, should_stop=lambda: False)


def test_every_network_but_the_prior_has_a_recipe() -> None:
    assert set(RECIPES) == set(NETWORKS) - {"vposer"}
    assert set(TERMS) == set(RECIPES)


@pytest.mark.slow
@pytest.mark.parametrize("network", list(RECIPES))
def test_steps_move_the_weights_and_the_loss_falls(
    network: str, motion_clip: Path, tmp_path: Path
) -> None:
    made = session(network, motion_clip, tmp_path)
    hold_still(made.network, ())
    batch: TrainingItem = default_collate([made.plain[k] for k in range(2)])
    learning = [part for part in made.network.parameters() if part.requires_grad]
    before = [part.detach().clone() for part in learning]
    state = TrainingState(
        network=made.network,
        optimizer=torch.optim.Adam(learning, lr=1e-4),
        scaler=torch.amp.GradScaler("cpu", enabled=False),
    )
    rows = [train_step(made, state, made.network, batch) for _ in range(STEPS.get(network, 5))]
    assert set(rows[0]) >= TERMS[network] | {"total"}
    assert all(np.isfinite(value) for row in rows for value in row.values())
    assert min(row["total"] for row in rows[1:]) < rows[0]["total"]
    missing = [name for name in TERMS[network] - {"expression"} if rows[0][name] == 0.0]
    assert missing == []
    unmoved = [not bool((a != b).any()) for a, b in zip(before, learning, strict=True)]
    assert sum(unmoved) <= 0.1 * len(unmoved)
    made.network.eval()
    with torch.no_grad():
        output = made.objective.predict(made.network, batch)
        found = made.objective.predicted_joints(output, batch)
    true = made.objective.true_joints(batch)
    assert found.shape == true.joints.shape
    assert true.known.shape == found.shape[:2]
    assert bool(true.known.any())


@pytest.mark.slow
def test_a_released_layouts_snapshot_goes_back_into_the_network(
    motion_clip: Path, tmp_path: Path
) -> None:
    """Through the product's own loader, joint by joint graph weights included."""
    made = session("pose2pose_v1_hand", motion_clip, tmp_path)
    state = TrainingState(
        network=made.network,
        optimizer=torch.optim.Adam(made.network.parameters()),
        scaler=torch.amp.GradScaler("cpu", enabled=False),
    )
    path = save_snapshot(tmp_path, state, Progress(epoch=0, step=1, seed=0, items=2, batch=2))
    settings = tiny_settings(motion_clip, tmp_path, network="pose2pose_v1_hand", init=path, seed=99)
    loaded = prepared_network(settings, None, print)
    for name, values in made.network.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(loaded.state_dict()[name], values), name
    other = TrainingState(
        network=loaded,
        optimizer=torch.optim.Adam(loaded.parameters()),
        scaler=torch.amp.GradScaler("cpu", enabled=False),
    )
    load_snapshot(path, other, Progress(epoch=0, step=0, seed=0, items=2, batch=2))


@pytest.mark.slow
def test_i2l_learns_no_joints_from_the_mesh(motion_clip: Path, body: BodyModel) -> None:
    """No gradient of the mesh's losses goes before the Gaussians (section 3.4)."""
    settings = tiny_settings(motion_clip, Path(), network="i2l_meshnet_hand", mesh_cell_m=0.06)
    network = prepared_network(settings, right_hand_mesh(body, 0.06), print)
    output = network(torch.rand(2, 3, 256, 256))
    output.mesh_img.sum().backward()
    assert isinstance(network, I2LMeshNet)
    assert all(part.grad is None for part in network.pose_net.parameters())
    assert any(part.grad is not None for part in network.mesh_net.parameters())


@pytest.mark.slow
def test_choices_are_the_papers_and_nothing_else(motion_clip: Path, tmp_path: Path) -> None:
    settings = tiny_settings(motion_clip, tmp_path, choices={"pooling": "gap"})
    made = prepared_network(settings, None, print)
    wanted = build_pose2pose_body(Pose2PoseSettings(pooling="gap")).state_dict()
    assert {k: v.shape for k, v in made.state_dict().items()} == {
        k: v.shape for k, v in wanted.items()
    }
    for choices in ({"pooling": "max"}, {"width": 3}):
        with pytest.raises(UsageError, match="no such choice"):
            prepared_network(tiny_settings(motion_clip, tmp_path, choices=choices), None, print)
    with pytest.raises(UsageError, match="no settings"):
        prepared_network(
            tiny_settings(motion_clip, tmp_path, network="rootnet", choices={"a": 1}), None, print
        )


@pytest.mark.slow
def test_backbones_take_a_classifiers_weights(motion_clip: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    classifier = ResNet(50).state_dict() | {"fc.weight": torch.rand(3, 2048)}
    torch.save(classifier, tmp_path / "resnet50.pth")
    settings = tiny_settings(
        motion_clip, tmp_path, network="rootnet", backbone=tmp_path / "resnet50.pth"
    )
    made = prepared_network(settings, None, print).state_dict()
    for name in ("conv1.weight", "layer4.2.bn3.running_var"):
        assert torch.equal(made[f"backbone.{name}"], classifier[name])
    assert 0.0005 < float(made["root.xy_layer.weight"].std()) < 0.002


@pytest.mark.slow
def test_without_vposers_file_its_decoder_learns_and_that_is_said(
    motion_clip: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    settings = tiny_settings(
        motion_clip, tmp_path, network="pose2pose_v1_body", models=tmp_path / "models"
    )
    made = prepared_network(settings, None, said.append)
    (prior,) = [part for part in made.modules() if isinstance(part, VPoser)]
    assert all(part.requires_grad for part in prior.parameters())
    assert len(said) == 1
    assert "VPoser" in said[0]
    (tmp_path / "models" / "vposer").mkdir(parents=True)
    torch.save(build_network("vposer").state_dict(), tmp_path / "models/vposer/TR00_E096.pt")
    made = prepared_network(settings, None, said.append)
    (prior,) = [part for part in made.modules() if isinstance(part, VPoser)]
    assert not any(part.requires_grad for part in prior.parameters())
    assert len(said) == 1


@pytest.mark.slow
def test_the_licensed_body_takes_the_open_ones_place(motion_clip: Path, tmp_path: Path) -> None:
    """With a file of SMPL-X's layout: gradients flow, and rendered shapes are not its betas."""
    (tmp_path / "smplx").mkdir()
    write_smplx(tmp_path / "smplx" / "SMPLX_NEUTRAL.npz")
    made = session("pose2pose_body", motion_clip, tmp_path, body="smplx", models=tmp_path)
    hold_still(made.network, ())
    batch: TrainingItem = default_collate([made.plain[k] for k in range(2)])
    assert not batch.betas_known.any()
    output = made.objective.predict(made.network, batch)
    terms = made.objective.losses(output, batch)
    assert terms["shape"] == 0.0
    terms["joint_2d"].backward()
    assert isinstance(made.network, Pose2PoseBody)
    gradient = next(made.network.rotation_net.root_pose_out.parameters()).grad
    assert gradient is not None
    assert bool((gradient != 0).any())
    with pytest.raises(UsageError, match="the open body's mesh alone"):
        session("i2l_meshnet_body", motion_clip, tmp_path, body="smplx", models=tmp_path)


def test_a_body_mesh_is_whole(body: BodyModel) -> None:
    mesh = body_mesh(body, SMPL_29, 0.05)
    assert mesh.joint_regressor.shape == (29, mesh.count)
    np.testing.assert_allclose(mesh.joint_regressor.sum(axis=1), 1.0, atol=0.02)
    assert set(mesh.faces.ravel().tolist()) <= set(range(mesh.count))
    view = View(part="body", patch_wh=(64, 64), mesh=mesh)
    assert view.mesh is mesh
