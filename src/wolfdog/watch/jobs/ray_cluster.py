"""Tasks of a job on a Ray cluster: deployments in batches, whose parts are sent back to this process."""

import io
import os
import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError, MediaWarning, WolfdogError
from wolfdog.extras import needs_extra

from ..labelling.labeller import Labeller
from .in_process import Reports, commit, label
from .part_writer import PartWriter, Task, sync_folder
from .reports import Labelled, Place, Report, Written
from .workers import Loader

BATCH = 50_000_000
"""Work of a batch: bytes of video, an image counting as `IMAGE`."""
IMAGE = 100_000
DEPLOYMENTS = 64
"""Deployments of a batch at most."""

_labellers: dict[str, Labeller] = {}
"""Labeller of this process; loading one takes seconds, and a process runs many batches."""


def run_on_ray(
    loader: Loader, place: Place, tasks: Iterable[Task], report: Reports, *, address: str, processes: int = 1
) -> None:
    """Run tasks on a Ray cluster.

    The memory runs through a deployment in order, so that deployments are the unit. Each machine of the cluster must
    reach the files under the same paths. A batch whose process or machine dies is run again elsewhere.

    Args:
        loader: Makes the labeller of a process.
        place: Folders and options.
        tasks: The tasks.
        report: Called with each report, in this process.
        address: Address of the cluster; "auto" for the one of this machine, "local" to start one here.
        processes: Processes of the cluster that "local" starts.

    Raises:
        InputError: There is no such cluster.
        MissingPackageError: The package ray is not installed.
        WolfdogError: A batch failed again and again, or the error of a task.
    """
    ray = _connected(address, processes)
    run = ray.remote(max_retries=3)(_label_batch)
    waiting = _batches(tasks)
    running: dict[Any, None] = {}
    try:
        for batch in waiting:
            while len(running) >= 2 * max(1, int(ray.cluster_resources().get("CPU", 1))):
                _take(ray, running, place, report)
            running[run.remote(loader, place, batch)] = None
        while running:
            _take(ray, running, place, report)
    finally:
        for one in running:
            ray.cancel(one, force=True)
        ray.shutdown()


def _connected(address: str, processes: int) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with needs_extra("ray", "running a job on a cluster"):
        import ray
    if address == "local":
        os.environ.setdefault("RAY_worker_niceness", "0")  # the job is what this machine is to do
    here = {"num_cpus": processes, "include_dashboard": False} if address == "local" else {"address": address}
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **here)
    except Exception as error:  # Ray raises this very class where a node does not start in time
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"--ray {address}: no cluster answers there ({reason}). Start one with: ray start --head"
        ) from error
    return ray


def _batches(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    batch: list[Task] = []
    size = 0
    for task in tasks:
        batch.append(task)
        size += task.deployment.bytes + IMAGE * task.deployment.images
        if size >= BATCH or len(batch) == DEPLOYMENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _take(ray: Any, running: dict[Any, None], place: Place, report: Reports) -> None:
    """Wait for a batch, write its part, and pass its reports on."""
    [ready], _ = ray.wait(list(running), num_returns=1)
    del running[ready]
    try:
        reports, archives, warned = ray.get(ready)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise WolfdogError(
            f"the cluster lost a batch of deployments again and again ({type(error).__name__}), most likely for want "
            "of memory. Give its machines more, or run fewer processes on each."
        ) from error
    for text in warned:
        warnings.warn(text, MediaWarning, stacklevel=2)
    for one in reports:
        if isinstance(one, Written):
            for name in dict.fromkeys(record.part for record in one.records):
                _unpack(archives[name], place.parts, name)
        report(one)


def _label_batch(
    loader: Loader, place: Place, tasks: Sequence[Task]
) -> tuple[list[Report], dict[str, bytes], list[str]]:
    """Reports of a batch, its parts as archives, and its warnings; runs on the cluster."""
    import torch

    torch.set_num_threads(place.threads)
    key = repr(loader)
    if key not in _labellers:
        _labellers.clear()
        _labellers[key] = loader()
    reports: list[Report] = []

    def keep(one: Report) -> None:
        if isinstance(one, Labelled | Written):
            reports.append(one)

    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("default", MediaWarning)
        parts = Path(folder) / "parts"
        parts.mkdir()
        writer = PartWriter(_labellers[key], parts, Path(folder) / "media", place.options)
        for task in tasks:
            label(writer, task, keep)
        commit(writer, keep)
        archives = {path.name: _packed(path) for path in parts.iterdir()}
        return reports, archives, [str(w.message) for w in warned if issubclass(w.category, MediaWarning)]


def _packed(part: Path) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(part.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(part).as_posix())
    return data.getvalue()


def _unpack(data: bytes, parts: Path, name: str) -> None:
    """Write a part into its place: beside it first, then renamed."""
    beside = parts / f".new-{name}"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.namelist():
            path = beside / member
            if not path.resolve().is_relative_to(beside.resolve()):
                raise InputError(f"a part from the cluster holds a file outside of it: {member!r}.")
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, "wb") as file, archive.open(member) as source:
                while block := source.read(1 << 20):
                    file.write(block)
    sync_folder(beside)
    beside.rename(parts / name)
    sync_folder(parts)
