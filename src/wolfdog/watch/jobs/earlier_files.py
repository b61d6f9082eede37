"""Files of an earlier run in the tables of a folder of results, and those of them that another run leaves out."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError

from ..video.media import Medium
from .plan import Deployment


@dataclass(frozen=True, slots=True)
class EarlierFile:
    """File whose rows are in the tables.

    Args:
        key: Key of its deployment.
        name: Its name in the tables.
        place: Absolute path, or address in object storage.
    """

    key: str
    name: str
    place: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Files of an earlier run that the next tables do not hold.

    Args:
        gone: Files that were below one of the sources, where they are no more.
        unnamed: Files at other places, which the sources do not name.
    """

    gone: Sequence[EarlierFile]
    unnamed: Sequence[EarlierFile]

    def __len__(self) -> int:
        return len(self.gone) + len(self.unnamed)


def write_files(path: Path, deployments: Iterable[Deployment]) -> None:
    """Write the list of the files in the tables, a line for each.

    Args:
        path: The list.
        deployments: Deployments whose rows are in the tables.

    Raises:
        OSError: It cannot be written.
    """
    with atomic_write(path) as file:
        for one in deployments:
            for medium in one.media:
                file.write(json.dumps([one.key, medium.name, place_of(medium)]) + "\n")


def read_files(path: Path) -> list[EarlierFile]:
    """Files in the tables; none without a list.

    Args:
        path: The list.

    Returns:
        The files.

    Raises:
        InputError: The list is damaged.
        OSError: It cannot be read.
    """
    files = []
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                key, name, place = json.loads(line)
                files.append(EarlierFile(str(key), str(name), str(place)))
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: the list of the files in the tables is damaged. Move the tables elsewhere if they are needed, "
            f"and delete {path}."
        ) from error
    return files


def place_of(medium: Medium) -> str:
    """Absolute path of a file, or its address in object storage."""
    return _absolute(medium.path) if medium.stored is None else medium.stored.address


def _absolute(path: Path) -> str:
    return os.path.normpath(path.absolute())


def without(files: Iterable[EarlierFile], deployments: Iterable[Deployment]) -> list[EarlierFile]:
    """Files that are not among those of some deployments.

    A file is among them if one has the same place, or is in the same deployment as before under the same name: folders
    may have been moved.

    Args:
        files: The files.
        deployments: The deployments.

    Returns:
        The others.
    """
    places: set[str] = set()
    names: set[tuple[str, str]] = set()
    for one in deployments:
        for medium in one.media:
            places.add(place_of(medium))
            names.add((one.key, medium.name))
    return [one for one in files if one.place not in places and (one.key, one.name) not in names]


def left_out(
    files: Iterable[EarlierFile], deployments: Iterable[Deployment], sources: Sequence[str]
) -> LeftOut:
    """Files of an earlier run that tables of some deployments leave out.

    Args:
        files: Files in the tables.
        deployments: All deployments of the run.
        sources: Files, folders and addresses that the run names.

    Returns:
        The files.
    """
    tops = {top.rstrip("/") for source in sources for top in (source, _absolute(Path(source)))}
    gone: list[EarlierFile] = []
    unnamed: list[EarlierFile] = []
    for one in without(files, deployments):
        (gone if _is_below(one.place, tops) else unnamed).append(one)
    return LeftOut(gone, unnamed)


def check_left_out(found: LeftOut, earlier: int, out: Path) -> None:
    """Refuse to leave out files at places that the sources do not name, and most of the files.

    Where more than half are gone, another card may have been put in the place of the first one.

    Args:
        found: The files that would be left out.
        earlier: Number of files in the tables.
        out: Folder of results, for the message.

    Raises:
        InputError: Files would be lost.
    """
    if found.unnamed:
        them = "it" if len(found.unnamed) == 1 else "them"
        raise InputError(
            f"{out}: holds results of {counted(found.unnamed)} that this command does not name "
            f"({first_places(found.unnamed)}), which would be lost. Choose another --out, name {them} too, or give "
            "--replace."
        )
    if 2 * len(found.gone) > earlier:
        raise InputError(
            f"{out}: holds results of {counted(found.gone)} that {'is' if len(found.gone) == 1 else 'are'} no longer "
            f"there ({first_places(found.gone)}), more than half of all, which would be lost. If this is another card, "
            "choose another --out; or give --replace."
        )


def counted(files: Sequence[EarlierFile]) -> str:
    """Number of files.

    >>> counted([EarlierFile("", "a.mp4", "/card/a.mp4")])
    '1 file'
    """
    return "1 file" if len(files) == 1 else f"{len(files):,} files"


def first_places(files: Sequence[EarlierFile]) -> str:
    """Places of the first three files, and the number of the others."""
    more = f" and {len(files) - 3:,} more" if len(files) > 3 else ""
    return ", ".join(one.place for one in files[:3]) + more


def _is_below(place: str, tops: set[str]) -> bool:
    """Whether a path or address is one of some others, or below one of them."""
    if not tops:
        return False
    at = len(place)
    while at > 0:
        if place[:at] in tops:
            return True
        at = max(place.rfind("/", 0, at), place.rfind(os.sep, 0, at))
    return "" in tops  # the root, without its slash
