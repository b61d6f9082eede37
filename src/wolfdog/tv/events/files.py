"""Event worlds as TOML files, and those that are part of wolfdog."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wolfdog.atomic import atomic_write
from wolfdog.errors import MediaError, WorldError
from wolfdog.extras import needs_extra
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

LARGEST_FILE = 1_000_000
"""Bytes of a world file."""


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
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise WorldError(
                f"{path}: larger than {LARGEST_FILE} bytes; this is not a description of a world."
            )
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WorldError(f"{path}: cannot be read: {error.strerror or error}. Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise WorldError(f"{path}: not TOML: {error}. Correct the file.") from error
    try:
        return _world(data, path.parent)
    except WorldError as error:
        raise WorldError(f"{path}: {error}") from None
    except TypeError as error:
        raise WorldError(
            f"{path}: a key is missing, unknown or of a wrong kind: {error}. Correct it."
        ) from None


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


def _world(data: Mapping[str, Any], folder: Path) -> EventWorld:
    fields = dict(data)
    confusions = fields.pop("confusions", None)
    for name in ("facts", "paces"):
        items = fields.get(name)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise WorldError(f"{name}: expected [[{name}]] before each, got {str(items)[:50]!r}.")
    facts = tuple(_fact(item) for item in fields.pop("facts"))
    paces = tuple(Pace(**item) for item in fields.pop("paces"))
    world = EventWorld(facts=facts, paces=paces, **fields)
    if confusions is None:
        return world
    if not isinstance(confusions, str):
        raise WorldError(f"confusions: expected the path of a CSV file, got {str(confusions)[:50]!r}.")
    found = Confusions.read(folder / confusions, world.looks, confusions)
    return EventWorld(facts=facts, paces=paces, confusions=found, **fields)


def _fact(item: Mapping[str, Any]) -> Fact:
    fields = dict(item)
    kind = fields.pop("kind", None)
    if kind not in KINDS:
        raise WorldError(f"facts: kind: expected {', '.join(KINDS)}, got {str(kind)[:50]!r}.")
    made: Fact = KINDS[kind](**fields)
    return made
