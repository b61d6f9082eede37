"""All readers of users' files, for fuzzing."""

import fuzz_target
from fuzz_binaries import BINARIES
from fuzz_texts import TEXTS

TARGETS = TEXTS | BINARIES
"""Parsers by name."""


def seeds(parser, folder):
    """Valid inputs of the fuzzer: with several files, a byte says which one the rest is."""
    folder.mkdir(parents=True, exist_ok=True)
    target = TARGETS[parser]
    made = target.seeds(folder)
    if len(target.files) == 1:
        return made[target.files[0]]
    return [bytes([n]) + data for n, name in enumerate(target.files) for data in made[name]]


def reading(parser, folder):
    """Function that reads bytes as a file of a parser, in every way; it returns the fault of each, or None."""
    target = TARGETS[parser]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "valid").mkdir(exist_ok=True)
    place = folder / "files"
    place.mkdir(exist_ok=True)
    first = {name: data[0] for name, data in target.seeds(folder / "valid").items()}
    if len(first) > 1:
        for name, data in first.items():
            (place / name).write_bytes(data)
    readers = target.readers()

    def read(data):
        if len(first) == 1:
            (place / target.files[0]).write_bytes(data)
            return [fuzz_target.fault(reader, place) for reader in readers]
        name = target.files[data[0] % len(first)] if data else target.files[0]
        (place / name).write_bytes(data[1:])
        try:
            return [fuzz_target.fault(reader, place) for reader in readers]
        finally:
            (place / name).write_bytes(first[name])

    return read
