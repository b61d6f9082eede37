"""Files below an address."""

from .address import FILES, LIMIT, Stored, file_system, reaching, version_of


def stored_file(address: str, *, limit: int = LIMIT) -> Stored | None:
    """File at an address; None if there is none, though there may be files below it.

    Args:
        address: The address.
        limit: Of `Stored`.

    Raises:
        InputError: As of `file_system`.
        MissingPackageError: As of `file_system`.
        StorageError: As of `file_system`.
    """
    system, path = file_system(address)
    with reaching(address):
        system.invalidate_cache()
        try:
            facts = system.info(path)
        except FileNotFoundError:
            return None
    if facts.get("type") == "directory" or address.endswith("/"):
        return None
    return Stored(address, int(facts.get("size") or 0), version_of(facts), limit)


def stored_below(address: str, *, limit: int = LIMIT) -> list[Stored]:
    """Files below an address, in the order of their names.

    Args:
        address: Address of a bucket or folder.
        limit: Of `Stored`.

    Raises:
        InputError: As of `file_system`.
        MissingPackageError: As of `file_system`.
        StorageError: As of `file_system`.
    """
    system, path = file_system(address)
    files = FILES if address.startswith(FILES) else ""
    found = []
    with reaching(address):
        system.invalidate_cache()
        for name, facts in sorted(system.find(path, detail=True).items()):
            if facts.get("size") is None:  # a server that lists names alone
                facts = system.info(name)
            stored = Stored(
                files + system.unstrip_protocol(name), int(facts["size"] or 0), version_of(facts), limit
            )
            found.append(stored)
    return found


def is_there(stored: Stored) -> bool:
    """Whether a file is still there.

    Args:
        stored: The file.

    Raises:
        StorageError: The storage cannot be reached.
    """
    system, path = file_system(stored.address)
    with reaching(stored.address):
        return bool(system.exists(path))
