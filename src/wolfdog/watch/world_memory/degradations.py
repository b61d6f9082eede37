"""Degradations of photographs, as cameras cause them.

| name         | severity 0                         | severity 1                          |
| ------------ | ---------------------------------- | ----------------------------------- |
| clean        | the image                          | the image                           |
| small        | 64 pixels a side                   | 24 pixels a side                    |
| night        | grey, 0.6 of the light, noise of 6 | grey, 0.2 of the light, noise of 18 |
| out-of-focus | Gaussian blur, 0.9 % of the width  | Gaussian blur, 3.1 % of the width   |
| motion-blur  | a line of 4 % of the width         | a line of 20 % of the width         |
| hidden       | 35 % of the width covered          | 60 % of the width covered           |

Noise is in grey levels. "small" is scaled down and up again; "hidden" covers the image from one side with a
dark surface, as a trunk or a wall does.
"""

from collections.abc import Callable

import numpy as np

from wolfdog.errors import InputError, ShapeError
from wolfdog.watch.classifiers.preprocessing import Image

SMALLEST, LARGEST = 24, 64
"""Sides in pixels of "small" images, at severity 1 and 0."""


def degrade(image: Image, name: str, severity: float = 0.5, *, seed: int = 0, frame: int = 0) -> Image:
    """Degraded copy of an image.

    Properties that are constant within a shot (the direction of motion, the hidden side) follow from `seed`; noise
    follows from `seed` and `frame`.

    Args:
        image: RGB image uint8 [H, W, 3].
        name: One of `DEGRADATIONS`.
        severity: Strength, 0 to 1.
        seed: Seed of the shot, 0 or more.
        frame: Number of the frame in its shot, 0 or more.

    Returns:
        The copy.

    Raises:
        InputError: The name is unknown, or a number is out of range.
        ShapeError: The image has another shape or dtype.

    Examples:
        >>> image = np.full((32, 32, 3), 200, np.uint8)
        >>> dark = degrade(image, "night", 1.0)
        >>> dark.shape, bool(dark.mean() < 80)
        ((32, 32, 3), True)
    """
    if name not in DEGRADATIONS:
        raise InputError(f"degradation: expected one of {', '.join(DEGRADATIONS)}, got {name!r}.")
    if not 0 <= severity <= 1 or seed < 0 or frame < 0:
        raise InputError(
            f"degradation: severity must lie in 0 to 1, seed and frame at 0 or above; "
            f"got {severity}, {seed} and {frame}."
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ShapeError(f"image must be RGB, uint8 [H, W, 3], got {image.dtype} {list(image.shape)}.")
    of_shot = np.random.default_rng([seed, 0])
    of_frame = np.random.default_rng([seed, 1, frame])
    return DEGRADATIONS[name](image, severity, of_shot, of_frame)


def _clean(
    image: Image, severity: float, of_shot: np.random.Generator, of_frame: np.random.Generator
) -> Image:
    return image


def _small(
    image: Image, severity: float, of_shot: np.random.Generator, of_frame: np.random.Generator
) -> Image:
    from PIL import Image as Pillow

    side = round(LARGEST + severity * (SMALLEST - LARGEST))
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Pillow.fromarray(image).resize(size, Pillow.Resampling.BILINEAR)
    return np.asarray(small.resize((width, height), Pillow.Resampling.BILINEAR))


def _night(
    image: Image, severity: float, of_shot: np.random.Generator, of_frame: np.random.Generator
) -> Image:
    grey = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    dark = grey * (0.6 - 0.4 * severity) + 15
    noise = of_frame.standard_normal(dark.shape, np.float32) * (6 + 12 * severity)
    return np.repeat(np.clip(dark + noise, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _out_of_focus(
    image: Image, severity: float, of_shot: np.random.Generator, of_frame: np.random.Generator
) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageFilter

    radius = (0.009 + 0.022 * severity) * image.shape[1]
    return np.asarray(Pillow.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def _motion_blur(
    image: Image, severity: float, of_shot: np.random.Generator, of_frame: np.random.Generator
) -> Image:
    """Mean of copies along a line, with the image's edges repeated beyond them."""
    height, width = image.shape[:2]
    length = max(1.0, (0.04 + 0.16 * severity) * width)
    angle = of_shot.uniform(0, np.pi)
    along = np.linspace(-length / 2, length / 2, max(2, min(32, round(length))))
    rows, columns = np.rint(along * np.sin(angle)).astype(int), np.rint(along * np.cos(angle)).astype(int)
    reach = int(np.ceil(length / 2)) + 1
    wide = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="edge").astype(np.uint16)
    total = np.zeros(image.shape, np.uint16)  # at most 32 copies of at most 255
    for row, column in zip(rows + reach, columns + reach, strict=True):
        total += wide[row : row + height, column : column + width]
    return (total // len(along)).astype(np.uint8)


def _hidden(
    image: Image, severity: float, of_shot: np.random.Generator, of_frame: np.random.Generator
) -> Image:
    """Dark surface of one colour with a coarse texture, over the left or the right side."""
    height, width = image.shape[:2]
    covered = round((0.35 + 0.25 * severity) * width)
    colour = of_shot.uniform(20, 110) + of_shot.uniform(-15, 15, 3)
    texture = np.repeat(np.repeat(of_shot.normal(0, 12, (8, 8)), -(-height // 8), 0), -(-covered // 8), 1)
    surface = np.clip(colour + texture[:height, :covered, None], 0, 255).astype(np.uint8)
    result = image.copy()
    if of_shot.random() < 0.5:
        result[:, :covered] = surface
    else:
        result[:, width - covered :] = surface
    return result


DEGRADATIONS: dict[str, Callable[[Image, float, np.random.Generator, np.random.Generator], Image]] = {
    "clean": _clean,
    "small": _small,
    "night": _night,
    "out-of-focus": _out_of_focus,
    "motion-blur": _motion_blur,
    "hidden": _hidden,
}
"""Every degradation by its name; its arguments are the image, the severity, and random numbers of shot and frame."""
