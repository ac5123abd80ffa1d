"""What the landmark networks' logits and scores mean."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

PRESENT = 0.5
"""From this score on, a landmark model says that the body, hand or face is there."""


def probability(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return the logistic function of each number, for numbers of any size."""
    return (0.5 + 0.5 * np.tanh(np.asarray(logits, dtype=np.float32) / 2)).astype(np.float32)
