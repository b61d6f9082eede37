"""Plot of accuracy by gap, with and without memory, with a panel for each degradation."""

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING

from wolfdog.atomic import atomic_path

from ..evaluation.metrics import ENOUGH, GapTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito 2008
_STYLES = {
    "ideal observer": ("#000000", ":", ""),
    "classifier alone": ("#777777", "--", "."),
    "mean of 5 frames": ("#E69F00", "-", "s"),
    "memory": ("#0072B2", "-", "o"),
}


def draw_gap_panels(
    tables: Mapping[str, GapTable], path: str | PathLike[str], *, fps: float, title: str
) -> None:
    """Write `gap_panels` to a picture file, atomically.

    Args:
        tables: Accuracy by gap, for each degradation.
        path: The picture.
        fps: Frames per second.
        title: Title of the plot.

    Raises:
        OSError: It cannot be written.
        ValueError: The suffix is none of a picture.
    """
    with atomic_path(path) as beside:
        gap_panels(tables, fps=fps, title=title).savefig(beside, dpi=150)


def gap_panels(tables: Mapping[str, GapTable], *, fps: float, title: str) -> "Figure":
    """Panels of balanced accuracy on ambiguous frames, against the seconds since the last informative one.

    Markers of buckets with few frames are hollow.

    Args:
        tables: Accuracy by gap, for each degradation.
        fps: Frames per second.
        title: Title of the plot.

    Returns:
        The figure.

    Examples:
        >>> table = GapTable(((1, 10), (10, 30)), (500, 20), {"classifier alone": (0.5, 0.4), "memory": (0.9, None)})
        >>> figure = gap_panels({"clean": table, "night": table}, fps=5, title="")
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['clean', 'night']
    """
    from matplotlib.figure import Figure

    columns = 2 if len(tables) in (2, 4) else min(3, len(tables))
    rows = -(-len(tables) // columns)
    figure = Figure((3.3 * columns + 0.4, 2.5 * rows + 0.9), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(tables) :]:
        axes.remove()
    for axes, (name, table) in zip(grid.flat, tables.items(), strict=False):
        places = range(len(table.gaps))
        axes.axhline(0.5, color="#BBBBBB", linewidth=1, zorder=0)
        for method, values in table.accuracy.items():
            colour, line, marker = _STYLES.get(method, ("#009E73", "-", "D"))
            drawn = [float("nan") if value is None else value for value in values]
            axes.plot(
                places, drawn, line, color=colour, marker=marker, markersize=5, linewidth=1.4, label=method
            )
            few = [
                value if n < ENOUGH else float("nan") for value, n in zip(drawn, table.counts, strict=True)
            ]
            axes.plot(places, few, marker, color=colour, markerfacecolor="white", markersize=5)
        axes.set_title(name, loc="left", fontsize=10)
        axes.set_xticks(list(places), [_seconds(lo, hi, fps) for lo, hi in table.gaps], fontsize=7)
        axes.set_ylim(0, 1.03)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("seconds since the last bear or goldfish", fontsize=9)
    figure.supylabel("balanced accuracy, wolf and dog", fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    grid.flat[0].legend(loc="lower left", frameon=False, fontsize=8)
    return figure


def _seconds(lo: int, hi: int, fps: float) -> str:
    """Bucket of gaps in frames, from lo up to hi, in seconds.

    Examples:
        >>> _seconds(10, 30, 5.0), _seconds(1, 10, 5.0)
        ('2-6', '0.2-2')
    """
    return f"{lo / fps:g}-{hi / fps:g}"
