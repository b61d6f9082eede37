"""Evaluations as tables for the terminal."""

from collections.abc import Sequence

import numpy as np
from rich import box
from rich.markup import escape
from rich.table import Table

from ..watch.evaluation.bag_scores import BagScores
from ..watch.evaluation.bootstrap import Interval
from ..watch.evaluation.evaluation import Evaluation
from .screen import console, percent

_MOST_CONFUSION = 10
_MOST_CLASSES = 30


def summary_table(evaluations: Sequence[Evaluation]) -> Table:
    """Scores as rows, evaluations as columns; 95 % intervals in parentheses."""
    first = evaluations[0]
    table = Table(
        title=f"{first.rows:,} labelled rows of {first.sources:,} deployment{'s' * (first.sources != 1)}; %",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    for one in evaluations:
        table.add_column(escape(one.name), justify="right", overflow="fold")
    rows: list[tuple[str, list[str]]] = [
        ("accuracy", [_interval(one.labels.accuracy) for one in evaluations]),
        ("balanced accuracy", [_interval(one.labels.balanced_accuracy) for one in evaluations]),
        ("macro-F1", [_interval(one.labels.macro_f1) for one in evaluations]),
        ("mAP", [percent(one.mean_average_precision) for one in evaluations]),
        ("mcAP", [percent(one.calibrated_mean_average_precision) for one in evaluations]),
        ("edit score", [_interval(one.edit) for one in evaluations]),
    ]
    rows += [
        (f"event F1 at {100 * overlap:.0f}", [_interval(one.events[overlap]) for one in evaluations])
        for overlap in first.events
    ]
    rows += [
        ("calibration error", [percent(one.reliability.error) for one in evaluations]),
        ("log loss (nats)", [f"{one.log_loss:.3f}" for one in evaluations]),
        ("error of all", [percent(one.risk.risk_at(1.0)) for one in evaluations]),
        ("error of surest 90 %", [percent(one.risk.risk_at(0.9)) for one in evaluations]),
        ("error of surest 50 %", [percent(one.risk.risk_at(0.5)) for one in evaluations]),
    ]
    if any(one.consistent is not None for one in evaluations):
        rows.insert(1, ("taxon, above or below", [percent(one.consistent) for one in evaluations]))
    for name, values in rows:
        table.add_row(name, *values)
    return table


def class_table(found: Evaluation) -> Table:
    """Precision, recall and F1 of each class that occurs or was given; the classes with most rows first."""
    table = Table(title=escape(found.name), box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("class", overflow="fold")
    for name in ("rows", "precision", "recall", "F1"):
        table.add_column(name, justify="right", no_wrap=True)
    some = [(name, score) for name, score in found.labels.classes.items() if score.f1.value is not None]
    some.sort(key=lambda pair: -pair[1].support)
    for name, score in some[:_MOST_CLASSES]:
        values = [_interval(value) for value in (score.precision, score.recall, score.f1)]
        table.add_row(escape(_common(name)), f"{score.support:,}", *values)
    if len(some) > _MOST_CLASSES:
        table.caption = f"{len(some) - _MOST_CLASSES} classes with fewer rows are left out here"
    return table


def print_bags(found: BagScores, name: str) -> None:
    """Print scores over files and sequences that are labelled as a whole: a sentence, and a row for each class."""
    shares = percent(found.found / found.bags), percent(found.exact / found.bags)
    console.print(
        f"{name}: of {found.bags:,} files or sequences labelled as a whole, {shares[0]} % found, {shares[1]} % without "
        "a false label",
        markup=False,
        soft_wrap=True,
    )
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("class", overflow="fold")
    for title in ("labelled", "given", "precision", "recall"):
        table.add_column(title, justify="right", no_wrap=True)
    for label, one in sorted(found.classes.items(), key=lambda pair: -pair[1].labelled)[:_MOST_CLASSES]:
        values = (percent(one.precision), percent(one.recall))
        table.add_row(escape(_common(label)), f"{one.labelled:,}", f"{one.said:,}", *values)
    if len(found.classes) > _MOST_CLASSES:
        table.caption = f"{len(found.classes) - _MOST_CLASSES} classes with fewer labels are left out here"
    console.print(table)


def confusion_rows(found: Evaluation) -> Table:
    """Confusion matrix in % of each true class; of many classes, the most frequent confusions."""
    counts, total = found.confusion, found.confusion.sum(1)
    some = np.flatnonzero(total + counts.sum(0))
    table = Table(title=f"{escape(found.name)}: labels given", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("true label", overflow="fold")
    if len(some) <= _MOST_CONFUSION:
        for k in some:
            table.add_column(escape(_common(found.classes[k])), justify="right", overflow="fold")
        for k in some:
            shares = [percent(counts[k, j] / total[k] if total[k] else None) for j in some]
            table.add_row(escape(_common(found.classes[k])), *shares)
        return table
    for name in ("label given", "rows", "% of the true class"):
        table.add_column(name, justify="left" if name == "label given" else "right", overflow="fold")
    off = counts * (1 - np.eye(len(counts), dtype=np.int64))
    for at in np.argsort(-off, axis=None, kind="stable")[:_MOST_CONFUSION]:
        row, column = divmod(int(at), len(counts))
        if off[row, column]:
            names = (escape(_common(found.classes[row])), escape(_common(found.classes[column])))
            table.add_row(*names, f"{off[row, column]:,}", percent(off[row, column] / total[row]))
    return table


def _interval(value: Interval) -> str:
    if value.low is None or value.high is None:
        return percent(value.value)
    return f"{percent(value.value)} ({percent(value.low)}-{percent(value.high)})"


def _common(name: str) -> str:
    """Common name of a taxonomy string; another name as it is.

    Examples:
        >>> _common("u;mammalia;carnivora;canidae;vulpes;vulpes;red fox")
        'red fox'
    """
    return name.rsplit(";", 1)[-1] or name
