"""Worlds as TOML and JSON files."""

import json
from pathlib import Path
from typing import Any

from wolfdog.atomic import atomic_write
from wolfdog.errors import MediaError, WorldError
from wolfdog.extras import needs_extra
from wolfdog.tv.description import check_list, check_table, read_description
from wolfdog.tv.schedule import Channel, Pace, ShotLength
from wolfdog.tv.world import World


def save_world(world: World, path: str | Path) -> None:
    """Write a world as a TOML or JSON file, chosen by the suffix of `path`, atomically.

    Args:
        world: The world.
        path: The file.

    Raises:
        WorldError: The suffix is neither .toml nor .json.
        MediaError: The file cannot be written.
        MissingPackageError: TOML is to be written, and the package tomli-w is not installed.
    """
    path = Path(path)
    ending = _ending(path)
    data = world_to_dict(world)
    if ending == ".toml":
        with needs_extra("watch", "writing a world as TOML"):
            import tomli_w
        text = tomli_w.dumps(data)
    else:
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    try:
        with atomic_write(path) as file:
            file.write(text)
    except OSError as error:
        raise MediaError(f"cannot write {path}: {error.strerror or error}. Choose another place.") from error


def load_world(path: str | Path) -> World:
    """World from a TOML or JSON file.

    Args:
        path: The file.

    Returns:
        The world.

    Raises:
        WorldError: The file cannot be read, or does not describe a world.

    Examples:
        >>> import tempfile
        >>> from wolfdog.tv.world import default_world
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_world(default_world(), f"{folder}/world.json")
        ...     load_world(f"{folder}/world.json") == default_world()
        True
    """
    path = Path(path)
    _ending(path)
    data = read_description(path)
    try:
        return world_from_dict(data)
    except WorldError as error:
        raise WorldError(f"{path}: {error}") from None


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in (".toml", ".json"):
        raise WorldError(
            f"{path}: expected a name ending in .toml or .json, got {ending or 'no ending'!r}. Rename it."
        )
    return ending


def world_to_dict(world: World) -> dict[str, Any]:
    """World as plain dicts, lists, strings and numbers.

    Args:
        world: The world.

    Returns:
        The dict.

    Examples:
        >>> from wolfdog.tv.world import default_world
        >>> world_from_dict(world_to_dict(default_world())) == default_world()
        True
    """
    return {
        "name": world.name,
        "fps": world.fps,
        "shot": {"mean": world.shot.mean, "phases": world.shot.phases},
        "looks": dict(world.looks),
        "channels": [
            {
                "name": channel.name,
                "mean_stay": channel.mean_stay,
                "weight": channel.weight,
                "informative": dict(channel.informative),
                "filler": dict(channel.filler),
            }
            for channel in world.channels
        ],
        "paces": [
            {"name": pace.name, "informative_rate": pace.informative_rate, "mean_stay": pace.mean_stay}
            for pace in world.paces
        ],
    }


def world_from_dict(data: Any) -> World:
    """World that `world_to_dict` described.

    Args:
        data: The dict.

    Returns:
        The world.

    Raises:
        WorldError: A part is missing, unknown or of a wrong kind.
    """
    fields = check_table(data, "the world", ("name", "channels", "paces"), ("fps", "shot", "looks"))
    channels = tuple(
        Channel(
            **check_table(
                item, f"channel {number}", ("name", "mean_stay", "informative", "filler"), ("weight",)
            )
        )
        for number, item in enumerate(check_list(fields.pop("channels"), "channels"), start=1)
    )
    paces = tuple(
        Pace(**check_table(item, f"pace {number}", ("name", "informative_rate"), ("mean_stay",)))
        for number, item in enumerate(check_list(fields.pop("paces"), "paces"), start=1)
    )
    if "shot" in fields:
        fields["shot"] = ShotLength(**check_table(fields["shot"], "shot", (), ("mean", "phases")))
    return World(channels=channels, paces=paces, **fields)
