"""Timeline of one video: snapshot and context labels over time, and the context probabilities."""

import math
import warnings
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from wolfdog.atomic import atomic_path
from wolfdog.errors import InputError, ShapeError
from wolfdog.extras import needs_extra

from ..moments import Moment, events
from .palette import OTHERS, Paint, palette
from .time_axis import time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

WIDTH = 12.0  # inches
DOTS = 120  # per inch
COLUMNS = 1200  # the probabilities of a long video are averaged to at most so many steps
LANE, STRIP, FRAME, ROW = 0.42, 1.1, 1.0, 0.24  # inches of height: lane, strip, title and axis, legend row
HALF = 0.42  # of a lane's bar, in lanes
CROWD = COLUMNS // 3  # more events than this in a lane cannot be distinguished


class Span(Protocol):
    """Interval of time with a label: an `Event`, or a line of a labels file."""

    @property
    def start(self) -> float:
        """Seconds."""
        ...

    @property
    def end(self) -> float:
        """Seconds."""
        ...

    @property
    def label(self) -> str:
        """Name of the class."""
        ...


def draw_timeline(
    moments: Iterable[Moment],
    path: str | PathLike[str],
    classes: Sequence[str],
    *,
    truth: Iterable[Span] | None = None,
    title: str | None = None,
) -> None:
    """Draw `timeline_figure` into an image file, whole or not at all.

    Args:
        moments: Of one video, in order of time.
        path: File to write (.png, .svg, .pdf).
        classes: Names of the classes.
        truth: Labelled spans.
        title: None: the video's name.

    Raises:
        InputError: There are no moments, they are of several videos, or Matplotlib does not write files of that suffix.
        ShapeError: A moment has not one probability per class.
        OSError: The file cannot be written.
    """
    figure = timeline_figure(moments, classes, truth=truth, title=title)
    kinds = figure.canvas.get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in kinds:
        raise InputError(
            f"{path}: no kind of picture has the suffix {Path(path).suffix!r}. Use one of: {', '.join(kinds)}"
        )
    with atomic_path(path) as beside, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a box is drawn in its place
        figure.savefig(beside)


def timeline_figure(
    moments: Iterable[Moment],
    classes: Sequence[str],
    *,
    truth: Iterable[Span] | None = None,
    title: str | None = None,
) -> "Figure":
    """Moments of one video over time, as a Matplotlib figure.

    Lanes from the top: the truth where it is known, the context label, the snapshot label; below them the context
    probabilities, stacked: those of the classes that are a label or exceed 0.1 somewhere, and the sum of all others.
    Every event is at least a dot wide, so that short events in a long video stay visible; a lane with too many events
    shows each label's share of the time instead.

    Args:
        moments: Of one video, in order of time.
        classes: Names of the classes.
        truth: Labelled spans.
        title: None: the video's name.

    Returns:
        The figure.

    Raises:
        InputError: There are no moments, or they are of several videos.
        ShapeError: A moment has not one probability per class.

    Examples:
        >>> p = np.array([0.25, 0.75])
        >>> moment = Moment("a.mp4", 0, 0.0, "dog", "wolf", p[::-1], p, duration=0.5)
        >>> figure = timeline_figure([moment], ["dog", "wolf"])
        >>> [lane.get_text() for lane in figure.axes[0].get_yticklabels()]
        ['context', 'snapshot']
    """
    # Drawing loads Matplotlib, without pyplot: no window, no global state, safe in threads.
    with needs_extra("watch", "drawing a timeline"):
        from matplotlib.figure import Figure

    seen = _of_one_video(moments, classes)
    lanes: list[tuple[str, list[Span]]] = [] if truth is None else [("truth", list(truth))]
    lanes += [("context", list(events(seen, "context"))), ("snapshot", list(events(seen, "snapshot")))]
    said = [span.label for _, spans in lanes for span in spans]
    paints = palette([*classes, *said])
    times, probabilities = _steps(seen)
    shown = _legend_of(paints, said, classes, probabilities)

    longest = max(len(name) for name in shown)
    rows = math.ceil(len(shown) * (0.55 + 0.085 * longest) / (WIDTH - 1))
    heights = [LANE * len(lanes), STRIP]
    figure = Figure((WIDTH, FRAME + sum(heights) + ROW * rows), dpi=DOTS, layout="constrained")
    top, strip = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    top.set_xlim(times[0], times[-1])
    top.set_title(seen[0].video if title is None else title, fontsize=11, loc="left", parse_math=False)
    _draw_lanes(top, lanes, paints)
    drawn = [k for k, name in enumerate(classes) if name in shown]
    legend = {name: paints[name] for name in shown}
    strips = [(probabilities[:, k], paints[classes[k]]) for k in drawn]
    if len(drawn) < len(classes):
        strips.append((np.delete(probabilities, drawn, 1).sum(1), OTHERS))
        legend["other classes"] = OTHERS
    _draw_probabilities(strip, times, strips)
    time_axis(strip, float(times[0]), float(times[-1]))
    _draw_legend(figure, legend, math.ceil(len(legend) / rows))
    return figure


