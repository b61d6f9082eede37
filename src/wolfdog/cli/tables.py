"""Scores as tables for the terminal."""

from rich.table import Table

from ..watch.evaluation import IDEAL, IDEAL_EYE, Verdicts
from ..watch.metrics import confusion, share
from ..watch.scores import Scores
from .screen import percent


def gap_rows(scores: Scores, spread: dict[str, tuple[float | None, ...]] | None = None) -> Table:
    """Accuracy on ambiguous moments, a row per observer and a column per gap; with `spread`, ± a standard deviation."""
    table = Table(
        title="Accuracy in %, on ambiguous moments by frames since the last telling object; on the rest"
    )
    table.add_column("")
    gaps = zip(scores.table.gaps, scores.table.counts, strict=True)
    for (lo, hi), count in gaps:
        table.add_column(f"{lo}-{hi - 1}\n[dim]n={count:,}[/]", justify="right")
    table.add_column("all\nambiguous", justify="right")
    table.add_column("the\nrest", justify="right")
    names = [name for name in scores.table.accuracy if name not in (IDEAL, IDEAL_EYE)]
    for name in (*names, IDEAL, IDEAL_EYE):
        values = [percent(value) for value in scores.table.accuracy[name]]
        if spread is not None:
            values = [
                text if off is None else f"{text}±{100 * off:.1f}"
                for text, off in zip(values, spread[name], strict=True)
            ]
        style = "bold" if name in (IDEAL, IDEAL_EYE) else None
        table.add_row(name, *values, percent(scores.ambiguous[name]), percent(scores.rest[name]), style=style)
    return table


def confusion_table(judged: Verdicts, name: str) -> Table:
    """How often one observer gave each label (column) to each true one (row), in % of the row."""
    counts = confusion(judged.truth, judged.said[name].argmax(-1), len(judged.classes))
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
