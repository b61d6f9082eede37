"""Base class of picture generators: one scene per shot, determined by seed, stream and shot."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from wolfdog.errors import InputError
from wolfdog.tv.programme import Programme
from wolfdog.tv.scene import Frame, Scene
from wolfdog.tv.world import World

SMALLEST, LARGEST = 16, 1024


class Picture(ABC):
    """Turns a programme into frames.

    A shot's picture follows from the seed, the stream's number and the shot's number alone: the same
    programme gives the same frames, and a programme drawn in two parts the same as one drawn whole.

    Args:
        size: Pixels of a frame's side, even, 16 to 1024.
        seed: The same seed gives the same pictures.

    Raises:
        InputError: Size or seed cannot be used.
    """

    def __init__(self, size: int = 64, seed: int = 0) -> None:
        if not SMALLEST <= size <= LARGEST or size % 2:
            raise InputError(
                f"size: expected an even number of pixels from {SMALLEST} to {LARGEST}, got {size}. Try 64."
            )
        if seed < 0:
            raise InputError(f"seed: expected a number from 0 up, got {seed}.")
        self.size = size
        self.seed = seed

    @abstractmethod
    def check(self, world: World) -> None:
        """Raise a WolfdogError if something in `world` cannot be shown."""

    @abstractmethod
    def look(self, world: World, label: str) -> str:
        """Appearance of shots of `label`; a single frame cannot distinguish two labels of one appearance."""

    @abstractmethod
    def scene(self, world: World, label: str, rng: np.random.Generator) -> Scene:
        """A new scene of `label`."""

    def frames(self, programme: Programme, stream: int = 0) -> Iterator[Frame]:
        """The frames of one stream, each uint8 [size, size, 3], RGB.

        Raises:
            WolfdogError: Something in the programme's world cannot be shown.
        """
        world = programme.world
        self.check(world)
        number = programme.first_stream + stream
        columns = (part[:, stream].tolist() for part in (programme.label, programme.shot, programme.age))
        scene, shown = None, None
        for label, shot, age in zip(*columns, strict=True):
            if scene is None or shot != shown:
                rng = np.random.default_rng([self.seed, number, shot])
                scene, shown = self.scene(world, world.labels[label], rng), shot
            yield scene.at(age)
