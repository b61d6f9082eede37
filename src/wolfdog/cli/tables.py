"""Scores as tables for the terminal."""

from rich import box
from rich.table import Table

from ..watch.evaluation.metrics import confusion, share
from ..watch.evaluation.observers import IDEAL, IDEAL_GIVEN_CLASSIFIER, ObserverPredictions
from ..watch.evaluation.scores import Scores
from .screen import percent


def gap_rows(scores: Scores, spread: dict[str, tuple[float | None, ...]] | None = None) -> Table:
    """Table of the accuracy on ambiguous moments, with a row per observer and a column per gap.

    Args:
        scores: The scores.
        spread: Standard deviation of each accuracy; None if there is none.

    Returns:
        The table.
    """
    table = Table(
        title="Accuracy in %: balanced, on ambiguous moments, by frames since\nthe last informative one; on the rest",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title_justify="left",
    )
    table.add_column("", overflow="fold")  # names wrap where the terminal is narrow, numbers do not
    for name in (*(_bucket(lo, hi) for lo, hi in scores.table.gaps), "all", "rest"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row("moments", *(f"{count:,}" for count in scores.table.counts), style="dim", end_section=True)
    names = [name for name in scores.table.accuracy if name not in (IDEAL, IDEAL_GIVEN_CLASSIFIER)]
    for name in (*names, IDEAL, IDEAL_GIVEN_CLASSIFIER):
        values = [percent(value) for value in scores.table.accuracy[name]]
        if spread is not None:
            values = [
                text if off is None else f"{text}±{100 * off:.1f}"
                for text, off in zip(values, spread[name], strict=True)
            ]
        style = "bold" if name in (IDEAL, IDEAL_GIVEN_CLASSIFIER) else None
        table.add_row(name, *values, percent(scores.ambiguous[name]), percent(scores.rest[name]), style=style)
    return table


def cost_rows(scores: Scores) -> Table:
    """Table of the memories' costs: parameters, and microseconds per frame."""
    table = Table(
        title="What a memory costs, the frame classifier apart",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title_justify="left",
    )
    table.add_column("", no_wrap=True)
    table.add_column("parameters", justify="right")
    table.add_column("µs per frame", justify="right")
    for name, cost in scores.costs.items():
        table.add_row(name, f"{cost.parameters:,}", f"{cost.microseconds:,.0f}")
    return table


def _bucket(lo: int, hi: int) -> str:
    """Short name of the gaps from lo up to, not including, hi.

    Examples:
        >>> _bucket(30, 100), _bucket(1000, 3000)
        ('30-99', '1k-3k')
    """
    return f"{lo // 1000}k-{hi // 1000}k" if lo % 1000 == hi % 1000 == 0 and lo else f"{lo}-{hi - 1}"


def confusion_table(judged: ObserverPredictions, name: str) -> Table:
    """Confusion matrix of one observer: true labels in rows, predicted labels in columns, in per cent of the row.

    Args:
        judged: Probabilities of the observers.
        name: Name of the observer.

    Returns:
        The table.
    """
    counts = confusion(judged.truth_for(name), judged.probabilities[name].argmax(-1), len(judged.classes))
    known = judged.truth >= 0
    right = share(judged.right()[name], known)
    table = Table(title=f"{name}: {percent(right)} % of {int(known.sum()):,} labelled moments right")
    table.add_column("true label")
    for label in judged.classes:
        table.add_column(label, justify="right")
    table.add_column("moments", justify="right")
    for label, row in zip(judged.classes, counts, strict=True):
        total = int(row.sum())
        table.add_row(label, *(percent(value / total if total else None) for value in row), f"{total:,}")
    return table
