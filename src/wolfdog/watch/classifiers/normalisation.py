"""Pixel normalisation of a network's input: x' = (x - mean) / deviation, channel by channel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

from .preprocessing import Images


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Mean and deviation of the red, green and blue channels, for pixels from 0 to 1, as torchvision states them.

    Args:
        mean: Mean of each channel.
        deviation: Standard deviation of each channel.

    Raises:
        InputError: A deviation is 0, or a number is not finite.

    Examples:
        >>> NORMALISATIONS["signed"](np.uint8([[[[0, 51, 255]]]])).round(2)
        array([[[[-1. , -0.6,  1. ]]]], dtype=float32)
    """

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not np.isfinite([*self.mean, *self.deviation]).all() or 0 in self.deviation:
            raise InputError(f"A normalisation has finite numbers and no deviation of 0, got {self}.")

    def __call__(self, images: Images) -> NDArray[np.float32]:
        """Normalised images, float32 [N, H, W, 3]."""
        mean = np.asarray(self.mean, np.float32) * 255
        scale = 1 / (np.asarray(self.deviation, np.float32) * 255)
        return np.asarray((images.astype(np.float32) - mean) * scale, np.float32)


NORMALISATIONS = {
    "imagenet": Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "clip": Normalisation((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "unit": Normalisation((0, 0, 0), (1, 1, 1)),
    "signed": Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "bytes": Normalisation((0, 0, 0), (1 / 255, 1 / 255, 1 / 255)),
}
"""Names for the usual ones: torchvision's and timm's, CLIP's, 0 to 1, -1 to 1, and 0 to 255."""


def normalisation(text: str) -> Normalisation:
    """Normalisation by its name, or from six numbers: three means, then three deviations.

    Args:
        text: The name or the numbers.

    Returns:
        The normalisation.

    Raises:
        InputError: The text is neither.

    Examples:
        >>> normalisation("0.5 0.5 0.5 0.25 0.25 0.25").deviation
        (0.25, 0.25, 0.25)
    """
    if text in NORMALISATIONS:
        return NORMALISATIONS[text]
    try:
        a, b, c, d, e, f = (float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise InputError(
            f"A normalisation is one of {', '.join(NORMALISATIONS)}, or six numbers (the means of red, green "
            f"and blue, then their deviations, for pixels from 0 to 1), got {text!r}."
        ) from None
    return Normalisation((a, b, c), (d, e, f))
