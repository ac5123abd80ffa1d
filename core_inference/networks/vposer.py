"""VPoser's decoder: a latent code to a plausible body pose.

Source: Pavlakos et al. (2019), "Expressive Body Capture", section 3.2 (version 1 of the prior).
It serves as a fixed prior, so the encoder and the dropout of its own training are left out.

Legend: N people, Z latent numbers, J joints (21).
"""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from .rotation import axis_angle_from_matrix, matrix_from_6d

_SLOPE = 0.2


class BodyPrior(NamedTuple):
    """body_pose (N,21,3) axis-angle and matrices (N,21,3,3), each joint in its parent's frame."""

    body_pose: Tensor
    matrices: Tensor


class VPoser(nn.Module):
    """Latent code (N,Z) to rotations of the 21 body joints."""

    def __init__(self, latent: int, width: int, joints: int) -> None:
        super().__init__()
        self.bodyprior_dec_fc1 = nn.Linear(latent, width)
        self.bodyprior_dec_fc2 = nn.Linear(width, width)
        self.bodyprior_dec_out = nn.Linear(width, 6 * joints)

    def decode(self, code_NZ: Tensor) -> BodyPrior:
        """The pose of a code; codes of plausible poses are standard normal."""
        inner = leaky_relu(self.bodyprior_dec_fc1(code_NZ), _SLOPE)
        inner = leaky_relu(self.bodyprior_dec_fc2(inner), _SLOPE)
        matrices = matrix_from_6d(self.bodyprior_dec_out(inner).unflatten(1, (-1, 6)))
        return BodyPrior(body_pose=axis_angle_from_matrix(matrices), matrices=matrices)

    def forward(self, code_NZ: Tensor) -> BodyPrior:
        """The same as `decode`."""
        return self.decode(code_NZ)
