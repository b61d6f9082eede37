"""Job of wolfdog watch: labels for files, which go on where an earlier run stopped."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .job_display import JobDisplay, leaving_lines
from .screen import complaints, console
from .signals import status_of

if TYPE_CHECKING:
    from ..watch.jobs.earlier_files import LeftOut
    from ..watch.jobs.job_options import JobOptions
    from ..watch.jobs.observer import Totals
    from ..watch.jobs.plan import Deployment
    from ..watch.jobs.remote_results import RemoteResults
    from ..watch.jobs.workers import Loader
    from ..watch.video.media import Medium


def watch_files(
    media: Sequence["Medium"],
    out: Path,
    loader: "Loader",
    options: "JobOptions",
    *,
    dry_run: bool,
    remote: "RemoteResults | None" = None,
) -> int:
    """Label files as a job.

    Args:
        media: The files.
        out: Folder of results.
        loader: Makes a labeller.
        options: Options of the job.
        dry_run: Whether the plan is shown alone.
        remote: Place in object storage to which the results are copied when the job is complete.

    Returns:
        Exit status: 0, 1 after a file that could not be read to its end, or that of an interrupt.

    Raises:
        InputError: An option is invalid, another run writes into the folder, or its tables hold other files.
        MediaError: A disk with files was removed.
        OSError: A file cannot be written.
        StorageError: An object storage cannot be reached.
    """
    from ..watch.jobs.folder import without_products
    from ..watch.jobs.job import Job
    from ..watch.video.media import by_deployment

    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file, where the folder of results should be. Choose another --out.")
    media = without_products(media, out)
    job = Job(by_deployment(media), out, options=options)
    leaving = job.left_out()
    waiting = job.waiting()
    if dry_run:
        _show_plan(job.totals(waiting), len(waiting), _size(waiting), out, leaving)
        return 0
    # A mistake in the options is told before anything is written.
    labeller = loader() if waiting else None
    try:
        with JobDisplay(options.workers) as display:
            totals = job.run(loader, display, labeller=labeller)
    except KeyboardInterrupt as error:
        kept = (
            "keeps the results of the earlier run"
            if job.kept is None
            else f"holds the results of {job.kept:,} of {len(media):,} files"
        )
        complaints.print(
            f"wolfdog: interrupted; {out} {kept}. The same command goes on from here.",
            markup=False,
            soft_wrap=True,
        )
        return status_of(error)
    if remote is not None:
        remote.upload()
    place = out if remote is None else remote.address
    console.print(f"{place}: {_summary(totals)}", markup=False, soft_wrap=True)
    return int(totals.whole < totals.media)


def _show_plan(totals: "Totals", deployments: int, size: int, out: Path, leaving: "LeftOut") -> None:
    for line in leaving_lines(leaving):
        console.print(line, markup=False, soft_wrap=True)
    of_videos = f", {_bytes(size)} of video" if size else ""
    console.print(
        f"{out}: {_counted(totals.media, 'file')}; {totals.earlier:,} labelled, {totals.waiting:,} in "
        f"{_counted(deployments, 'deployment')} to be labelled{of_videos}. Nothing was written (--dry-run).",
        markup=False,
        soft_wrap=True,
    )


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _bytes(size: int) -> str:
    """Size in gigabytes or megabytes.

    >>> _bytes(12_340_000_000), _bytes(900_000)
    ('12.3 GB', '0.9 MB')
    """
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def _size(deployments: Sequence["Deployment"]) -> int:
    """Bytes of videos."""
    from ..watch.jobs.signature import signature

    found = [
        signature(medium.path)
        for one in deployments
        for medium in one.media
        if one.bytes and not medium.image
    ]
    return sum(one[0] for one in found if one is not None)


def _summary(totals: "Totals") -> str:
    """Summary of the labelled files on one line."""
    kinds = (
        "videos" if not totals.images else "images" if totals.images == totals.media else "videos and images"
    )
    length = "" if totals.images == totals.media else f" of {totals.seconds:,.0f} s of video"
    bad = totals.media - totals.whole
    errors = f"; errors.csv says what was wrong with {bad:,}" if bad else ""
    gone = (
        f"; {_counted(totals.left_out, 'file')} of an earlier run left the tables" if totals.left_out else ""
    )
    return f"{totals.moments:,} moments{length} in {totals.whole:,} of {totals.media:,} {kinds}{errors}{gone}"
