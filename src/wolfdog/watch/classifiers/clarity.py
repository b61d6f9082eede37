"""Clarity of pictures: whether they have fine detail, little noise and enough light."""

import numpy as np
from numpy.typing import NDArray

from .preprocessing import Images

Clarity = NDArray[np.float32]
"""Clarity of N pictures, 0 to 1; NaN if unknown."""

FINE = (-0.62, -0.5)
"""Fine detail of blurred and enlarged pictures, and of clear ones."""
NOISE = (0.15, -0.05)
"""Ratio at one pixel of noisy pictures, and of clear ones."""
LIGHT = (0.06, 0.14)
"""Mean of the green channel of dark pictures, and of clear ones, as a share of white."""


def clarity(images: Images) -> Clarity:
    """Clarity of pictures of the input size of a network, 0 to 1.

    With d_s the mean absolute difference of neighbours in the green channel, after squares of s x s pixels were
    averaged,

        fine    = min over rows and columns of log(d_2 / d_4)
        noise   = max over rows and columns of log(d_1 / d_2)
        clarity = ramp(fine; -0.62, -0.5) ramp(noise; 0.15, -0.05) ramp(light; 0.06, 0.14)

    where ramp(x; a, b) rises from 0 at a to 1 at b. In a picture that is blurred or was enlarged, a difference doubles
    with the distance: log(1/2) = -0.69. In noise it halves with each average: log 2 = 0.69. Sharp photographs lie
    between them, near -0.25. Pictures of less than 8 pixels a side have an unknown clarity.

    Args:
        images: RGB pictures [N, H, W, 3].

    Returns:
        Clarity [N]; NaN if unknown.

    Examples:
        >>> texture = np.random.default_rng(0).integers(60, 200, (1, 56, 56, 3), dtype=np.uint8)
        >>> blurred = np.kron(texture[:, ::8, ::8], np.ones((1, 8, 8, 1), np.uint8))
        >>> clarity(np.zeros((1, 56, 56, 3), np.uint8)).tolist(), clarity(texture).tolist()
        ([0.0], [0.0])
    """
    if min(images.shape[1:3]) < 8:
        return np.full(len(images), np.nan, np.float32)
    return np.array([_clarity(image[..., 1]) for image in images], np.float32)


def _clarity(green: NDArray[np.uint8]) -> float:
    """Clarity of one picture. One at a time and in whole numbers, it stays in the processor's cache."""
    sums = green.astype(np.uint16)  # of squares; up to 16 x 255
    light = float(sums.mean()) / 255
    steps = []
    for side in (1, 2, 4):
        differences = _mean_step(sums[:, 1:], sums[:, :-1]), _mean_step(sums[1:], sums[:-1])
        steps.append(np.log(np.array(differences) / side**2 + 1e-2))
        even = sums[: sums.shape[0] // 2 * 2, : sums.shape[1] // 2 * 2]
        rows = even[::2] + even[1::2]
        sums = rows[:, ::2] + rows[:, 1::2]
    fine, noise = (steps[1] - steps[2]).min(), (steps[0] - steps[1]).max()
    return _ramp(fine, FINE) * _ramp(noise, NOISE) * _ramp(light, LIGHT)


def _mean_step(a: NDArray[np.uint16], b: NDArray[np.uint16]) -> float:
    return float((np.maximum(a, b) - np.minimum(a, b)).mean(dtype=np.float32))


def _ramp(x: float, ends: tuple[float, float]) -> float:
    """0 at the first end, 1 at the second, and straight between them."""
    low, high = ends
    return min(1.0, max(0.0, float(x - low) / (high - low)))
