"""Parser of one kind of files, as the fuzzer sees it."""

import contextlib
import io
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import hostile_inputs

Reader = Callable[[Path], object]


@dataclass(frozen=True)
class Target:
    """Parser of one kind of files.

    Attributes:
        files: Names of the files that the readers find in one folder; the fuzzer writes one of them at a time.
        seeds: Function that makes valid files in a folder: {name of `files`: contents}.
        readers: Function that gives the calls to be tried, once packages are loaded. Each takes the folder.
        tokens: Words of the format.
    """

    files: tuple[str, ...]
    seeds: Callable[[Path], dict[str, list[bytes]]]
    readers: Callable[[], Sequence[Reader]]
    tokens: Sequence[str]


@cache
def valid() -> dict[str, list[Path]]:
    """Valid files that mutations start from too."""
    return hostile_inputs.seeds(Path(tempfile.mkdtemp(prefix="seeds-")))


def valid_bytes(kind: str, *which: int) -> list[bytes]:
    paths = valid()[kind]
    return [paths[n].read_bytes() for n in which or range(len(paths))]


def by_suffix(name: str) -> Callable[[], Sequence[Reader]]:
    """Readers of `hostile_inputs` for files of this name."""
    return lambda: [
        lambda folder, read=read: read(folder / name) for read in hostile_inputs.readers(Path(name))
    ]


def single(name: str, contents: Callable[[Path], list[bytes]], tokens: Sequence[str], readers=None) -> Target:
    """Target of a single file."""
    return Target((name,), lambda folder: {name: contents(folder)}, readers or by_suffix(name), tokens)


def reader_of(call: Callable[[], Reader], name: str) -> Callable[[], Sequence[Reader]]:
    """One reader, which takes the path of the file."""

    def readers():
        read = call()
        return [lambda folder: read(folder / name)]

    return readers


def labels_reader(name: str) -> Callable[[], Sequence[Reader]]:
    def call():
        from wolfdog.labels import read_labels

        return read_labels

    return reader_of(call, name)


def fault(reader, path):
    """Place in the code and text of an exception that no reader may raise; None without one."""
    from wolfdog.errors import WolfdogError

    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            reader(path)
    except (WolfdogError, FileNotFoundError):
        return None
    except Exception as error:
        frames = [one for one in traceback.extract_tb(error.__traceback__) if "wolfdog" in one.filename]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        return f"{where} {type(error).__name__}: {str(error)[:200]}"
    return None
