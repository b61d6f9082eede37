"""Painted television: every shot one drawn object, moving before a drawn background."""

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
    """Subjects of `unknown` pictures: objects and birds that no label of the world looks like.

    Example:
        >>> from wolfdog.tv.world import default_world
        >>> len(kinds_of_unknown(default_world())) >= 12
        True
    """
    return tuple(kind for kind in (*THINGS, "bird") if kind not in world.look_names)


class Painter(Picture):
    """Paints a programme, frame by frame; see `Picture`.

    Example:
        >>> from wolfdog.tv import Sampler, default_world
        >>> frames = list(Painter(size=64).frames(Sampler(default_world()).draw(3)))
        >>> len(frames), frames[0].shape, frames[0].dtype
        (3, (64, 64, 3), dtype('uint8'))
    """

    def check(self, world: World) -> None:
        """Raise WorldError, naming the choices, if the world has a look that cannot be drawn."""
        for look in world.look_names:
            if look != UNKNOWN and look not in DRAWABLE:
                choices = ", ".join((*sorted(DRAWABLE), UNKNOWN))
                raise WorldError(
                    f"world {world.name!r}: nobody can draw {look!r}. Choose among {choices} "
                    "(the world's looks say what a label looks like), or use photographs."
                )
        if UNKNOWN in world.look_names and not kinds_of_unknown(world):
            raise WorldError(f"world {world.name!r}: nothing is left to be unknown. Use fewer looks.")

    def look(self, world: World, label: str) -> str:
        """The world's look for `label`."""
        return world.look(label)

    def scene(self, world: World, label: str, rng: np.random.Generator) -> Scene:
        """A new scene of what `label` looks like; `unknown` is one of many things."""
        look = world.look(label)
        if look == UNKNOWN:
            kinds = kinds_of_unknown(world)
            look = kinds[int(rng.integers(len(kinds)))]
        pen = Pen(self.size * FINER, tint=TINT)
        DRAWABLE[look](pen, rng)
        return Scene(pen.image, self.size, rng)
