"""Event worlds as TOML files, and those that are part of wolfdog."""

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wolfdog.atomic import atomic_write
from wolfdog.errors import MediaError, WorldError
from wolfdog.extras import needs_extra
from wolfdog.tv.checks import short
from wolfdog.tv.description import check_list, check_table, keys_of, read_description
from wolfdog.tv.events.confusions import Confusions
from wolfdog.tv.events.facts import KINDS, Fact
from wolfdog.tv.events.world import EventWorld
from wolfdog.tv.schedule import Pace

FOLDER = Path(__file__).parent / "worlds"
EVENT_WORLDS: tuple[str, ...] = (
    "pair",
    "likely",
    "facts-2",
    "facts-4",
    "facts-8",
    "last",
    "parity",
    "at-least-three",
    "minute",
    "uneven",
    "unreliable",
    "long",
)
"""Names of the event worlds that are part of wolfdog."""


def load_event_world(world: str | Path) -> EventWorld:
    """Event world by its name, or from a TOML file.

    Args:
        world: One of `EVENT_WORLDS`, or a path that ends in .toml.

    Returns:
        The world.

    Raises:
        WorldError: There is no such world, or the file does not describe one.

    Examples:
        >>> [len(load_event_world(name).facts) for name in ("pair", "facts-8")]
        [1, 8]
    """
    if str(world) in EVENT_WORLDS:
        path = FOLDER / f"{world}.toml"
    else:
        path = Path(world)
        if path.suffix.lower() != ".toml":
            raise WorldError(
                f"world {str(world)!r}: expected {', '.join(EVENT_WORLDS)}, or a file that ends in .toml."
            )
    data = read_description(path)
    try:
        return _world(data, path.parent)
    except WorldError as error:
        raise WorldError(f"{path}: {error}") from None


def save_event_world(world: EventWorld, path: str | Path) -> None:
    """Write an event world as a TOML file, atomically; a file of probabilities is referred to by its path.

    Args:
        world: The world.
        path: The file, whose name ends in .toml.

    Raises:
        WorldError: The suffix is another one.
        MediaError: The file cannot be written.
        MissingPackageError: The package tomli-w is not installed.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_event_world(load_event_world("parity"), f"{folder}/mine.toml")
        ...     load_event_world(f"{folder}/mine.toml") == load_event_world("parity")
        True
    """
    path = Path(path)
    if path.suffix.lower() != ".toml":
        raise WorldError(f"{path}: expected a name ending in .toml. Rename it.")
    with needs_extra("watch", "writing a world as TOML"):
        import tomli_w
    names = {kind: name for name, kind in KINDS.items()}
    data: dict[str, Any] = {
        "name": world.name,
        "fps": world.fps,
        "ambiguous_share": world.ambiguous_share,
        "mean_interval": world.mean_interval,
        "paces": [asdict(pace) for pace in world.paces],
        "facts": [{"kind": names[type(fact)], **asdict(fact)} for fact in world.facts],  # type: ignore[call-overload]
    }
    if world.confusions is not None:
        data["confusions"] = world.confusions.file
    try:
        with atomic_write(path) as file:
            file.write(tomli_w.dumps(data))
    except OSError as error:
        raise MediaError(f"cannot write {path}: {error.strerror or error}. Choose another place.") from error


def _world(data: Any, folder: Path) -> EventWorld:
    fields = check_table(data, "the world", *keys_of(EventWorld))
    confusions = fields.pop("confusions", None)
    facts = tuple(
        _fact(item, f"fact {number}")
        for number, item in enumerate(check_list(fields.pop("facts"), "facts"), start=1)
    )
    paces = tuple(
        Pace(**check_table(item, f"pace {number}", *keys_of(Pace)))
        for number, item in enumerate(check_list(fields.pop("paces"), "paces"), start=1)
    )
    for rate, what in ((0, "a cue"), (1, "an ambiguous look")):
        if paces and all(pace.informative_rate == rate for pace in paces):
            raise WorldError(
                f"paces: with an informative_rate of {rate} in every pace, {what} is never shown. Give one a rate "
                "between 0 and 1."
            )
    world = EventWorld(facts=facts, paces=paces, **fields)
    if confusions is None:
        return world
    if not isinstance(confusions, str):
        raise WorldError(f"confusions: expected the path of a CSV file, got {short(confusions)}.")
    found = Confusions.read(folder / confusions, world.looks, confusions)
    return dataclasses.replace(world, confusions=found)


def _fact(item: Any, where: str) -> Fact:
    kind = item.get("kind") if isinstance(item, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise WorldError(
            f"{where}: kind: expected {', '.join(KINDS)}, got {'nothing' if kind is None else short(kind)}."
        )
    required, optional = keys_of(KINDS[kind])
    fields = check_table(item, where, ("kind", *required), optional)
    made: Fact = KINDS[fields.pop("kind")](**fields)
    return made
