"""Work on independent files in several processes."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from wolfdog.child_process import process_pool, uninterrupted_start
from wolfdog.errors import StorageError, WolfdogError
from wolfdog.object_storage.address import Stored

Work = Callable[[Path | Stored, Path], Sequence[str]]
"""Function that reads a file, writes another one, and returns lines about it."""

_AHEAD = 2
"""Files that wait for each process."""

_work: list[Work] = []
"""Work of this process."""


def results_of_workers(
    loader: Callable[[], Work], files: Sequence[tuple[Path | Stored, Path]], *, workers: int
) -> Generator[tuple[tuple[Path | Stored, Path], Sequence[str] | WolfdogError], None, None]:
    """Results of the work on files, as they come; the processes end with the iterator.

    Args:
        loader: Makes the work of a process; it is sent to the processes.
        files: Files to read and to write.
        workers: Number of processes.

    Yields:
        The files, with the lines about them, or the error of a file that cannot be used.

    Raises:
        WolfdogError: A process was killed.
        StorageError: An object storage cannot be reached.
        OSError: A file cannot be written.
    """
    running: dict[Future[Sequence[str] | WolfdogError], tuple[Path | Stored, Path]] = {}
    waiting = iter(files)
    try:
        with process_pool(min(workers, len(files)), _begin, loader) as pool:
            while True:
                while len(running) < _AHEAD * workers and (pair := next(waiting, None)) is not None:
                    with uninterrupted_start():  # the first one starts the processes
                        future = pool.submit(_one, *pair)
                    running[future] = pair
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    pair = running.pop(future)
                    yield pair, future.result()
    except BrokenProcessPool as error:
        raise WolfdogError(
            "a process was killed, most likely because the machine ran out of memory. Try fewer --workers; the same "
            "command goes on from here."
        ) from error


def _begin(loader: Callable[[], Work]) -> None:
    import torch

    torch.set_num_threads(1)
    _work[:] = [loader()]


def _one(source: Path | Stored, target: Path) -> Sequence[str] | WolfdogError:
    try:
        return _work[0](source, target)
    except StorageError:
        raise
    except WolfdogError as error:
        return WolfdogError(str(error))
