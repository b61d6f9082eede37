"""Local copies of files in object storage, fetched ahead of their use and deleted after it."""

import contextlib
import errno
import itertools
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from wolfdog.errors import MediaError, StorageError, WolfdogError

from .address import Stored, file_system, unreachable
from .fetch_folder import fetch_folder

AHEAD = 8
"""Files that are fetched ahead at most."""
AHEAD_BYTES = 256_000_000
"""Size of the files that are fetched ahead, all together; a larger file is fetched when it is its turn."""

_ATTEMPTS = 3
_WAIT = 0.5
_BLOCK = 4_000_000
_numbers = itertools.count()
_coming: dict[Stored, "Future[Path]"] = {}
"""Files that are being fetched, until they are taken."""

Item = TypeVar("Item")


@contextmanager
def local_copy(path: Path, stored: Stored | None) -> Iterator[Path]:
    """Context with a file on this machine: the file itself, or a copy of one in object storage.

    The end of the copy's path is that of the address. Errors of media within the block name the address.

    Args:
        path: The file, if it is not in object storage.
        stored: The file in object storage; None for a file on this machine.

    Yields:
        The path.

    Raises:
        MediaError: The file is not there any more, is larger than its limit, or may not be read.
        StorageError: The storage cannot be reached.
        OSError: The copy cannot be written.
    """
    if stored is None:
        yield path
        return
    coming = _coming.pop(stored, None)
    copy = fetch(stored) if coming is None else coming.result()
    try:
        yield copy
    except MediaError as error:
        raise MediaError(str(error).replace(str(copy), stored.address)) from error
    finally:
        _delete(copy)


def fetched_ahead(items: Sequence[Item], stored_of: Callable[[Item], Stored | None]) -> Iterator[Item]:
    """Items in their order; the files of the next ones are fetched meanwhile.

    Args:
        items: The items.
        stored_of: Gives the file of an item that will be used; None if there is none to fetch.

    Yields:
        The items.
    """
    if not items or all(stored_of(item) is None for item in items[:1]):
        yield from items
        return
    ours: deque[tuple[int, Stored]] = deque()
    following = 0
    with ThreadPoolExecutor(AHEAD, thread_name_prefix="fetch") as pool:
        try:
            for number, item in enumerate(items):
                while ours and ours[0][0] < number:
                    _forget(ours.popleft()[1])
                following = max(following, number)
                while following < len(items) and len(ours) < AHEAD:
                    stored = stored_of(items[following])
                    if stored is not None and stored not in _coming:
                        if sum(one.size for _, one in ours) + stored.size > AHEAD_BYTES:
                            break
                        _coming[stored] = pool.submit(fetch, stored)
                        ours.append((following, stored))
                    following += 1
                yield item
        finally:
            for _, stored in ours:
                _forget(stored)


def fetch(stored: Stored) -> Path:
    """Copy a file to this machine.

    Args:
        stored: The file.

    Returns:
        The copy, alone in a folder that `local_copy` deletes.

    Raises:
        MediaError: As of `local_copy`.
        StorageError: As of `local_copy`.
        OSError: As of `local_copy`.
    """
    if stored.size > stored.limit:
        raise MediaError(
            f"{stored.address}: its size is {stored.size:,} bytes, more than the {stored.limit:,} that are fetched. "
            "Set a higher bound."
        )
    folder = fetch_folder() / str(next(_numbers))
    parts = [part for part in stored.path.parts[2:] if part != ".."]
    copy = folder.joinpath(*parts)
    try:
        copy.parent.mkdir(parents=True)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        copy = folder / f"file{stored.path.suffix[:20]}"
        folder.mkdir(exist_ok=True)
    try:
        _fetch(stored, copy)
    except BaseException:
        _delete(copy)
        raise
    return copy


def _fetch(stored: Stored, copy: Path) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            return _written(stored, copy)
        except FileNotFoundError as error:
            raise MediaError(f"{stored.address}: no such file any more.") from error
        except PermissionError as error:
            raise MediaError(f"{stored.address}: no permission to read it.") from error
        except StorageError:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_WAIT * 2**attempt)
    return None


def _written(stored: Stored, copy: Path) -> None:
    system, path = file_system(stored.address)
    read = 0
    with copy.open("wb") as file:
        for block in _blocks(system, path, stored):
            read += len(block)
            if read > stored.size:
                break
            file.write(block)
    if read != stored.size:
        raise MediaError(
            f"{stored.address}: it changed while the job ran. Give the same command again: it is labelled anew."
        )


def _blocks(system: Any, path: str, stored: Stored) -> Iterator[bytes]:
    """Content in blocks; failures of the storage are StorageErrors, apart from those of the local disk."""
    if not stored.size:
        return
    opened = None
    try:
        opened = _attempted(
            stored, lambda: system.open(path, "rb", cache_type="readahead", block_size=_BLOCK)
        )
        while block := _attempted(stored, lambda: opened.read(_BLOCK)):
            yield block
    finally:
        if opened is not None:
            with contextlib.suppress(Exception):
                opened.close()


def _attempted(stored: Stored, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (WolfdogError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # each storage has exceptions of its own
        raise unreachable(stored.address, error) from error


def _forget(stored: Stored) -> None:
    """Delete a file that was fetched ahead and not taken."""
    coming = _coming.pop(stored, None)
    if coming is not None and not coming.cancel():
        with contextlib.suppress(Exception):
            _delete(coming.result())


def _delete(copy: Path) -> None:
    top = fetch_folder()
    for parent in copy.parents:
        if parent.parent == top:
            shutil.rmtree(parent, ignore_errors=True)
            return
