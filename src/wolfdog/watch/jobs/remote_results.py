"""Results of a job in object storage: written on this machine, and copied there whole when the job is complete."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from wolfdog.compiler.cache import folder as cache_folder
from wolfdog.object_storage.address import file_system, is_address
from wolfdog.object_storage.uploading import remove, upload

from ..video.discover import STATE
from .folder import TABLES
from .folder_lock import locked
from .journal import Journal
from .signature import signature


@dataclass(frozen=True, slots=True)
class RemoteResults:
    """Folder of results in object storage, and the folder on this machine in which they are made.

    The journal and the parts of the job stay on this machine, so that only the same machine can go on with it. Each
    file is in the storage whole or not at all; the tables come last. Files that have not changed since the last copy
    are passed over.

    Args:
        address: Address of the folder.
        folder: Folder on this machine.
    """

    address: str
    folder: Path

    @classmethod
    def at(cls, out: str) -> Self | None:
        """Results at an address; None if the text is the path of a folder.

        Args:
            out: Folder or address.

        Returns:
            The results, with a folder in the cache folder of the user that belongs to the address.

        Raises:
            InputError: There is no such scheme.
            MissingPackageError: A package for the address is not installed.
        """
        if not is_address(out):
            return None
        file_system(out)  # a mistake is told before the work
        address = out.rstrip("/")
        name = hashlib.sha256(address.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return cls(address, cache_folder() / "results" / name)

    def upload(self) -> int:
        """Copy the results that are new or have changed, and delete those that have gone.

        Returns:
            Number of files that were copied.

        Raises:
            InputError: Another process writes into the folder.
            StorageError: The storage cannot be reached; the same call again goes on there.
        """
        (self.folder / STATE).mkdir(parents=True, exist_ok=True)
        with locked(self.folder / STATE / "lock", self.folder):
            journal = Journal(self.folder / STATE / "uploaded")
            known = dict(journal.parsed(lambda entry: (str(entry["name"]), entry["signature"])))
            here = self._files()
            count = 0
            for name, path in here.items():
                found = list(signature(path) or ())
                if known.get(name) == found:
                    continue
                upload(path, f"{self.address}/{name}")
                journal.append([{"name": name, "signature": found}])
                count += 1
            for name, found in known.items():
                if found and name not in here:
                    remove(f"{self.address}/{name}")
                    journal.append([{"name": name, "signature": []}])
            return count

    def _files(self) -> dict[str, Path]:
        """Files of results by their name, the tables last."""
        found = {}
        for place, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if name != STATE]
            for name in names:
                if not name.startswith(".wolfdog-"):
                    path = Path(place, name)
                    found[path.relative_to(self.folder).as_posix()] = path
        return dict(sorted(found.items(), key=lambda item: (item[0] in TABLES, item[0])))
