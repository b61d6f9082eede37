"""Picture of evaluations: F1 by class, calibration, error against coverage, and confusion matrices."""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from ...atomic import atomic_path
from ...extras import needs_extra
from .evaluation import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HUES = ("#777777", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito 2008
MOST_CLASSES = 12
"""Classes drawn: those with the most labelled rows."""
_MOST_MATRICES = 4


def draw_evaluations(evaluations: Sequence[Evaluation], path: str | PathLike[str]) -> None:
    """Draw `evaluation_figure` into a picture file, atomically.

    Raises:
        OSError: It cannot be written.
        MissingPackageError: Matplotlib is not installed.
    """
    with atomic_path(path) as beside:
        evaluation_figure(evaluations).savefig(beside, dpi=130)


def evaluation_figure(evaluations: Sequence[Evaluation]) -> "Figure":
    """F1 by class with confidence intervals, reliability, error against coverage; below, confusion matrices.

    At most four confusion matrices and twelve classes are drawn: those with the most labelled rows.
    """
    with needs_extra("watch", "drawing an evaluation"):
        from matplotlib.figure import Figure

    matrices = evaluations[:_MOST_MATRICES]
    figure = Figure((12.5, 8.6), layout="constrained")
    halves = figure.add_gridspec(2, 1, height_ratios=(1, 1.15))
    upper, lower = figure.add_subfigure(halves[0]), figure.add_subfigure(halves[1])
    by_class, bins, risk = upper.subplots(1, 3, gridspec_kw={"width_ratios": (1.6, 1, 1)})
    _draw_classes(by_class, evaluations)
    _draw_reliability(bins, evaluations)
    _draw_risk(risk, evaluations)
    upper.legend(
        *bins.get_legend_handles_labels(), loc="outside upper left", ncols=4, frameon=False, fontsize=8
    )
    below = np.atleast_1d(lower.subplots(1, len(matrices)))
    for axes, one in zip(below, matrices, strict=True):
        _draw_confusion(axes, one)
    return figure


def _hue(number: int) -> str:
    return _HUES[number % len(_HUES)]


def _shown(found: Evaluation) -> list[int]:
    """Positions of the classes that are drawn."""
    support = found.confusion.sum(1) + found.confusion.sum(0) / (found.rows + 1)
    order = [int(k) for k in np.argsort(-support, kind="stable")[:MOST_CLASSES] if support[k] > 0]
    return sorted(order)


def _draw_classes(axes: "Axes", evaluations: Sequence[Evaluation]) -> None:
    names = [evaluations[0].classes[k] for k in _shown(evaluations[0])]
    height = 0.8 / len(evaluations)
    for number, one in enumerate(evaluations):
        for row, name in enumerate(names):
            score = one.labels.classes.get(name)
            if score is None or score.f1.value is None:
                continue
            place = row + (number - (len(evaluations) - 1) / 2) * height
            axes.plot([score.f1.value], [place], "o", color=_hue(number), markersize=4)
            if score.f1.low is not None and score.f1.high is not None:
                axes.plot([score.f1.low, score.f1.high], [place, place], color=_hue(number), linewidth=1.5)
    axes.set_yticks(range(len(names)), [_short(name) for name in names], fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("F1, with 95 % interval over deployments", fontsize=8)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_reliability(axes: "Axes", evaluations: Sequence[Evaluation]) -> None:
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=1)
    for number, one in enumerate(evaluations):
        some = one.reliability.count > 0
        axes.plot(
            one.reliability.confidence[some],
            one.reliability.accuracy[some],
            "-o",
            color=_hue(number),
            markersize=3,
            linewidth=1.2,
            label=one.name,
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("probability of the label", fontsize=8)
    axes.set_ylabel("share of right labels", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_risk(axes: "Axes", evaluations: Sequence[Evaluation]) -> None:
    for number, one in enumerate(evaluations):
        axes.plot(one.risk.coverage, 100 * one.risk.risk, color=_hue(number), linewidth=1.2)
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("share of labels kept, the surest first", fontsize=8)
    axes.set_ylabel("wrong labels among them, %", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_confusion(axes: "Axes", found: Evaluation) -> None:
    shown = _shown(found)
    counts = found.confusion[np.ix_(shown, shown)].astype(np.float64)
    share = counts / np.maximum(found.confusion[shown].sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    names = [_short(found.classes[k]) for k in shown]
    axes.set_xticks(range(len(shown)), names, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
    axes.set_yticks(range(len(shown)), names, fontsize=7)
    for row in range(len(shown)):
        for column in range(len(shown)):
            if share[row, column] >= 0.005:
                ink = "white" if share[row, column] > 0.6 else "black"
                text = f"{100 * share[row, column]:.0f}"
                axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color=ink)
    axes.set_title(f"{_short(found.name, 40)}: % of each true class", fontsize=8, loc="left")
    axes.set_xlabel("label given", fontsize=8)
    axes.set_ylabel("true label", fontsize=8)


def _short(name: str, most: int = 22) -> str:
    """Name of at most so many characters; of a taxonomy, its last part; without Matplotlib's mathematical signs.

    Examples:
        >>> _short("u;mammalia;carnivora;canidae;vulpes;vulpes;red fox")
        'red fox'
    """
    name = name.rsplit(";", 1)[-1] or name
    name = name if len(name) <= most else f"…{name[1 - most :]}"
    return name.replace("$", r"\$")
