"""Addresses of files in object storage, and the file systems of fsspec behind them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from wolfdog.errors import InputError, MissingPackageError, StorageError, WolfdogError
from wolfdog.extras import needs_extra

LIMIT = 20_000_000_000
"""Largest file that is fetched where nothing else is said, in bytes."""

FILES = "files+"
"""Prefix of an address of HTTP that names files, and no live stream."""

_ADDRESS = re.compile(r"([a-z][a-z0-9.+-]*::)*([a-z][a-z0-9.+-]*)://", re.IGNORECASE)
_VERSIONS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "updated", "created")


@dataclass(frozen=True, slots=True)
class Stored:
    """File in object storage, as a listing has it.

    Args:
        address: Its address, as s3://bucket/site/a.jpg.
        size: Size in bytes.
        version: Text that changes when the file does, if the storage has one.
        limit: Largest size that is fetched, in bytes.
    """

    address: str
    size: int
    version: str = ""
    limit: int = LIMIT

    @property
    def path(self) -> Path:
        """Path that stands for the address in names and groups; no file lies there.

        Examples:
            >>> Stored("s3://bucket/site/a.jpg", 5).path.as_posix()
            '/s3:/bucket/site/a.jpg'
        """
        return virtual_path(self.address)


def is_address(text: str) -> bool:
    """Whether a text is an address, with a scheme and two slashes.

    Examples:
        >>> [is_address(one) for one in ("s3://bucket/a.mp4", "C:/a.mp4", "camera:0", "a.mp4")]
        [True, False, False, False]
    """
    return _ADDRESS.match(text) is not None


def virtual_path(address: str) -> Path:
    """Path that stands for an address; see `Stored.path`. Of HTTP, without query and with its escapes decoded.

    Examples:
        >>> virtual_path("files+http://server/site%201/a.jpg?size=5").as_posix()
        '/http:/server/site 1/a.jpg'
    """
    scheme, _, rest = address.removeprefix(FILES).rpartition("://")
    if scheme.rpartition(":")[2] in ("http", "https"):
        rest = unquote(rest.partition("?")[0])
    return Path("/", f"{scheme}:", rest.strip("/"))


def file_system(address: str) -> tuple[Any, str]:
    """File system of an address, and the path in it.

    Args:
        address: The address.

    Returns:
        A file system of fsspec, and the path.

    Raises:
        InputError: There is no such scheme, or the address is none.
        MissingPackageError: The package fsspec is not installed, or the one for this scheme.
        StorageError: The storage refuses the connection.
    """
    with needs_extra("fsspec", f"the address {address}"):
        from fsspec.core import url_to_fs
    try:
        system, path = url_to_fs(address.removeprefix(FILES))
    except ImportError as error:
        raise MissingPackageError(f"the address {address} needs another package: {error}") from error
    except ValueError as error:
        raise InputError(f"{address}: {_told(error)}. Expected an address as s3://bucket/folder.") from error
    except Exception as error:  # each storage has exceptions of its own
        raise unreachable(address, error) from error
    return system, path


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Context in which every failure of a storage is a StorageError with the address.

    Args:
        address: The address.

    Raises:
        StorageError: The storage cannot be reached, or refuses.
    """
    try:
        yield
    except WolfdogError:
        raise
    except Exception as error:  # each storage has exceptions of its own
        raise unreachable(address, error) from error


def unreachable(address: str, error: Exception) -> StorageError:
    """Error that names an address and the reason of its storage."""
    return StorageError(
        f"{address}: the storage cannot be reached or refuses ({_told(error)}). Check the address, the network and the "
        "credentials, and give the same command again: it goes on where it stopped."
    )


def version_of(facts: dict[str, Any]) -> str:
    """Text that changes when a file does, from what fsspec says of it; empty without one.

    Examples:
        >>> version_of({"name": "a", "size": 3, "ETag": '"5d4"'})
        '"5d4"'
    """
    return next((str(facts[name]) for name in _VERSIONS if facts.get(name) is not None), "")


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300].rstrip(". ")
