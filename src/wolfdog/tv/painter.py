"""Drawn pictures: in every shot one drawn object, moving in front of a drawn background."""

import numpy as np

from wolfdog.errors import WorldError
from wolfdog.tv.clutter import DRAWABLE, THINGS
from wolfdog.tv.pen import Pen
from wolfdog.tv.picture import Picture
from wolfdog.tv.scene import Scene
from wolfdog.tv.world import UNKNOWN, World

FINER = 3
"""Sprites are drawn this many times larger than a frame, and shrunk."""
TINT = (110, 100, 90)
"""Colour that the edges of sprites fade into."""


def kinds_of_unknown(world: World) -> tuple[str, ...]:
    """Subjects of `unknown` pictures: objects and birds that do not look like any label of the world.

    Args:
        world: The world.

    Returns:
        Their names.

    Examples:
        >>> from wolfdog.tv.world import default_world
        >>> len(kinds_of_unknown(default_world())) >= 12
        True
    """
    return tuple(kind for kind in (*THINGS, "bird") if kind not in world.look_names)


class Painter(Picture):
    """Generator of drawn pictures, frame by frame; see `Picture`.

    Args:
        size: Pixels of a frame's side, even, 16 to 1024.
        seed: Seed of the pictures.

    Examples:
        >>> from wolfdog.tv import Sampler, default_world
        >>> frames = list(Painter(size=64).frames(Sampler(default_world()).draw(3)))
        >>> len(frames), frames[0].shape, frames[0].dtype
        (3, (64, 64, 3), dtype('uint8'))
    """

    def check(self, world: World) -> None:
        """Check that every look of the world can be drawn.

        Args:
            world: The world.

        Raises:
            WorldError: A look cannot be drawn; the message names the choices.
        """
        for look in world.look_names:
            if look != UNKNOWN and look not in DRAWABLE:
                choices = ", ".join((*sorted(DRAWABLE), UNKNOWN))
                raise WorldError(
                    f"world {world.name!r}: there is no drawing of {look!r}. Choose among {choices} "
                    "(the world's `looks` map labels to drawings), or use photographs."
                )
        if UNKNOWN in world.look_names and not kinds_of_unknown(world):
            raise WorldError(
                f"world {world.name!r}: every drawing is a label's look; none is left for 'unknown'. Use fewer looks."
            )

    def look(self, world: World, label: str) -> str:
        """Look of a label in the world.

        Args:
            world: The world.
            label: The label.

        Returns:
            The look.
        """
        return world.look(label)

    def scene(self, world: World, label: str, rng: np.random.Generator) -> Scene:
        """New scene with the look of a label; for `unknown`, with one of many objects.

        Args:
            world: The world.
            label: The label.
            rng: Source of random numbers.

        Returns:
            The scene.
        """
        look = world.look(label)
        if look == UNKNOWN:
            kinds = kinds_of_unknown(world)
            look = kinds[int(rng.integers(len(kinds)))]
        pen = Pen(self.size * FINER, tint=TINT)
        DRAWABLE[look](pen, rng)
        return Scene(pen.image, self.size, rng)
