"""Figure of a cell's activations over time."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from ..extras import needs_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

FEW = 4
"""Maximum number of units of a quantity that is drawn as lines."""

# Okabe and Ito, "Color Universal Design" (2008): distinguishable with colour blindness.
HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
NEUTRAL = {"unknown": "#D9D9D9", "blank": "#F2F2F2"}


def plot_gates(
    activations: Mapping[str, Tensor],
    names: Sequence[str] | None = None,
    *,
    example: int = 0,
    events: Sequence[str | None] | None = None,
    times: Sequence[float] | Tensor | None = None,
    order: str | None = None,
    batch_first: bool = False,
    title: str = "",
) -> "Figure":
    """Figure of activations over time: one panel for each quantity, one row for each unit, time to the right.

    Gates, with values in 0..1, are white when closed and dark when open; other quantities are blue below zero, white at
    zero and red above. All panels have the same order of units: by their weight in the first principal component of the
    long-term memory, so that units with similar values are neighbours. Quantities of up to four units are lines.

    Args:
        activations: Result of `layer.activations(x)`, possibly with more entries of the same form, for example
            `activations | {"p(wolf)": p}` with p [T, B].
        names: Names of the panels from top to bottom; None for all quantities with as many units as the state, without
            repetitions.
        example: Index in the batch.
        events: Label of every step, None for nothing; drawn as a strip above the panels.
        times: Time of every step in seconds; None for step numbers.
        order: Name of the quantity that orders the units; None for the last one, which is a state.
        batch_first: Whether activations are [B, T, H] and not [T, B, H].
        title: Title of the figure.

    Returns:
        The figure; `figure.savefig(path)` writes it. The first call imports Matplotlib.

    Raises:
        InputError: A name is not among the activations, or events or times are not one for every step.

    Examples:
        >>> import torch, wolfdog as wd
        >>> activations = wd.Recurrent(wd.cells.FourGateLSTMCell(3, 8)).activations(torch.randn(100, 2, 3))
        >>> figure = wd.plot_gates(activations, ["forget", "learn", "ltm"], example=1)
        >>> [axes.get_ylabel() for axes in figure.axes if axes.get_label() == "panel"]
        ['forget', 'learn', 'ltm']
    """
    with needs_extra("watch", "plot_gates"):
        from matplotlib.figure import Figure

    values = {name: _of_example(name, tensor, example, batch_first) for name, tensor in activations.items()}
    shown = _shown(values, names)
    last = order if order is not None else list(values)[-1] if values else ""
    steps = len(values[_known(values, last)])
    edges = _edges(steps, times)
    if events is not None and len(events) != steps:
        raise InputError(f"plot_gates: events must name all {steps} steps; got {len(events)}")
    rank = _rank(values[last])
    panels = ([] if events is None else [None]) + shown
    heights = [0.28 if name is None else 0.8 if values[name].shape[1] <= FEW else 1.15 for name in panels]
    figure = Figure((9.6, 0.9 + sum(heights) + 0.12 * len(heights)), layout="constrained")
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for name, axes in zip(panels, grid, strict=True):
        if name is None and events is not None:
            _strip(axes, events, edges)
        elif name is not None:
            units = values[name]
            draw = _lines if units.shape[1] <= FEW else _heat
            draw(axes, units[:, rank] if units.shape[1] == len(rank) else units, edges)
            axes.set_label("panel")
            axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10)
        axes.tick_params(labelsize=8)
    grid[-1].set_xlabel("step" if times is None else "seconds", fontsize=9)
    grid[-1].set_xlim(edges[0], edges[-1])
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=11)
    return figure


def _of_example(name: str, tensor: Tensor, example: int, batch_first: bool) -> Numbers:
    """Values of one example, [T, units]."""
    values = tensor.detach().to("cpu").double().numpy()
    if batch_first and values.ndim > 1:
        values = values.swapaxes(0, 1)
    if values.ndim < 2 or not -values.shape[1] <= example < values.shape[1]:
        raise InputError(
            f"plot_gates: {name} must be [T, B, ...] with an example {example}; got {list(tensor.shape)}; "
            "without a batch, add the dimension with [:, None]"
        )
    one: Numbers = values[:, example].reshape(len(values), -1)
    return one


def _shown(values: Mapping[str, Numbers], names: Sequence[str] | None) -> list[str]:
    if names is not None:
        return [_known(values, name) for name in names]
    units = values[list(values)[-1]].shape[1] if values else 0
    shown: list[str] = []
    for name, numbers in values.items():
        if numbers.shape[1] in (units, 1) and not any(np.array_equal(numbers, values[o]) for o in shown):
            shown.append(name)
    return shown


def _known(values: Mapping[str, Numbers], name: str) -> str:
    if name not in values:
        raise InputError(
            f"plot_gates: there is no activation {name!r}; there are {', '.join(map(repr, values))}"
        )
    return name


def _edges(steps: int, times: Sequence[float] | Tensor | None) -> Numbers:
    """Start time of every step, and the end of the last one."""
    if times is None:
        return np.arange(steps + 1, dtype=np.float64) - 0.5
    starts = np.asarray(times, dtype=np.float64)
    if starts.shape != (steps,):
        raise InputError(f"plot_gates: times must be one for each of {steps} steps; got {list(starts.shape)}")
    last = float(np.median(np.diff(starts))) if steps > 1 else 1.0
    return np.concatenate((starts, [starts[-1] + last] if steps else [0.0]))


def _rank(values: Numbers) -> NDArray[np.intp]:
    """Units by descending weight in the first principal component."""
    known = np.nan_to_num(values)
    centred = known - known.mean(0)
    # Eigenvectors of the covariance of units: its size does not depend on the length of the sequence.
    weights = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    return np.argsort(-weights * np.sign(weights.sum() or 1.0), kind="stable")


def _heat(axes: "Axes", values: Numbers, edges: Numbers) -> None:
    finite = values[np.isfinite(values)]
    is_gate = finite.size and finite.min() >= 0 and 0.5 < finite.max() <= 1
    bound = 1.0 if is_gate else float(np.quantile(np.abs(finite), 0.99)) if finite.size else 1.0
    options: dict[str, Any] = {"cmap": "Greys" if is_gate else "RdBu_r"}
    options |= {"vmin": 0.0 if is_gate else -(bound or 1.0), "vmax": bound or 1.0}
    count = values.shape[1]
    if np.ptp(np.diff(edges)) <= 1e-6 * (edges[-1] - edges[0]):
        extent = (edges[0], edges[-1], count, 0.0)
        image: Any = axes.imshow(values.T, aspect="auto", interpolation="nearest", extent=extent, **options)
    else:
        image = axes.pcolormesh(edges, np.arange(count + 1), values.T, rasterized=True, **options)
        axes.invert_yaxis()
    axes.set_yticks([])
    bar = axes.figure.colorbar(image, ax=axes, pad=0.01, fraction=0.025, aspect=12)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)


def _lines(axes: "Axes", values: Numbers, edges: Numbers) -> None:
    extended = np.concatenate((values, values[-1:]))  # so that the last step is drawn as wide as the others
    for number in range(values.shape[1]):
        axes.step(edges, extended[:, number], where="post", linewidth=1.1, color=HUES[number % len(HUES)])
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.08)


def _strip(axes: "Axes", events: Sequence[str | None], edges: Numbers) -> None:
    seen = list(dict.fromkeys(name for name in events if name is not None))
    loud = [name for name in seen if name not in NEUTRAL]
    colours = NEUTRAL | {name: HUES[number % len(HUES)] for number, name in enumerate(loud)}
    spans: dict[str, list[tuple[float, float]]] = {name: [] for name in seen}
    at = 0
    for name, run in groupby(events):
        end = at + sum(1 for _ in run)
        if name is not None:
            spans[name].append((edges[at], edges[end] - edges[at]))
        at = end
    for name in seen:
        axes.broken_barh(spans[name], (0, 1), color=colours[name], linewidth=0, label=name)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("event", rotation=0, ha="right", va="center", fontsize=10)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=8,
        frameon=False,
        fontsize=8,
        handlelength=1,
        borderaxespad=0.2,
    )
