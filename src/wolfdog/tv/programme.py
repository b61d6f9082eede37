"""Programme: the hidden channel, pace and label of every frame."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wolfdog.tv.chain import Ints
from wolfdog.tv.world import World


@dataclass(frozen=True)
class Shot:
    """One shot of a stream.

    Args:
        start: Its first frame.
        stop: The frame after its last one.
        channel: Name of the channel.
        label: Its label.
    """

    start: int
    stop: int
    channel: str
    label: str


@dataclass(frozen=True, eq=False)
class Programme:
    """Programme of T frames of N streams, as indices into its world.

    Args:
        world: World that the programme was drawn from.
        channel: Indices into world.channels [T, N].
        pace: Indices into world.paces [T, N].
        label: Indices into world.labels [T, N].
        shot: Number of the shot in its stream [T, N], counted from the stream's beginning.
        age: Frames since the first frame of the shot [T, N].
        gap_before: Gap (see `gap`) at the frame just before the first one [N]; -1 if no informative frame was shown
            yet.
        first_stream: Number of the first of the N streams.

    Examples:
        >>> from wolfdog.tv import Sampler, default_world
        >>> programme = Sampler(default_world(), streams=2, seed=0).draw(100)
        >>> programme.label.shape, programme.gap.shape
        ((100, 2), (100, 2))
    """

    world: World
    channel: Ints
    pace: Ints
    label: Ints
    shot: Ints
    age: Ints
    gap_before: Ints
    first_stream: int = field(default=0, kw_only=True)

    @property
    def frames(self) -> int:
        """Number of frames, T."""
        return len(self.label)

    @property
    def streams(self) -> int:
        """Number of streams, N."""
        return len(self.gap_before)

    @cached_property
    def look(self) -> Ints:
        """Indices into world.look_names [T, N]."""
        looks = self.world.look_names
        return np.array([looks.index(self.world.look(label)) for label in self.world.labels])[self.label]

    @cached_property
    def ambiguous(self) -> NDArray[np.bool_]:
        """Whether the look of a frame is shared by several labels [T, N]."""
        return self._is_one_of(self.world.ambiguous_labels)

    @cached_property
    def informative(self) -> NDArray[np.bool_]:
        """Whether a frame gives information about the channel [T, N]."""
        return self._is_one_of(self.world.informative_labels)

    @cached_property
    def gap(self) -> Ints:
        """Frames since the last informative frame [T, N]: 0 on an informative frame, -1 before the first."""
        frame = np.arange(self.frames)[:, None]
        # the frame number of the last informative frame; before the first frame it lies at -1 - gap_before
        never = np.iinfo(np.int64).min
        before = np.where(self.gap_before < 0, never, -1 - self.gap_before)
        last = np.maximum.accumulate(np.where(self.informative, frame, before), axis=0)
        return np.where(last == never, -1, frame - last)

    def _is_one_of(self, labels: tuple[str, ...]) -> NDArray[np.bool_]:
        return np.array([label in labels for label in self.world.labels])[self.label]

    def shots(self, stream: int = 0) -> list[Shot]:
        """Shots of a stream, in order; the first and last are cut at the ends of the programme.

        Args:
            stream: Position of the stream.

        Returns:
            The shots.
        """
        if self.frames == 0:
            return []
        starts = np.flatnonzero(np.diff(self.shot[:, stream], prepend=self.shot[0, stream] - 1))
        stops = np.append(starts[1:], self.frames)
        return [
            Shot(
                int(start),
                int(stop),
                self.world.channels[self.channel[start, stream]].name,
                self.world.labels[self.label[start, stream]],
            )
            for start, stop in zip(starts, stops, strict=True)
        ]

    def alone(self, stream: int) -> "Programme":
        """Programme of one stream, [T, 1], which keeps its number.

        Args:
            stream: Position of the stream.

        Returns:
            The programme.
        """
        one = slice(stream, stream + 1)
        return Programme(
            self.world,
            channel=self.channel[:, one],
            pace=self.pace[:, one],
            label=self.label[:, one],
            shot=self.shot[:, one],
            age=self.age[:, one],
            gap_before=self.gap_before[one],
            first_stream=self.first_stream + stream,
        )
