"""Draws from discrete distributions by uniform random numbers."""

import numpy as np
from numpy.typing import NDArray


def pick(cumulative: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each row of `cumulative` the column in which `chance` falls.

    Args:
        cumulative: Cumulative weights, [N or 1, K].
        chance: Uniform numbers from 0 to 1 [N].

    Returns:
        The columns [N].

    Examples:
        >>> pick(np.array([[0.2, 1.0]]), np.array([0.1, 0.2, 0.9])).tolist()
        [0, 1, 1]
    """
    # Rounding may leave the last sum just under 1; a chance above it belongs to the last column that has any
    # weight.
    total = cumulative[:, -1:]
    picked: NDArray[np.int64] = np.sum(
        cumulative <= np.minimum(chance[:, None], 1 - 2**-53) * total, axis=-1, dtype=np.int64
    )
    return picked
