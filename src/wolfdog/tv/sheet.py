"""Contact sheets: a row of frames for each label."""

from pathlib import Path

import numpy as np
from PIL import Image

from wolfdog.atomic import atomic_path
from wolfdog.errors import InputError, MediaError
from wolfdog.tv.picture import Picture
from wolfdog.tv.world import World

ENLARGED = 2
GAP = 4
"""Pixels between frames."""


def write_sheet(path: str | Path, world: World, picture: Picture, columns: int = 10) -> None:
    """Write a PNG with a row of shots for each label of a world, twice as large as frames.

    Args:
        path: The file.
        world: The world.
        picture: Generator of the pictures.
        columns: Number of shots in a row.

    Raises:
        InputError: The name does not end in .png.
        MediaError: The file cannot be written.
        WolfdogError: Something in the world cannot be shown.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: expected a name ending in .png. Rename it.")
    picture.check(world)
    side = picture.size * ENLARGED + GAP
    sheet = Image.new("RGB", (columns * side - GAP, len(world.labels) * side - GAP), (255, 255, 255))
    for row, label in enumerate(world.labels):
        for column in range(columns):
            rng = np.random.default_rng([picture.seed, row, column])
            frame = Image.fromarray(picture.scene(world, label, rng).at(age=0))
            larger = frame.resize((side - GAP, side - GAP), Image.Resampling.NEAREST)
            sheet.paste(larger, (column * side, row * side))
    try:
        with atomic_path(path) as beside:
            sheet.save(beside)
    except OSError as error:
        raise MediaError(f"cannot write {path}: {error.strerror or error}. Choose another place.") from error
