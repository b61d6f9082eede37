"""Label strips: the predictions beneath an annotated picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wolfdog.extras import needs_extra

from ..moments import Moment, Probabilities
from .palette import OTHERS, Paint, palette

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

PAPER, QUIET = "#1A1A1A", "#C8C8C8"  # background, and the names of the rows


MANY = 12
"""Number of classes above which the improbable ones are drawn together."""

LEAST = 0.04
"""Least probability of a class that is then drawn on its own."""


class LabelStrip:
    """Rows of predictions, `width` pixels wide: the truth if known, context, snapshot.

    Each row shows the label in the colour of its class, its probability in per cent, and a bar of the probabilities of
    all classes in their colours. `height` is the strip's height in pixels, an even number.

    Args:
        classes: Names of the classes.
        width: Pixels.
        with_truth: Whether there is a row for the truth.
    """

    def __init__(self, classes: Sequence[str], width: int, with_truth: bool) -> None:
        # The font is the one that Matplotlib ships with, as in the timelines.
        with needs_extra("watch", "drawing labels"):
            import matplotlib
            from PIL import ImageFont

        self.classes = tuple(classes)
        self.width = width
        self._row = width // 16
        self._rows = 3 if with_truth else 2
        self._gap = max(2, self._row // 6)
        self.height = (self._rows * self._row + (self._rows + 1) * self._gap + 1) // 2 * 2
        typeface = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
        self._large: FreeTypeFont = ImageFont.truetype(typeface, round(0.62 * self._row))
        self._small: FreeTypeFont = ImageFont.truetype(typeface, round(0.46 * self._row))

    def draw(self, moment: Moment | None, truth: str | None) -> "Image":
        """Strip of one frame.

        Args:
            moment: Prediction of the frame; None before the first.
            truth: Label of the frame, where it is known.

        Returns:
            The image.
        """
        from PIL import Image, ImageDraw

        strip = Image.new("RGB", (self.width, self.height), PAPER)
        pen = ImageDraw.Draw(strip)
        rows: list[tuple[str, str | None, Probabilities | None]] = []
        if self._rows == 3:
            rows.append(("truth", truth, None))
        if moment is None:
            rows += [("context", None, None), ("snapshot", None, None)]
        else:
            rows.append(("context", moment.context, moment.context_probabilities))
            rows.append(("snapshot", moment.snapshot, moment.snapshot_probabilities))
        paints = palette([*self.classes, *(label for _, label, _ in rows if label is not None)])
        for i, (name, label, probabilities) in enumerate(rows):
            top = self._gap + i * (self._row + self._gap)
            middle = top + self._row / 2
            pen.text((self._gap * 2, middle), name, QUIET, self._small, anchor="lm")
            if label is not None:
                self._box(pen, (0.17, 0.47), top, label, paints[label], self._large)
            if probabilities is not None:
                percent = f"{100 * float(probabilities.max()):.0f}%"
                pen.text((0.555 * self.width, middle), percent, QUIET, self._small, anchor="rm")
                self._bar(pen, top, probabilities, paints)
        return strip

    def _bar(
        self, pen: "ImageDraw", top: int, probabilities: Probabilities, paints: dict[str, Paint]
    ) -> None:
        left, right = 0.57, 1 - self._gap / self.width
        parts = [(name, float(p), paints[name]) for name, p in zip(self.classes, probabilities, strict=True)]
        if len(parts) > MANY:  # segments that are too thin to be distinguished are drawn as one
            rest = sum(p for _, p, _ in parts if p < LEAST)
            parts = [*(part for part in parts if part[1] >= LEAST), ("others", rest, OTHERS)]
        for name, p, paint in parts:
            end = min(1.0, left + p * (right - 0.57))
            self._box(pen, (left, end), top, name, paint, self._small)
            left = end

    def _box(
        self,
        pen: "ImageDraw",
        across: tuple[float, float],
        top: int,
        text: str,
        paint: Paint,
        font: "FreeTypeFont",
    ) -> None:
        """Coloured box over that part of the width, with as much of the text as fits."""
        left, right = (round(x * self.width) for x in across)
        if right <= left:
            return
        pen.rectangle((left, top, right - 1, top + self._row - 1), paint.fill)
        room = right - left - 2 * self._gap
        fitting = _cut(text, font, room)
        if fitting:
            pen.text(((left + right) / 2, top + self._row / 2), fitting, paint.ink, font, anchor="mm")


def _cut(text: str, font: "FreeTypeFont", room: float) -> str:
    """Text if it fits into `room` pixels, else its beginning and an ellipsis, else nothing."""
    text = " ".join(text.split())
    if font.getlength(text) <= room:
        return text
    lengths = (n for n in range(len(text) - 1, 2, -1) if font.getlength(text[:n] + "…") <= room)
    n = next(lengths, 0)
    return text[:n] + "…" if n else ""
