"""Picture of a labels file: for each video a bar of its length, with its labels in colours."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING

from ...atomic import atomic_path
from ...extras import needs_extra
from ...labels import LabelSpan, LabelTable
from .palette import palette
from .time_axis import time_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 60
"""Largest number of videos that are drawn."""

_RATE = 25.0
"""Frames a second where they are not known."""
_UNKNOWN = 10.0
"""Seconds at which a bar of unknown length is drawn, where no label says more."""


def draw_coverage(
    labels: LabelTable,
    lengths: Mapping[str, tuple[float, float]],
    unlabelled: Sequence[str],
    path: str | PathLike[str],
    *,
    title: str = "",
) -> None:
    """Write `coverage_figure` to a picture file, atomically.

    Args:
        labels: Labels of the videos.
        lengths: Seconds and frames a second of each video, where known.
        unlabelled: Videos without labels.
        path: The picture.
        title: Title of the plot.

    Raises:
        OSError: The file cannot be written.
        ValueError: The suffix is none of a picture.
    """
    with atomic_path(path) as beside:
        coverage_figure(labels, lengths, unlabelled, title=title).savefig(beside, dpi=150)


def coverage_figure(
    labels: LabelTable,
    lengths: Mapping[str, tuple[float, float]],
    unlabelled: Sequence[str] = (),
    *,
    title: str = "",
) -> "Figure":
    """Bars of the videos, by site. Labels of whole files have a narrow bar; labels at the same time share the height.

    Args:
        labels: Labels of the videos.
        lengths: Seconds and frames a second of each video, where known.
        unlabelled: Videos without labels, which have an empty bar.
        title: Title of the plot.

    Returns:
        The figure.

    Examples:
        >>> table = LabelTable({"north/a.mp4": [LabelSpan(0, 3, "wolf"), LabelSpan(5, 8, "dog")]})
        >>> figure = coverage_figure(table, {"north/a.mp4": (9.0, 25.0)})
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
        ['north/a.mp4']
    """
    with needs_extra("watch", "drawing the coverage"):
        from matplotlib.figure import Figure
        from matplotlib.patches import Patch

    names = sorted(labels, key=lambda name: (labels.site(name), name)) + sorted(unlabelled)
    shown = names[:MOST_ROWS]
    paints = palette(labels.classes)
    figure = Figure(figsize=(10, 1.6 + 0.28 * max(1, len(shown))), layout="constrained")
    axes = figure.add_subplot()
    longest = _UNKNOWN
    for row, name in enumerate(shown):
        length, rate = lengths.get(name) or (_length(labels.spans.get(name, ())), _RATE)
        longest = max(longest, length) if row else length
        axes.broken_barh(
            [(0, length)], (row - 0.4, 0.8), facecolor="#F4F4F4", edgecolor="#B0B0B0", linewidth=0.5
        )
        spans = labels.spans.get(name, ())
        for number, span in enumerate(spans):
            low, height = _place(spans, number)
            paint = paints[span.label]
            start, end = (at / rate if span.unit == "frames" else at for at in (span.start, span.end))
            axes.broken_barh(
                [(start, min(end, length) - start)],
                (row - 0.4 + 0.8 * low, 0.8 * height),
                facecolor=paint.fill,
                hatch=paint.hatch,
                edgecolor="#404040",
                linewidth=0.3,
            )
    axes.set_yticks(range(len(shown)), [_shortened(name) for name in shown], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, longest * 1.02)
    time_axis(axes, 0, longest)
    more = f" (the first {MOST_ROWS} of {len(names)})" if len(names) > MOST_ROWS else ""
    axes.set_title(title + more, fontsize=10, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if paints:
        handles = [
            Patch(facecolor=p.fill, hatch=p.hatch, edgecolor="#404040", label=n) for n, p in paints.items()
        ]
        figure.legend(
            handles=handles, loc="outside lower center", ncols=min(6, len(handles)), fontsize=8, frameon=False
        )
    return figure


def _length(spans: Sequence[LabelSpan]) -> float:
    """Length of a video that does not say it, by its labels."""
    ends = [span.end if span.unit == "seconds" else span.end / _RATE for span in spans]
    return max([end for end in ends if end < float("inf")], default=_UNKNOWN)


def _place(spans: Sequence[LabelSpan], number: int) -> tuple[float, float]:
    """Part of the height of a bar that a label has: all of it, or a share among labels of the same time."""
    one = spans[number]
    together = [
        at
        for at, other in enumerate(spans)
        if bool(other.bag) == bool(one.bag) and other.start < one.end and one.start < other.end
    ]
    low, height = together.index(number) / len(together), 1 / len(together)
    return (0.35 + 0.3 * low, 0.3 * height) if one.bag else (low, height)


def _shortened(name: str) -> str:
    return name if len(name) <= 40 else f"...{name[-37:]}"
