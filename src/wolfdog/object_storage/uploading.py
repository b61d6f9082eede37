"""Upload of files, each of which is in the storage whole or not at all."""

from pathlib import Path

from .address import file_system, reaching


def upload(path: Path, address: str) -> None:
    """Copy a file into object storage.

    Args:
        path: The file.
        address: Its address there.

    Raises:
        StorageError: The storage cannot be reached, or refuses.
        InputError: As of `file_system`.
        MissingPackageError: As of `file_system`.
    """
    system, target = file_system(address)
    with reaching(address):
        if "local" in _protocols(system) or "file" in _protocols(system):
            system.makedirs(system._parent(target), exist_ok=True)
        system.put_file(str(path), target)


def remove(address: str) -> None:
    """Delete a file in object storage; without effect if it is not there.

    Args:
        address: Its address.

    Raises:
        StorageError: The storage cannot be reached, or refuses.
        InputError: As of `file_system`.
        MissingPackageError: As of `file_system`.
    """
    system, target = file_system(address)
    with reaching(address):
        if system.exists(target):
            system.rm_file(target)


def _protocols(system: object) -> tuple[str, ...]:
    protocol = getattr(system, "protocol", ())
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
