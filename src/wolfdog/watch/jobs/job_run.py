"""Run of a job: labels for the deployments that are left, and the tables at the end."""

import os
from collections.abc import Sequence
from pathlib import Path

from ..labelling.labeller import Labeller
from ..output.video_files import outputs_of
from .assembly import assemble
from .earlier_files import LeftOut
from .folder import JobFolder, read_journal
from .in_process import run_here
from .job_options import JobOptions
from .journal import Journal
from .observer import Totals, Watch
from .part_writer import Task
from .plan import Deployment, Record
from .reports import Labelled, Place, Report, Running, Written
from .workers import Loader, run_in_workers


class Run:
    """Run of a job in its open folder: it labels what the journal does not have, and puts the tables together.

    Args:
        deployments: All deployments in order.
        folder: The folder.
        options: The options.
        watch: Receives the progress.
        leaving: Files of an earlier run whose rows may leave the tables.
    """

    def __init__(
        self,
        deployments: Sequence[Deployment],
        folder: JobFolder,
        options: JobOptions,
        watch: Watch,
        leaving: LeftOut,
    ) -> None:
        self._plan, self._folder, self._options, self._watch = deployments, folder, options, watch
        self._leaving = leaving
        self.records = settled(folder.journal)
        self._by_key = {deployment.key: deployment for deployment in deployments}
        self._earlier = sum(len(one.media) for one in deployments if one.key in self.records)
        self._publishes = self.may_publish()
        if self._publishes:
            for record in self.records.values():
                folder.publish(record.part, record.files)

    def may_publish(self) -> bool:
        """Whether the results of the finished deployments may replace the tables."""
        return self._folder.may_publish(self._finished(), self._leaving)

    def label(self, loader: Loader, labeller: Labeller | None) -> None:
        """Label the deployments that the journal does not have.

        Args:
            loader: Makes the labeller of a process.
            labeller: Labeller of this process, if it is loaded already.
        """
        todo = [one for one in self._plan if one.key not in self.records]
        self._watch.begin(todo, self._earlier, self._leaving)
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
        self.records = settled(read_journal(self._folder.out, self._folder.identity))

    def publish_all(self) -> None:
        """Put the tables together, and move the files beside them to their places."""
        done = self._done()
        for record in done:
            self._folder.publish(record.part, record.files)
        self._folder.claim_tables()
        guard = self._options.record.guard_formulas
        assemble(self._folder.out, self._folder.parts, done, guard_formulas=guard)
        self._folder.make_current(self._finished())

    def totals(self) -> Totals:
        """Totals of the finished deployments."""
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
            len(self._leaving),
        )

    def _done(self) -> list[Record]:
        return [self.records[one.key] for one in self._finished()]

    def _finished(self) -> list[Deployment]:
        return [one for one in self._plan if one.key in self.records]

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


def settled(journal: Journal) -> dict[str, Record]:
    """Last record of each deployment, without those that another run shall look at again.

    Args:
        journal: The journal.

    Returns:
        The records by key.
    """
    records = {}
    for record in journal.parsed(Record.of):
        if record.settled:
            records[record.key] = record
        else:
            records.pop(record.key, None)
    return records
