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
    """Generator of the frames of a programme.

    The picture of a shot is determined by the seed, the number of the stream and the number of the shot: the same
    programme gives the same frames, and a programme drawn in two parts gives those of the whole.

    Args:
        size: Pixels of a frame's side, even, 16 to 1024.
        seed: Seed of the pictures.

    Raises:
        InputError: The size or the seed is invalid.
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
        """Check that everything in the world can be shown.

        Args:
            world: The world.

        Raises:
            WolfdogError: Something cannot be shown.
        """

    @abstractmethod
    def look(self, world: World, label: str) -> str:
        """Look of the shots of a label; a single frame cannot distinguish two labels with one look.

        Args:
            world: The world.
            label: The label.

        Returns:
            The look.
        """

    @abstractmethod
    def scene(self, world: World, label: str, rng: np.random.Generator) -> Scene:
        """New scene of a label.

        Args:
            world: The world.
            label: The label.
            rng: Source of random numbers.

        Returns:
            The scene.
        """

    def frames(self, programme: Programme, stream: int = 0) -> Iterator[Frame]:
        """Frames of one stream.

        Args:
            programme: The programme.
            stream: Position of the stream in the programme.

        Yields:
            Frames uint8 [size, size, 3], RGB.

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
