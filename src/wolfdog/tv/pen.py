"""Drawing of smooth shapes in units of the picture: x to the right and y down, each from -1 to 1."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]


class Pen:
    """Pen on a transparent square of `size` by `size` pixels, in unit coordinates.

    Args:
        size: Pixels of a side. Edges are not smoothed: draw a large picture and shrink it.
        tint: Colour that edges fade into when the picture is shrunk.

    Examples:
        >>> pen = Pen(16, tint=(255, 0, 0))
        >>> pen.oval(0, 0, 0.5, 0.5, (255, 0, 0))
        >>> pen.image.getpixel((8, 8)), pen.image.getpixel((0, 0))
        ((255, 0, 0, 255), (255, 0, 0, 0))
    """

    def __init__(self, size: int, tint: Colour) -> None:
        self.image = Image.new("RGBA", (size, size), (*tint, 0))
        self._draw = ImageDraw.Draw(self.image)
        self._half = size / 2

    def shape(self, points: Sequence[Point], fill: Colour, alpha: int = 255) -> None:
        """Draw a polygon.

        Args:
            points: Corners.
            fill: Colour.
            alpha: Opacity, 0 to 255.
        """
        self._polygon(np.asarray(points, dtype=np.float64), fill, alpha)

    def blob(self, points: Sequence[Point], fill: Colour, alpha: int = 255) -> None:
        """Draw a smooth closed curve (Catmull-Rom spline).

        Args:
            points: Points on the curve.
            fill: Colour.
            alpha: Opacity, 0 to 255.
        """
        through = np.asarray(points, dtype=np.float64)
        before, after, beyond = np.roll(through, 1, 0), np.roll(through, -1, 0), np.roll(through, -2, 0)
        t = np.arange(5)[:, None, None] / 5
        curve = 0.5 * (
            2 * through
            + (after - before) * t
            + (2 * before - 5 * through + 4 * after - beyond) * t**2
            + (3 * through - before - 3 * after + beyond) * t**3
        )
        self._polygon(curve.transpose(1, 0, 2).reshape(-1, 2), fill, alpha)

    def oval(
        self, x: float, y: float, rx: float, ry: float, fill: Colour, tilt: float = 0.0, alpha: int = 255
    ) -> None:
        """Draw an ellipse.

        Args:
            x: Centre.
            y: Centre.
            rx: Horizontal radius.
            ry: Vertical radius.
            fill: Colour.
            tilt: Rotation in radians.
            alpha: Opacity, 0 to 255.
        """
        if tilt == 0:
            half = self._half
            box = (x - rx + 1, y - ry + 1, x + rx + 1, y + ry + 1)
            self._draw.ellipse([edge * half for edge in box], fill=(*fill, alpha))
            return
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        along, across = rx * np.cos(angle), ry * np.sin(angle)
        cos, sin = np.cos(tilt), np.sin(tilt)
        outline = np.stack([x + along * cos - across * sin, y + along * sin + across * cos], axis=1)
        self._polygon(outline, fill, alpha)

    def limb(self, points: Sequence[Point], widths: Sequence[float], fill: Colour) -> None:
        """Draw a rounded stroke of varying width.

        Args:
            points: Points of the stroke.
            widths: Width at each point.
            fill: Colour.
        """
        for (x, y), width in zip(points, widths, strict=True):
            self.oval(x, y, width / 2, width / 2, fill)
        for i in range(len(points) - 1):
            (x0, y0), (x1, y1) = points[i], points[i + 1]
            length = np.hypot(x1 - x0, y1 - y0) or 1.0
            nx, ny = (y0 - y1) / length / 2, (x1 - x0) / length / 2
            a, b = widths[i], widths[i + 1]
            corners = [
                (x0 + nx * a, y0 + ny * a),
                (x1 + nx * b, y1 + ny * b),
                (x1 - nx * b, y1 - ny * b),
                (x0 - nx * a, y0 - ny * a),
            ]
            self.shape(corners, fill)

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """Draw a rounded stroke of one width.

        Args:
            points: Points of the stroke.
            width: Width.
            fill: Colour.
        """
        self.limb(points, [width] * len(points), fill)

    def _polygon(self, points: NDArray[np.float64], fill: Colour, alpha: int) -> None:
        self._draw.polygon(((points + 1) * self._half).ravel().tolist(), fill=(*fill, alpha))


def shade(colour: Colour, factor: float) -> Colour:
    """Colour that is darker for a factor below 1 and lighter for one above.

    Args:
        colour: The colour.
        factor: Factor of each part.

    Returns:
        The new colour.

    Examples:
        >>> shade((100, 200, 10), 1.5)
        (150, 255, 15)
    """
    red, green, blue = (min(255, max(0, round(part * factor))) for part in colour)
    return red, green, blue


def vary(rng: np.random.Generator, colour: Colour, by: float = 18) -> Colour:
    """Random colour near another one.

    Args:
        rng: Source of random numbers.
        colour: The other colour.
        by: Largest difference of each part.

    Returns:
        The new colour.
    """
    red, green, blue = (
        int(min(255, max(0, part + shift)))
        for part, shift in zip(colour, rng.uniform(-by, by, 3), strict=True)
    )
    return red, green, blue


def pick(rng: np.random.Generator, colours: Sequence[Colour], by: float = 18) -> Colour:
    """Random colour of several, varied, and lighter or darker.

    Args:
        rng: Source of random numbers.
        colours: The colours.
        by: Largest difference of each part.

    Returns:
        The new colour.
    """
    return shade(vary(rng, colours[int(rng.integers(len(colours)))], by), rng.uniform(0.85, 1.15))
