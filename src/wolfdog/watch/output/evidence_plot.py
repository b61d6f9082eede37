"""Plot of the evidence of predictions: each with its frame and the past frames with the largest weights."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ...atomic import atomic_path
from ...extras import needs_extra
from .evidence import PAST_FRAMES, ExplainedMoment, PastFrame
from .palette import palette

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

PAPER, INK, QUIET, BAR = "#FFFFFF", "#1A1A1A", "#6E6E6E", "#0072B2"
HIGH = 112  # pixels of a past frame's height
GAP, LINE = 14, 20
SAID = 190  # pixels for the text of a frame


def draw_evidence(
    selected: Sequence[ExplainedMoment],
    path: str | PathLike[str],
    classes: Sequence[str],
    title: str,
    aspect: float = 1.0,
) -> None:
    """Draw `evidence_picture` into an image file, whole or not at all.

    Args:
        selected: Predictions with their past frames.
        path: File to write.
        classes: Names of the classes.
        title: Text above the rows.
        aspect: Width of a frame over its height, as it is shown.

    Raises:
        OSError: The file cannot be written.
    """
    with atomic_path(path) as beside:
        evidence_picture(selected, classes, title, aspect).save(beside, format="PNG")


def evidence_picture(
    selected: Sequence[ExplainedMoment], classes: Sequence[str], title: str, aspect: float = 1.0
) -> "Image":
    """Image with a row for each prediction.

    A row has the time, the frame, both labels with their probabilities, and the past frames with the largest weights,
    each with its age.

    Args:
        selected: Predictions with their past frames.
        classes: Names of the classes.
        title: Text above the rows.
        aspect: Width of a frame over its height, as it is shown; frames are stored as squares.

    Returns:
        The image.
    """
    with needs_extra("watch", "drawing evidence"):
        from PIL import Image, ImageDraw

    pen_of = _Pen(classes, max(0.5, min(2.0, aspect)))
    across = max((len(explained.past_frames) for explained in selected), default=PAST_FRAMES)
    width = 3 * GAP + pen_of.wide + SAID + across * (pen_of.wide + GAP)
    top = 2 * GAP + 2 * LINE
    row = HIGH + LINE + LINE + GAP
    canvas = Image.new("RGB", (width, top + len(selected) * row + GAP), PAPER)
    pen = ImageDraw.Draw(canvas)
    pen.text((GAP, GAP), pen_of.fitted(title, pen_of.large, width - 2 * GAP), INK, pen_of.large)
    about = "left: the frame and what is said of it; right: the past frames looked at most, and their weight"
    pen.text((GAP, GAP + LINE + 4), pen_of.fitted(about, pen_of.small, width - 2 * GAP), QUIET, pen_of.small)
    for number, explained in enumerate(selected):
        pen_of.row(canvas, pen, explained, top + number * row)
    return canvas


class _Pen:
    """Drawing of the rows."""

    def __init__(self, classes: Sequence[str], aspect: float) -> None:
        # The font is the one that Matplotlib ships with, as in the timelines.
        import matplotlib
        from PIL import ImageFont

        typeface = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
        self.large: FreeTypeFont = ImageFont.truetype(typeface, 15)
        self.small: FreeTypeFont = ImageFont.truetype(typeface, 12)
        self.wide = round(HIGH * aspect)
        self._paints = palette(classes)

    def row(self, canvas: "Image", pen: "ImageDraw", explained: ExplainedMoment, top: int) -> None:
        moment = explained.moment
        self._frame(canvas, explained.image, GAP, top)
        left = 2 * GAP + self.wide
        pen.text((left, top), clock(moment.time), INK, self.large)
        for line, (name, label, probability) in enumerate(
            (
                ("context", moment.context, moment.probability("context")),
                ("frame alone", moment.snapshot, moment.probability("snapshot")),
            )
        ):
            at = top + 1.5 * LINE + line * 2.1 * LINE
            pen.text((left, at), name, QUIET, self.small)
            self._label(pen, left, at + 16, label, probability)
        for number, past_frame in enumerate(explained.past_frames):
            self._past_frame(
                canvas, pen, past_frame, moment.time, left + SAID + number * (self.wide + GAP), top
            )

    def _past_frame(
        self, canvas: "Image", pen: "ImageDraw", past_frame: PastFrame, now: float, left: int, top: int
    ) -> None:
        self._frame(canvas, past_frame.image, left, top)
        under = top + HIGH + 4
        share = min(1.0, past_frame.weight)
        pen.rectangle((left, under, left + self.wide - 1, under + 5), "#E4E4E4")
        if round(share * self.wide) > 0:
            pen.rectangle((left, under, left + round(share * self.wide) - 1, under + 5), BAR)
        caption = f"{100 * share:.0f}%, {ago(now - past_frame.time)}"
        pen.text((left, under + 9), self.fitted(caption, self.small, self.wide + GAP), INK, self.small)

    def _frame(self, canvas: "Image", image: object, left: int, top: int) -> None:
        from PIL import Image

        small = Image.fromarray(image)  # type: ignore[arg-type]
        canvas.paste(small.resize((self.wide, HIGH), Image.Resampling.BICUBIC), (left, top))

    def _label(self, pen: "ImageDraw", left: float, top: float, label: str, probability: float) -> None:
        paint = self._paints[label]
        text = self.fitted(f"{label} {100 * probability:.0f}%", self.small, SAID - 3 * GAP)
        right = left + self.small.getlength(text) + 12
        pen.rectangle((left, top, right, top + LINE - 1), paint.fill)
        pen.text((left + 6, top + LINE / 2), text, paint.ink, self.small, anchor="lm")

    def fitted(self, text: str, font: "FreeTypeFont", room: float) -> str:
        """Text if it fits into `room` pixels, else its beginning and an ellipsis."""
        text = " ".join(text.split())
        if font.getlength(text) <= room:
            return text
        lengths = (n for n in range(len(text) - 1, 0, -1) if font.getlength(text[:n] + "…") <= room)
        return text[: next(lengths, 0)] + "…"


def clock(seconds: float) -> str:
    """Text of a time in a video.

    Examples:
        >>> clock(7.4), clock(3725.0)
        ('0:07.4', '1:02:05.0')
    """
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{f'{hours}:{minutes:02d}' if hours else minutes}:{rest // 10:02d}.{rest % 10}"


def ago(seconds: float) -> str:
    """Text of a duration in the past.

    Examples:
        >>> ago(7.44), ago(95.0), ago(7500.0)
        ('7.4 s ago', '1:35 min ago', '2:05 h ago')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s ago"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min ago"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h ago"
