"""Endless simulated television with a remote control."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Condition
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...tv import Sampler, World
from ...tv.world import UNKNOWN
from ..video.decoding import Picture
from .pictures import LivePicture, PictureSource, Say

if TYPE_CHECKING:
    from ...tv.picture import Picture as Painting
    from ...tv.scene import Scene

MOST_BETWEEN = 200
"""Largest number of unknown things between an informative animal and a canine."""


@dataclass(frozen=True)
class OnAir:
    """State of the television.

    Attributes:
        channel: Name of the channel.
        label: Label of the shot.
        between: Number of unknown things between an informative animal and an ambiguous one; None as broadcast.
        left: Number of them that are still to come.
    """

    channel: str
    label: str
    between: int | None
    left: int


class Television(PictureSource):
    """Endless broadcast of a world, at its frame rate.

    The channel, the shots and their lengths are those of `wolfdog.tv.Sampler`. Controls act at the next frame. With
    `between` n, the programme goes in rounds: an informative animal of the channel, n shots of unknown things, an
    ambiguous animal of the channel.

    Args:
        world: The world.
        painting: Generator of pictures.
        seed: Seed of the programme and of the pictures.
        name: Name in results.

    Raises:
        WorldError: Something in the world cannot be shown.
    """

    def __init__(
        self, world: World, painting: "Painting", *, seed: int = 0, name: str = "television"
    ) -> None:
        super().__init__(name, "television", world.fps)
        painting.check(world)
        self._world, self._painting = world, painting
        self._sampler = Sampler(world, seed=seed)
        self._rng = np.random.default_rng([seed, 1])
        self._changed = Condition()
        self._cut_to: tuple[int, str | None] | None = None
        self._between: int | None = None
        self._script: list[str] = []
        self._on_air = OnAir("", "", None, 0)

    @property
    def shows(self) -> tuple[str, ...]:
        """Labels that can be shown at once: the informative ones that one channel alone has."""
        channels = self._world.channels
        return tuple(
            label
            for label in self._world.labels
            if sum(label in channel.informative for channel in channels) == 1
        )

    @property
    def on_air(self) -> OnAir:
        """Channel and label of the present frame, and the state of the rounds."""
        with self._changed:
            return self._on_air

    @property
    def between(self) -> int | None:
        """Number of unknown things between an informative animal and an ambiguous one; None as broadcast."""
        with self._changed:
            return self._between

    def zap(self) -> None:
        """Change to another channel."""
        with self._changed:
            place, channels = self._place(), len(self._world.channels)
            self._cut_to = ((place["channel"][0] + 1) % channels, None)
            self._script = []

    def show(self, label: str) -> None:
        """Show an informative animal now, on its channel.

        Args:
            label: One of `shows`.

        Raises:
            InputError: There is no such label.
        """
        if label not in self.shows:
            raise InputError(f"show: expected one of {', '.join(self.shows)}, got {label!r}.")
        channels = self._world.channels
        number = next(k for k, channel in enumerate(channels) if label in channel.informative)
        with self._changed:
            self._cut_to = (number, label)

    def set_between(self, count: int | None) -> None:
        """Number of unknown things between an informative animal and an ambiguous one.

        Args:
            count: The number; None for the world's own programme.

        Raises:
            InputError: It is below 0 or above 200.
        """
        if count is not None and UNKNOWN not in self._world.labels:
            raise InputError(f"between: the world {self._world.name!r} has no label {UNKNOWN!r}.")
        if count is not None and (isinstance(count, bool) or not 0 <= count <= MOST_BETWEEN):
            raise InputError(f"between: expected 0 to {MOST_BETWEEN} unknown things, got {count!r}.")
        with self._changed:
            self._between, self._script = count, []

    def pictures(self, say: Say) -> Iterator[LivePicture]:
        """Pictures at the world's frame rate; see `PictureSource`."""
        began, index = time.monotonic(), 0
        shot, scene = -1, None
        while not self._stop.is_set():
            due = began + index / self.fps
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            late = int((time.monotonic() - due) * self.fps)
            if late > 1:  # the labels did not keep up: these frames pass unseen
                self.dropped += late
                index += late
                self._sampler.draw(late)
            place = self._next()
            label = self._world.labels[place["label"][0]]
            if scene is None or place["shot"][0] != shot:
                shot, scene = place["shot"][0], self._painting.scene(self._world, label, self._rng)
            yield self._picture(scene, place, label, index)
            index += 1

    def _next(self) -> dict[str, list[int]]:
        """Place of the next frame, after controls and the script; the sampler moves on."""
        with self._changed:
            place = self._place()
            if self._cut_to is not None:
                channel, label = self._cut_to
                self._cut_to = None
                self._begin(place, channel, label or self._drawn(channel, place["pace"][0]))
                if label is not None and self._between is not None:
                    self._script = [UNKNOWN] * self._between + [self._ambiguous(channel)]
            elif place["age"][0] == 0 and self._between is not None:
                channel = place["channel"][0]
                if not self._script:
                    self._script = [
                        self._informative(channel),
                        *[UNKNOWN] * self._between,
                        self._ambiguous(channel),
                    ]
                self._begin(place, channel, self._script.pop(0), new=False)
            world = self._world
            self._on_air = OnAir(
                world.channels[place["channel"][0]].name,
                world.labels[place["label"][0]],
                self._between,
                self._script.count(UNKNOWN),
            )
            self._sampler.draw(1)
            return place

    def _place(self) -> dict[str, list[int]]:
        place: dict[str, list[int]] = self._sampler.state_dict()["place"]
        return place

    def _begin(self, place: dict[str, list[int]], channel: int, label: str, *, new: bool = True) -> None:
        """Begin a shot; `new` if the frame would have continued the last one."""
        place["channel"], place["label"] = [channel], [self._world.labels.index(label)]
        place["phase"], place["age"] = [0], [0]
        if new:
            place["shot"] = [place["shot"][0] + 1]
        state = self._sampler.state_dict()
        self._sampler.load_state_dict({**state, "place": place})

    def _drawn(self, channel: int, pace: int) -> str:
        """Label of a new shot on a channel that says nothing of the channel at once."""
        world = self._world
        shares = world.shares(world.channels[channel], world.paces[pace])
        plain = {label: share for label, share in shares.items() if label not in self.shows}
        return self._weighted(plain or shares)

    def _informative(self, channel: int) -> str:
        return self._weighted(self._world.channels[channel].informative)

    def _ambiguous(self, channel: int) -> str:
        filler = self._world.channels[channel].filler
        ambiguous = {
            label: w for label, w in filler.items() if label in self._world.ambiguous_labels and w > 0
        }
        return self._weighted(ambiguous or filler)

    def _weighted(self, weights: Mapping[str, float]) -> str:
        p = np.array(list(weights.values()), np.float64)
        return str(self._rng.choice(list(weights), p=p / p.sum()))

    def _picture(self, scene: "Scene", place: dict[str, list[int]], label: str, index: int) -> LivePicture:
        import av

        frame = av.VideoFrame.from_ndarray(scene.at(place["age"][0]), format="rgb24")
        seconds = index / self.fps
        channel = self._world.channels[place["channel"][0]].name
        return LivePicture(
            Picture(index, seconds, seconds + 1 / self.fps, frame), time.monotonic(), (label, channel)
        )
