"""Job: labels for the files of many deployments, which goes on where it stopped."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from wolfdog.errors import InputError

from ..labelling.labeller import Labeller
from ..video.media import Medium
from .earlier_files import LeftOut, check_left_out, left_out
from .folder import TABLES, JobFolder, earlier_files, read_journal
from .job_options import JobOptions
from .job_run import Run, settled
from .observer import Totals, Watch
from .plan import Deployment, identity_of, plan
from .workers import Loader


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

    def left_out(self) -> LeftOut:
        """Files of an earlier run whose rows the tables will not hold.

        Raises:
            InputError: The list of the files in the tables is damaged; or, without `replace`, as of `check_left_out`.
        """
        earlier = earlier_files(self._out)
        found = left_out(earlier, self._plan, self._options.sources)
        if not self._options.replace:
            check_left_out(found, len(earlier), self._out)
        return found

    def waiting(self) -> list[Deployment]:
        """Deployments that `run` would label.

        Raises:
            InputError: The journal is damaged.
        """
        known = settled(read_journal(self._out, self._identity))
        return [deployment for deployment in self._plan if deployment.key not in known]

    def totals(self, waiting: Sequence[Deployment]) -> Totals:
        """Totals before a run.

        Args:
            waiting: Deployments that are to be labelled.

        Raises:
            InputError: As of `left_out`.
        """
        media = sum(len(one.media) for one in self._plan)
        left = sum(len(one.media) for one in waiting)
        images = sum(one.images for one in self._plan)
        return Totals(media, images, media - left, 0, 0.0, media - left, left, len(self.left_out()))

    def run(self, loader: Loader, watch: Watch, *, labeller: Labeller | None = None) -> Totals:
        """Label what is missing, and write the tables.

        Args:
            loader: Makes the labeller of a process.
            watch: Receives the progress.
            labeller: Labeller of this process, if it is loaded already.

        Returns:
            Totals of all files.

        Raises:
            InputError: Another process writes into the folder; or as of `left_out`.
            MediaError: A disk with files was removed.
            OSError: A file cannot be written.
            WolfdogError: As of `run_in_workers`.
        """
        with JobFolder(self._out, self._identity) as folder:
            run = Run(self._plan, folder, self._options, watch, self.left_out())
            try:
                run.label(loader, labeller)
            except BaseException:
                run.take_committed()
                done = run.totals()
                self.kept = done.media - done.waiting if run.may_publish() else None
                if self.kept:
                    run.publish_all()
                raise
            run.publish_all()
            folder.drop_others()
            return run.totals()


def _check_source(medium: Medium, out: Path) -> None:
    """Refuse sources that one of the tables would replace."""
    if medium.path.name in TABLES and medium.path.resolve().parent == out.resolve():
        raise InputError(f"{medium.path}: the results would replace this file. Choose another --out.")
