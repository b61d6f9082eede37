"""Tasks of a job in this process."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch

from ..labelling.labeller import Labeller, MediaProgress
from .part_writer import PartWriter, Task
from .reports import Labelled, Place, Report, Running, Written

_PERIOD = 0.2
"""Seconds between two reports of a task under way."""

Reports = Callable[[Report], None]
"""Called with each report."""


def run_here(labeller: Labeller, place: Place, tasks: Iterable[Task], report: Reports) -> None:
    """Run tasks in this process; what is finished at an error or an interrupt is committed.

    Args:
        labeller: Source of the labels.
        place: Folders and options.
        tasks: The tasks.
        report: Called with each report.

    Raises:
        MediaError: A disk with files was removed.
        OSError: A file cannot be written.
    """
    writer = PartWriter(labeller, place.parts, place.media, place.options)
    with _threads(place.threads):
        try:
            for task in tasks:
                label(writer, task, report)
                if writer.due:
                    commit(writer, report)
        finally:
            commit(writer, report)


def label(writer: PartWriter, task: Task, report: Reports) -> None:
    """Label one deployment, and report it.

    Args:
        writer: Writer of the part.
        task: The deployment.
        report: Called with each report.
    """
    began = time.monotonic()
    troubles = writer.label(task, _progress(task.deployment.key, report))
    report(Labelled(task.deployment.key, time.monotonic() - began, troubles))


def commit(writer: PartWriter, report: Reports) -> None:
    """Close the open part, and report its records.

    Args:
        writer: Writer of the part.
        report: Called with the report.
    """
    records = writer.close()
    if records:
        report(Written(records))
        writer.delete_stores(records)


def _progress(key: str, report: Reports) -> MediaProgress:
    last = 0.0

    def progress(medium: "object", second: float, of: float | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _PERIOD:
            last = now
            name = str(getattr(medium, "name", ""))
            report(Running(key, name, min(second / of, 1.0) if of else 0.0))

    return progress


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Number of PyTorch's threads: sums, and so the last digits, may depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
