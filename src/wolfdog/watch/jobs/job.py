"""Job: labels for the files of many deployments, which goes on where it stopped."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from wolfdog.errors import InputError

from ..labelling.labeller import Labeller
from ..output.video_files import outputs_of
from ..recorder import RecordOptions
from ..video.media import Medium
from .assembly import assemble
from .folder import TABLES, JobFolder, read_journal
from .in_process import Reports, run_here
from .journal import Journal
from .part_writer import Task
from .plan import Deployment, Record, identity_of, plan
from .reports import Labelled, Place, Report, Running, Written
from .workers import Loader, run_in_workers

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
    """

    record: RecordOptions = field(default_factory=RecordOptions)
    labels: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1
    threads: int = 1
    runner: Runner | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of a job.

    Args:
        media: Files.
        images: Images among them.
        whole: Files without trouble.
        moments: Labelled moments.
        seconds: Seconds of labelled video.
        earlier: Files that an earlier run had labelled.
        waiting: Files that are still to be labelled.
    """

    media: int
    images: int
    whole: int
    moments: int
    seconds: float
    earlier: int
    waiting: int


class Watch(Protocol):
    """Observer of a job."""

    def begin(self, todo: Sequence[Deployment], done: int) -> None:
        """The plan is made.

        Args:
            todo: Deployments to label.
            done: Files that an earlier run had labelled.
        """

    def running(self, medium: str, part: float, deployment: Deployment) -> None:
        """A file is being labelled.

        Args:
            medium: Its name.
            part: Part of it that is done, 0 to 1.
            deployment: Its deployment.
        """

    def labelled(self, deployment: Deployment, seconds: float, troubles: Sequence[tuple[str, str]]) -> None:
        """A deployment is labelled.

        Args:
            deployment: The deployment.
            seconds: Seconds that it took.
            troubles: Name and reason of each file that could not be read to its end.
        """


class Job:
    """Labels for the files of many deployments, in a folder of results.

    The results of a deployment are written beside the tables, renamed, and then noted in a journal; when all are there,
    or at an interrupt, the tables are put together from them. The same job again labels what is missing: deployments
    that are new, were not finished, or have a file that changed. Results of other options stay until all are replaced.

    Args:
        deployments: Media of each deployment; see `by_deployment`.
        out: Folder of results.
        options: The options.

    Raises:
        InputError: A table would replace one of the files that are read.
        OSError: A file that an option names cannot be read.
    """

    def __init__(
        self, deployments: Iterable[Sequence[Medium]], out: Path, *, options: JobOptions | None = None
    ) -> None:
        self._options = options or JobOptions()
        self._out = out
        record = self._options.record
        self._plan = list(plan(deployments, utc=record.utc))
        self._identity = identity_of({**self._options.labels, "record": repr(record)})
        self.kept: int | None = None
        """Files whose results are in the tables after an interrupt; None: the tables of an earlier run are kept."""
        for deployment in self._plan:
            for medium in deployment.media:
                _check_source(medium, out)

    def waiting(self) -> list[Deployment]:
        """Deployments that `run` would label.

        Raises:
            InputError: The journal is damaged.
        """
        known = _settled(read_journal(self._out, self._identity))
        return [deployment for deployment in self._plan if deployment.key not in known]

    def totals(self, waiting: Sequence[Deployment]) -> Totals:
        """Totals before a run.

        Args:
            waiting: Deployments that are to be labelled.
        """
        media = sum(len(one.media) for one in self._plan)
        left = sum(len(one.media) for one in waiting)
        images = sum(one.images for one in self._plan)
        return Totals(media, images, media - left, 0, 0.0, media - left, left)

    def run(self, loader: Loader, watch: Watch, *, labeller: Labeller | None = None) -> Totals:
        """Label what is missing, and write the tables.

        Args:
            loader: Makes the labeller of a process.
            watch: Receives the progress.
            labeller: Labeller of this process, if it is loaded already.

        Returns:
            Totals of all files.

        Raises:
            InputError: Another process writes into the folder.
            MediaError: A disk with files was removed.
            OSError: A file cannot be written.
            WolfdogError: As of `run_in_workers`.
        """
        with JobFolder(self._out, self._identity) as folder:
            run = _Run(self._plan, folder, self._options, watch)
            try:
                run.label(loader, labeller)
            except BaseException:
                run.take_committed()
                done = run.totals()
                self.kept = (
                    done.media - done.waiting if folder.may_publish(done.media - done.waiting) else None
                )
                if self.kept:
                    run.publish_all()
                raise
            run.publish_all()
            folder.drop_others()
            return run.totals()


class _Run:
    def __init__(
        self, deployments: list[Deployment], folder: JobFolder, options: JobOptions, watch: Watch
    ) -> None:
        self._plan, self._folder, self._options, self._watch = deployments, folder, options, watch
        self.records = _settled(folder.journal)
        self._by_key = {deployment.key: deployment for deployment in deployments}
        self._earlier = sum(len(one.media) for one in deployments if one.key in self.records)
        self._publishes = folder.may_publish(self._earlier)
        if self._publishes:
            for record in self.records.values():
                folder.publish(record.part, record.files)

    def label(self, loader: Loader, labeller: Labeller | None) -> None:
        todo = [one for one in self._plan if one.key not in self.records]
        self._watch.begin(todo, self._earlier)
        if not todo:
            return
        place = Place(self._folder.parts, self._folder.media, self._options.record, self._options.threads)
        tasks = (Task(one, self._blocked(one)) for one in todo)
        if self._options.runner is not None:
            self._options.runner(loader, place, tasks, self._take)
        elif self._options.workers > 1 and len(todo) > 1:
            run_in_workers(loader, place, tasks, self._take, workers=self._options.workers)
        else:
            run_here(labeller or loader(), place, tasks, self._take)

    def _take(self, report: Report) -> None:
        if isinstance(report, Written):
            self._folder.journal.append(record.entry() for record in report.records)
            for record in report.records:
                self.records[record.key] = record
                if self._publishes:
                    self._folder.publish(record.part, record.files)
        elif isinstance(report, Labelled):
            self._watch.labelled(self._by_key[report.key], report.seconds, report.troubles)
        elif isinstance(report, Running):
            self._watch.running(report.medium, report.part, self._by_key[report.key])

    def take_committed(self) -> None:
        """Take the records of the journal: an interrupt may have come when an entry had just been written."""
        self.records = _settled(read_journal(self._folder.out, self._folder.identity))

    def publish_all(self) -> None:
        done = self._done()
        for record in done:
            self._folder.publish(record.part, record.files)
        guard = self._options.record.guard_formulas
        assemble(self._folder.out, self._folder.parts, done, guard_formulas=guard)
        self._folder.make_current(sum(record.media for record in done))

    def totals(self) -> Totals:
        done = self._done()
        media = sum(len(one.media) for one in self._plan)
        return Totals(
            media,
            sum(record.images for record in done),
            sum(record.whole for record in done),
            sum(record.labelled for record in done),
            sum(record.seconds for record in done),
            self._earlier,
            media - sum(record.media for record in done),
        )

    def _done(self) -> list[Record]:
        return [self.records[one.key] for one in self._plan if one.key in self.records]

    def _blocked(self, deployment: Deployment) -> dict[str, str]:
        """Reasons why files are left out: something that wolfdog has not made lies where their results belong."""
        reasons = {}
        record = self._options.record
        for medium in deployment.media:
            if medium.image:
                continue
            for name in outputs_of(medium.name, annotated=record.annotated, clips=record.clips is not None):
                path = self._folder.out / name
                if self._foreign(name, path):
                    reasons[medium.name] = (
                        f"{medium.place}: it is not labelled, because {path} is in the way, which wolfdog has not "
                        "made. Rename it, or choose another --out."
                    )
                    break
        return reasons

    def _foreign(self, name: str, path: Path) -> bool:
        """Whether something lies there that wolfdog has not made."""
        made = self._folder.products
        if not os.path.lexists(path):
            return False
        if path.is_dir() and not path.is_symlink():
            within = [one for one in path.rglob("*") if not one.is_dir()]
            return not within or any(
                one.relative_to(self._folder.out).as_posix() not in made for one in within
            )
        return name not in made


def _settled(journal: Journal) -> dict[str, Record]:
    """Last record of each deployment, without those that another run shall look at again."""
    records = {}
    for record in journal.parsed(Record.of):
        if record.settled:
            records[record.key] = record
        else:
            records.pop(record.key, None)
    return records


def _check_source(medium: Medium, out: Path) -> None:
    """Refuse sources that one of the tables would replace."""
    if medium.path.name in TABLES and medium.path.resolve().parent == out.resolve():
        raise InputError(f"{medium.path}: the results would replace this file. Choose another --out.")
