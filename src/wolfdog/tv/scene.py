"""Picture of one shot: a moving sprite in front of a panning background."""

from dataclasses import dataclass
from functools import cached_property
from math import cos, log2, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wolfdog.tv.backgrounds import draw_background

Frame = NDArray[np.uint8]

ROOM_TO_PAN = 1.25
"""Size of the background relative to the frame."""


@dataclass(frozen=True)
class Sway:
    """Oscillation: middle + reach sin(phase + speed age), with age in frames.

    Args:
        middle: Mean value.
        reach: Amplitude.
        speed: Radians per frame.
        phase: Radians at age 0.
    """

    middle: float
    reach: float
    speed: float
    phase: float

    def at(self, age: int) -> float:
        """Value after `age` frames."""
        return self.middle + self.reach * sin(self.phase + self.speed * age)

    @staticmethod
    def draw(rng: np.random.Generator, low: float, high: float, reach: float, period: float = 40) -> "Sway":
        """Random oscillation within an interval.

        Args:
            rng: Source of random numbers.
            low: Lower end of the interval.
            high: Upper end of the interval.
            reach: Largest amplitude.
            period: Shortest period in frames; the longest is twice as long.

        Returns:
            The oscillation.
        """
        reach = min(reach * rng.uniform(0.2, 1), (high - low) / 2)
        middle = rng.uniform(low + reach, high - reach)
        return Sway(middle, reach, 2 * pi / (period * rng.uniform(1, 2)), rng.uniform(0, 2 * pi))


class Scene:
    """Moving sprite in front of a background.

    Args:
        sprite: Square RGBA image, facing right.
        size: Pixels of a frame's side.
        rng: Source of the random background and motion.
        scale: Smallest and largest size of the sprite, as shares of the frame.
        tilt: Largest tilt, in radians.
    """

    def __init__(
        self,
        sprite: Image.Image,
        size: int,
        rng: np.random.Generator,
        scale: tuple[float, float] = (0.6, 1.0),
        tilt: float = 0.2,
    ) -> None:
        self._size = size
        self._sprites = [sprite]  # each half the size of the one before
        self._background = draw_background(rng, round(size * ROOM_TO_PAN))
        self._mirror = -1 if rng.random() < 0.5 else 1
        self._scale = Sway.draw(rng, *scale, reach=0.12)
        self._tilt = Sway.draw(rng, -tilt, tilt, reach=0.08)
        # The larger the sprite, the less it may leave the middle: at most a tenth of it is out of the frame.
        slack = 0.5 - 0.4 * (self._scale.middle + self._scale.reach)
        self._x, self._y = (Sway.draw(rng, 0.5 - slack, 0.5 + slack, reach=0.15) for _ in range(2))
        spare = self._background.width - size
        self._pan_x, self._pan_y = (Sway.draw(rng, 0, spare, reach=0.1 * size, period=60) for _ in range(2))

    @cached_property
    def _largest(self) -> int:
        return self._sprites[0].width

    def at(self, age: int) -> Frame:
        """Frame uint8 [size, size, 3], `age` frames into the shot."""
        size = self._size
        left, top = self._pan_x.at(age), self._pan_y.at(age)
        frame = self._background.crop((round(left), round(top), round(left) + size, round(top) + size))
        scale = self._scale.at(age) * size
        sprite = self._shrunk(scale)
        # PIL wants the inverse: from a pixel of the frame to one of the sprite.
        zoom, tilt = sprite.width / scale, self._tilt.at(age)
        a, b = zoom * cos(tilt), zoom * sin(tilt)
        x, y, middle = self._x.at(age) * size, self._y.at(age) * size, sprite.width / 2
        m = self._mirror
        inverse = (m * a, m * b, middle - m * (a * x + b * y), -b, a, middle + b * x - a * y)
        laid = sprite.transform((size, size), Image.Transform.AFFINE, inverse, Image.Resampling.BILINEAR)
        frame.paste(laid, (0, 0), laid)
        return np.asarray(frame)

    def _shrunk(self, scale: float) -> Image.Image:
        """Sprite at the halving nearest to `scale` pixels: bilinear sampling is smooth up to there."""
        halvings = max(0, round(log2(self._largest / scale)))
        while len(self._sprites) <= halvings:
            self._sprites.append(self._sprites[-1].reduce(2))
        return self._sprites[halvings]
