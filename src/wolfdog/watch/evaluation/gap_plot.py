"""Plot of balanced accuracy on ambiguous moments against the gap since the last informative frame."""

from os import PathLike
from typing import TYPE_CHECKING

from ...atomic import atomic_path
from ...extras import needs_extra
from .metrics import ENOUGH, GapTable
from .observers import IDEAL, IDEAL_GIVEN_CLASSIFIER, SNAPSHOT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito 2008; markers distinguish lines that overlap.
_STYLES = (
    ("#E69F00", "o"),
    ("#56B4E9", "s"),
    ("#009E73", "D"),
    ("#0072B2", "^"),
    ("#D55E00", "v"),
    ("#CC79A7", "P"),
    ("#8A6D00", "X"),
)


def draw_gaps(table: GapTable, path: str | PathLike[str], title: str) -> None:
    """Write `gap_figure` to a picture file, atomically.

    Args:
        table: Accuracy by gap.
        path: The picture.
        title: Title of the plot.

    Raises:
        OSError: The file cannot be written.
        ValueError: The suffix is none of a picture.
    """
    with atomic_path(path) as beside:
        gap_figure(table, title).savefig(beside, dpi=150)


def gap_figure(table: GapTable, title: str) -> "Figure":
    """Line plot of every observer's accuracy over the buckets; markers of buckets with few moments are hollow.

    Args:
        table: Accuracy by gap.
        title: Title of the plot.

    Returns:
        The figure.

    Examples:
        >>> table = GapTable(((1, 10), (10, 30)), (500, 20), {"ideal": (1.0, 0.9), "gru": (0.99, None)})
        >>> figure = gap_figure(table, "")
        >>> sorted(line.get_label() for line in figure.axes[0].get_lines() if line.get_label()[0] != "_")
        ['gru', 'ideal observer']
    """
    with needs_extra("watch", "drawing the gaps"):
        from matplotlib.figure import Figure

    figure = Figure((8.2, 4.6), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(table.gaps))
    axes.axhline(0.5, color="#BBBBBB", linewidth=1, zorder=0)
    axes.annotate(
        "chance", (len(table.gaps) - 0.55, 0.5), va="bottom", ha="right", color="#888888", fontsize=8
    )
    memories = [name for name in table.accuracy if name not in (IDEAL, IDEAL_GIVEN_CLASSIFIER, SNAPSHOT)]
    for name, values in table.accuracy.items():
        drawn = [float("nan") if value is None else value for value in values]
        if name == IDEAL:
            axes.plot(places, drawn, color="black", linewidth=7, alpha=0.25, label="ideal observer", zorder=1)
        elif name == IDEAL_GIVEN_CLASSIFIER:
            axes.plot(
                places, drawn, "k:", linewidth=1.2, label="ideal observer, given this classifier", zorder=1
            )
        elif name == SNAPSHOT:
            axes.plot(
                places, drawn, color="#777777", marker=".", linestyle="--", label="snapshot (no memory)"
            )
        else:
            number = memories.index(name)
            colour, marker = _STYLES[number % len(_STYLES)]
            # Side by side, or memories that are equally good would hide each other.
            beside = [place + 0.09 * (number - (len(memories) - 1) / 2) for place in places]
            line = "-" if number < len(_STYLES) else "--"
            axes.plot(
                beside, drawn, line, color=colour, marker=marker, markersize=6, linewidth=1.0, label=name
            )
            few = [
                value if n < ENOUGH else float("nan") for value, n in zip(drawn, table.counts, strict=True)
            ]
            axes.plot(beside, few, marker, color=colour, markerfacecolor="white", markersize=6)
    axes.set_xticks(
        list(places),
        [
            f"{lo:,} to {hi - 1:,}\nn = {count:,}"
            for (lo, hi), count in zip(table.gaps, table.counts, strict=True)
        ],
        fontsize=8,
    )
    axes.set_xlim(-0.4, len(table.gaps) - 0.6)
    axes.set_ylim(min(0.4, axes.get_ylim()[0]), 1.02)
    axes.set_xlabel("frames since the last informative object")
    axes.set_ylabel("balanced accuracy on ambiguous moments")
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=9)
    return figure