def _of_one_video(moments: Iterable[Moment], classes: Sequence[str]) -> list[Moment]:
    seen = list(moments)
    videos = {m.video for m in seen}
    if len(videos) != 1:
        raise InputError(
            f"A timeline is of one video with at least one moment, got {len(seen)} moments of {len(videos)} "
            "videos. Draw a timeline for each video that has moments."
        )
    for m in seen:
        if m.context_probabilities.shape != (len(classes),):
            raise ShapeError(
                f"The moment at {m.time:.3f} s of {m.video!r} has context probabilities of shape "
                f"{m.context_probabilities.shape}; expected ({len(classes)},), one per class: "
                f"{', '.join(classes)}."
            )
    return seen


def _steps(seen: list[Moment]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges in seconds, shape [n + 1], and the context probabilities between them, shape [n, classes].

    Moments of a long video are averaged in groups, so that there are no more steps than dots.
    """
    starts = np.array([m.time for m in seen])
    probabilities = np.stack([np.asarray(m.context_probabilities, np.float64) for m in seen])
    end = seen[-1].time + seen[-1].duration
    if (
        end <= starts[-1]
    ):  # the length of the last frame is not known: it is taken to be that of the one before it
        end = starts[-1] + (starts[-1] - starts[-2] if len(seen) > 1 else 1.0)
    firsts = np.unique(np.linspace(0, len(seen), min(len(seen), COLUMNS), endpoint=False).astype(int))
    counts = np.diff(np.append(firsts, len(seen)))
    means = np.add.reduceat(probabilities, firsts) / counts[:, None]
    return np.append(starts[firsts], end), means


def _legend_of(
    paints: dict[str, Paint], said: list[str], classes: Sequence[str], probabilities: NDArray[np.float64]
) -> list[str]:
    """Classes in the legend: those that are a label, and those that are visible in the strip."""
    visible = {name for name, most in zip(classes, probabilities.max(0), strict=True) if most > 0.1}
    return [name for name in paints if name in visible or name in said]


def _draw_legend(figure: "Figure", paints: dict[str, Paint], columns: int) -> None:
    patches = [_patch(paint) for paint in paints.values()]
    # Matplotlib leaves labels out that begin with an underscore; a blank before it keeps them.
    names = [f" {name}" if name.startswith("_") else name for name in paints]
    legend = figure.legend(
        patches, names, loc="outside lower center", ncols=columns, fontsize=9, frameon=False
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _draw_lanes(axes: "Axes", lanes: list[tuple[str, list[Span]]], paints: dict[str, Paint]) -> None:
    for row, (_, spans) in enumerate(lanes):
        draw = _draw_shares if len(spans) > CROWD else _draw_spans
        draw(axes, row, spans, paints)
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    axes.set_yticks(range(len(lanes)), [name for name, _ in lanes])
    axes.tick_params(length=0, labelbottom=False, labelsize=10)
    axes.spines[:].set_visible(False)


def _draw_spans(axes: "Axes", row: int, spans: list[Span], paints: dict[str, Paint]) -> None:
    low, high = axes.get_xlim()
    inch = (high - low) / (WIDTH - 1.2)  # seconds in an inch, beside margins and lane names
    # Long ones first: a short event is drawn over the edges of its neighbours.
    for span in sorted(spans, key=lambda span: span.start - span.end):
        paint, wide = paints[span.label], max(span.end - span.start, inch / DOTS)
        axes.add_patch(_patch(paint, span.start, row - HALF, wide, 2 * HALF))
        if wide / inch > 0.1 + 0.08 * len(span.label):  # its name fits in
            text = axes.text(span.start + wide / 2, row, span.label, parse_math=False, clip_on=True)
            text.set(ha="center", va="center", fontsize=9, color=paint.ink)
            if paint.hatch:
                text.set_bbox({"facecolor": paint.fill, "edgecolor": "none", "pad": 1})


def _draw_shares(axes: "Axes", row: int, spans: list[Span], paints: dict[str, Paint]) -> None:
    """Share of each interval of time that each label has, stacked from the bottom of the lane."""
    edges = np.linspace(*axes.get_xlim(), COLUMNS // 2 + 1)
    below = np.full(len(edges), row + HALF)
    for name, paint in paints.items():
        mine = sorted((span.start, span.end) for span in spans if span.label == name)
        if not mine:
            continue
        knots = np.array(mine)
        # Time filled by the label up to t: it increases within its spans and is constant between them.
        filled = np.cumsum(np.stack([np.zeros(len(mine)), knots[:, 1] - knots[:, 0]], 1).ravel())
        share = np.diff(np.interp(edges, knots.ravel(), filled)) / np.diff(edges)
        top = below - 2 * HALF * np.append(share, share[-1])
        axes.fill_between(edges, below, top, step="post", facecolor=paint.fill, lw=0)
        below = top


def _draw_probabilities(
    axes: "Axes", times: NDArray[np.float64], strips: list[tuple[NDArray[np.float64], Paint]]
) -> None:
    below = np.zeros(len(times))
    for values, paint in strips:
        # step="post" draws each value up to the next edge; the last has none
        top = below + np.append(values, values[-1])
        axes.fill_between(times, below, top, step="post", facecolor=paint.fill, hatch=paint.hatch, lw=0,
                          edgecolor=paint.ink + "60")  # fmt: skip
        below = top
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("probability\nin context", fontsize=9)
    axes.tick_params(labelsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _patch(paint: Paint, x: float = 0, y: float = 0, width: float = 1, height: float = 1) -> "Rectangle":
    from matplotlib.patches import Rectangle

    faint = paint.ink + "60"  # the colour of the hatch
    return Rectangle((x, y), width, height, lw=0, fc=paint.fill, ec=faint, hatch=paint.hatch or None)
