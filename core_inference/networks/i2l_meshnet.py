"""I2L-MeshNet: an image to lixels of joints, then of all mesh vertices, then body parameters.

PoseNet finds the joints; Gaussians about them join the early image feature, from which MeshNet
finds the vertices; the parameter regressor reads the joints of that mesh. Source: Moon and Lee
(2020), "I2L-MeshNet", sections 3 and 5.3 (parameters).

Legend: N images, J joints, V vertices, C channels, H, W rows and columns, L lixels in depth,
O output channels, K rows or columns of a convolution's kernel.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from .heatmaps import gaussian_lines, gaussian_volumes
from .layers import conv_layers, linear_layers
from .mesh_heads import MeshHead
from .resnet import ResNet
from .rotation import axis_angle_from_6d

# Far below fp32's rounding beside the blob's height of 1. Cut to zero, the tails leave no subnormal
# numbers, which slow some CPUs' multiplications a hundredfold.
_FAINT = 1e-12


class I2LOutput(NamedTuple):
    """Joints and mesh in heat-map pixels, body parameters.

    joint_img (N,J,3) of PoseNet, mesh_img (N,V,3) of MeshNet, mesh_joint_img (N,J,3) regressed
    from that mesh; pose (N,24 or 16,3) axis-angle, the root first; betas (N,10).
    """

    joint_img: Tensor
    mesh_img: Tensor
    mesh_joint_img: Tensor
    pose: Tensor
    betas: Tensor


class PoseToFeature(nn.Module):
    """Early image feature (N,C,H,W) and Gaussians about joints (N,J,3) to a feature (N,C,H,W).

    A Gaussian is a product of its three lines, so the convolution need not see volumes: summing
    over depth first leaves a kernel (C,J,3,3) per image, and its columns meet the lines in x, its
    rows those in y. `is_separable` says whether that equal, cheaper way is taken.
    """

    def __init__(self, channels: int, joints: int, size: int, sigma: float) -> None:
        super().__init__()
        self.conv = conv_layers(channels + joints * size, channels, kernel=3)
        self.channels, self.size, self.sigma = channels, size, sigma
        self.is_separable = True

    def forward(self, early_NCHW: Tensor, joint_img_NJ3: Tensor) -> Tensor:
        """The mixed feature (N,C,H,W); no gradient flows back to the joints."""
        joint_img_NJ3 = joint_img_NJ3.detach()
        if self.is_separable:
            return self._from_lines(early_NCHW, joint_img_NJ3)
        volumes = gaussian_volumes(joint_img_NJ3, self.size, self.sigma)
        return self.conv(torch.cat([early_NCHW, volumes.flatten(1, 2)], dim=1))

    def _from_lines(self, early_NCHW: Tensor, joint_img_NJ3: Tensor) -> Tensor:
        convolution, *rest = self.conv
        assert isinstance(convolution, nn.Conv2d)
        of_image, of_joints = convolution.weight.split(
            [self.channels, convolution.in_channels - self.channels], dim=1
        )
        x_NJL, y_NJL, z_NJL = self._lines(joint_img_NJ3)
        weight_OJLK = of_joints.unflatten(1, (-1, self.size)).flatten(3)
        kernel_NJOK = torch.einsum("njl,ojlk->njok", z_NJL, weight_OJLK)
        kernel_NJOKK = kernel_NJOK.unflatten(3, (3, 3))
        # Windows of the padded lines: (N,J,L,3), what each of three rows or columns meets.
        x_NJLK, y_NJLK = (pad(line, (1, 1)).unfold(2, 3, 1) for line in (x_NJL, y_NJL))
        columns = torch.einsum("njoab,njxb->njaox", kernel_NJOKK, x_NJLK)
        summed_NLOL = y_NJLK.permute(0, 2, 1, 3).flatten(2) @ columns.flatten(1, 2).flatten(2)
        joints_NOHW = summed_NLOL.unflatten(2, (-1, self.size)).transpose(1, 2)
        image_NOHW = torch.conv2d(early_NCHW, of_image, convolution.bias, padding=1)
        inner = image_NOHW + joints_NOHW
        for layer in rest:
            inner = layer(inner)
        return inner

    def _lines(self, joint_img_NJ3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        lines = gaussian_lines(joint_img_NJ3, self.size, self.sigma)
        x_NJL, y_NJL, z_NJL = lines.where(lines > _FAINT, 0.0).unbind(2)
        return x_NJL, y_NJL, z_NJL


class ParamRegressor(nn.Module):
    """Joints (N,J,3) in heat-map pixels to pose (N,rotations,3) axis-angle and betas (N,10)."""

    def __init__(self, joints: int, widths: tuple[int, int], rotations: int, betas: int) -> None:
        super().__init__()
        self.fc = linear_layers(3 * joints, *widths, has_norm=True, is_final=False)
        self.fc_pose = linear_layers(widths[-1], 6 * rotations)
        self.fc_shape = linear_layers(widths[-1], betas)

    def forward(self, joint_img_NJ3: Tensor) -> tuple[Tensor, Tensor]:
        """Pose and betas."""
        inner = self.fc(joint_img_NJ3.flatten(1))
        return axis_angle_from_6d(self.fc_pose(inner).unflatten(1, (-1, 6))), self.fc_shape(inner)


class I2LMeshNet(nn.Module):
    """Image (N,3,256,256) RGB 0..1 to `I2LOutput`.

    `joint_regressor` (J,V) belongs to the licensed body model and is no part of the checkpoint:
    it is zero until who loads that model fills it.
    """

    joint_regressor: Tensor

    def __init__(
        self,
        pose_net: MeshHead,
        pose2feat: PoseToFeature,
        mesh_net: MeshHead,
        param_regressor: ParamRegressor,
        joint_regressor: Tensor,
    ) -> None:
        super().__init__()
        self.pose_backbone = ResNet(50)
        self.pose_net = pose_net
        self.pose2feat = pose2feat
        # Entered behind its stem, which the checkpoints hold all the same.
        self.mesh_backbone = ResNet(50)
        self.mesh_net = mesh_net
        self.param_regressor = param_regressor
        self.register_buffer("joint_regressor", joint_regressor, persistent=False)

    def forward(self, image_N3HW: Tensor) -> I2LOutput:
        """Joints, mesh and parameters; no gradient of the parameters reaches the mesh."""
        feature = self.pose_backbone.features(image_N3HW)
        joint_img = self.pose_net(feature.last)
        mixed = self.pose2feat(feature.early, joint_img)
        mesh_img = self.mesh_net(self.mesh_backbone.stages(mixed))
        mesh_joint_img = self.joint_regressor @ mesh_img
        pose, betas = self.param_regressor(mesh_joint_img.detach())
        return I2LOutput(joint_img, mesh_img, mesh_joint_img, pose, betas)
