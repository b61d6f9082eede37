"""Options of a job."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..recorder import RecordOptions
from .in_process import Reports
from .part_writer import Task
from .reports import Place
from .workers import Loader

Runner = Callable[[Loader, Place, Iterable[Task], Reports], None]
"""Function that runs tasks somewhere; see `run_in_workers`."""


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """Options of a job.

    Args:
        record: Which files are written.
        labels: Options that the labels depend on, by name; see `identity_of`.
        workers: Number of processes; 1 labels in this one.
        threads: Threads of PyTorch in each process.
        runner: Another place to run tasks at; None for this machine.
        sources: Files, folders and addresses that the media were found at. A file of an earlier run that was below one
            of them and is gone leaves the tables.
        replace: Whether files of an earlier run at other places may leave the tables too.
    """

    record: RecordOptions = field(default_factory=RecordOptions)
    labels: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1
    threads: int = 1
    runner: Runner | None = None
    sources: Sequence[str] = ()
    replace: bool = False
