"""New broadcasts of a world without end, assembled from labelled shots."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import InputError
from ...tv import Sampler, World
from .labelled_video import UNLABELLED, LabelledVideo
from .streams import Curriculum, StreamBatch, saved_generator, saved_numbers


class RemixedStreams:
    """New broadcasts of a world without end, assembled from labelled shots.

    A few thousand shots, each shown whole and then again from its start, give as many programmes as training needs,
    with gaps as long as the world's. A label is shown by any shot whose look, in the labels file, is the world's look
    for that label: where a single frame cannot tell wolf from dog, a memory must not learn the label from the shot
    itself. If no shot has that look, the label is shown by shots with that label.

    Args:
        footage: Labelled videos whose spans are shots.
        classes: Names of the classes, by their indices in the footage.
        world: World whose programmes are drawn. Each of its labels, or another one of the same look, occurs in the
            footage.
        streams: Number of streams, N.
        seed: Seed of the programmes and of the choice of shots.
        curriculum: Change of the share of informative shots over the training.
        deployment: Mean number of moments between two resets of a stream.

    Raises:
        InputError: A label of the world is none of the classes, or no shot can show it.
    """

    def __init__(
        self,
        footage: Sequence[LabelledVideo],
        classes: Sequence[str],
        world: World,
        streams: int,
        seed: int,
        curriculum: Curriculum | None = None,
        deployment: float = 20_000.0,
    ) -> None:
        missing = [label for label in world.labels if label not in classes]
        if missing:
            raise InputError(
                f"re-cutting: the world shows {missing[0]!r}, which is not one of {', '.join(classes)}"
            )
        self._world = world
        self._sampler = Sampler(world, streams, seed=seed)
        self._rng = np.random.default_rng([seed, 1])
        self._curriculum = curriculum or Curriculum()
        self._deployment = deployment
        self._events = np.concatenate([video.events for video in footage])
        self._class_of = np.array([classes.index(label) for label in world.labels])
        pools = [_pool(footage, world.look(label), classes.index(label), label) for label in world.labels]
        self._sizes = np.array(list(map(len, pools)))
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._shots = np.concatenate(pools)  # first frame and length of every shot, those of a label together
        self._shot = np.zeros((streams, 2), np.int64)  # first frame and length of the shot on each stream
        self._shown = np.full(streams, -1)  # the programme's number of that shot
        self._frame = 0  # how many were drawn of each stream

    def draw(self, length: int, progress: float) -> StreamBatch:
        """Next moments of all streams; see `Streams`."""
        self._sampler.world = denser(self._world, self._curriculum, progress)
        programme = self._sampler.draw(length)
        begins = programme.shot != np.concatenate([self._shown[None], programme.shot[:-1]])
        labels = programme.label[begins]
        drawn = self._shots[self._starts[labels] + self._rng.integers(self._sizes[labels])]
        shots, number = np.concatenate([self._shot, drawn]), np.arange(len(self._shot) + len(drawn))
        at = np.broadcast_to(number[: len(self._shot)], begins.shape).copy()
        at[begins] = number[len(self._shot) :]
        on_air = shots[np.maximum.accumulate(at)]  # later shots have higher numbers
        self._shot, self._shown = on_air[-1], programme.shot[-1]
        frames = on_air[..., 0] + programme.age % on_air[..., 1]
        resets = self._rng.random(programme.label.shape) < 1 / self._deployment
        times = torch.arange(self._frame, self._frame + length, dtype=torch.float64) / self._world.fps
        self._frame += length
        return StreamBatch(
            torch.from_numpy(self._events[frames]),
            torch.from_numpy(self._class_of[programme.label]),
            torch.from_numpy(resets),
            times[:, None].expand(resets.shape),
        )

    def state_dict(self) -> dict[str, Any]:
        """State of the streams, for JSON."""
        return {
            "sampler": self._sampler.state_dict(),
            "rng": self._rng.bit_generator.state,
            "shot": self._shot.tolist(),
            "shown": self._shown.tolist(),
            "frame": self._frame,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; see `Streams`."""
        rng, streams = saved_generator(state), len(self._shown)
        shot = saved_numbers(state, "shot", (streams, 2), 0, len(self._events) + 1)
        if (shot.sum(1) > len(self._events)).any():
            raise InputError("streams: 'shot' is of other footage")
        shown = saved_numbers(state, "shown", (streams,), -1, np.iinfo(np.int64).max)
        frame = saved_numbers(state, "frame", (), 0, np.iinfo(np.int64).max)
        self._sampler.load_state_dict(state.get("sampler", {}))
        self._rng, self._shot, self._shown, self._frame = rng, shot, shown, int(frame)


def denser(world: World, curriculum: Curriculum, progress: float) -> World:
    """World with more informative shots in every pace.

    Args:
        world: The world.
        curriculum: Change of the share of informative shots over the training.
        progress: Progress of the training, from 0 to 1.

    Returns:
        The world at that progress.
    """
    paces = tuple(
        replace(
            pace,
            informative_rate=curriculum.between(
                max(curriculum.dense, pace.informative_rate), pace.informative_rate, progress
            ),
        )
        for pace in world.paces
    )
    return replace(world, paces=paces)


def _pool(footage: Sequence[LabelledVideo], look: str, wanted: int, label: str) -> NDArray[np.int64]:
    """Shots that can show a label: first frame in the concatenated videos, and length [shots, 2]."""
    alike: list[tuple[int, int]] = []
    labelled: list[tuple[int, int]] = []
    offset = 0
    for video in footage:
        starts = np.flatnonzero(np.diff(video.spans, prepend=video.spans[:1] - 1))
        for start, stop in zip(starts, [*starts[1:], len(video)], strict=True):
            shot = (offset + int(start), int(stop - start))
            if video.labels[start] == UNLABELLED:
                continue
            if video.looks[video.spans[start]] == look:
                alike.append(shot)
            if video.labels[start] == wanted:
                labelled.append(shot)
        offset += len(video)
    if not alike and not labelled:
        raise InputError(f"re-cutting: no labelled shot shows {label!r}, which the world has; label some")
    return np.array(alike or labelled, np.int64)
