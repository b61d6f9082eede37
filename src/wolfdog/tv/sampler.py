"""Programmes of a world, drawn in chunks without end."""

from typing import Any

import numpy as np

from wolfdog.errors import InputError, WorldError
from wolfdog.tv.chain import Chain, Floats, Ints, Parts
from wolfdog.tv.chance import pick
from wolfdog.tv.programme import Programme
from wolfdog.tv.world import World

SHOWN = ("channel", "pace", "label", "shot", "age")
STATE = (*SHOWN, "phase", "gap")
"""Arrays [N] that make up a sampler's place in its streams."""


class Sampler:
    """Source of the programmes of N streams, in chunks: draw(a) and then draw(b) give what draw(a + b) gives.

    Each stream begins in the stationary distribution of the chain, as if the broadcast had run for a long time.

    Args:
        world: May be replaced between draws by a world with the same channels and labels.
        streams: Number of independent viewers, N.
        seed: Seed of the programmes.

    Raises:
        InputError: `streams` is less than 1, or `seed` is negative.

    Examples:
        >>> from wolfdog.tv.world import default_world
        >>> sampler = Sampler(default_world(), streams=3, seed=1)
        >>> sampler.draw(64).label.shape
        (64, 3)
    """

    def __init__(self, world: World, streams: int = 1, *, seed: int = 0) -> None:
        if streams < 1:
            raise InputError(f"streams: expected 1 or more, got {streams}.")
        if seed < 0:
            raise InputError(f"seed: expected a number from 0 up, got {seed}.")
        self._world = world
        self._parts = Parts.of(world)
        self._rng = np.random.default_rng(seed)
        chain = Chain.of(world)
        state = pick(np.cumsum(chain.initial)[None], self._rng.random(streams))
        self._place: dict[str, Ints] = {
            "channel": chain.channel[state],
            "pace": chain.pace[state],
            "label": chain.label[state],
            "phase": chain.phase[state],
            "shot": np.zeros(streams, dtype=np.int64),
            "age": np.zeros(streams, dtype=np.int64),
            "gap": np.full(streams, -1, dtype=np.int64),
        }

    @property
    def world(self) -> World:
        """World that the next draw is from."""
        return self._world

    @world.setter
    def world(self, world: World) -> None:
        for what, now, new in (
            ("labels", self._world.labels, world.labels),
            ("channels", _names(self._world), _names(world)),
        ):
            if now != new:
                raise WorldError(
                    f"a sampler's world: expected the same {what} ({', '.join(now)}), got {', '.join(new)}. "
                    "Begin a new Sampler for another world."
                )
        self._world = world
        self._parts = Parts.of(world)
        # a world with fewer paces or phases: go on in its last one
        self._place["pace"] = np.minimum(self._place["pace"], len(world.paces) - 1)
        self._place["phase"] = np.minimum(self._place["phase"], world.shot.phases - 1)

    def draw(self, frames: int) -> Programme:
        """Next frames of all streams.

        Args:
            frames: Number of frames.

        Returns:
            Their programme.

        Raises:
            InputError: `frames` is negative.
        """
        if frames < 0:
            raise InputError(f"frames: expected 0 or more, got {frames}.")
        streams = len(self._place["shot"])
        shown = {name: np.empty((frames, streams), dtype=np.int64) for name in SHOWN}
        for t in range(frames):
            for name, of_frame in shown.items():
                of_frame[t] = self._place[name]
            self._advance(self._rng.random((5, streams)))
        programme = Programme(
            self._world,
            channel=shown["channel"],
            pace=shown["pace"],
            label=shown["label"],
            shot=shown["shot"],
            age=shown["age"],
            gap_before=self._place["gap"],
        )
        if frames:
            self._place["gap"] = programme.gap[-1].copy()
        return programme

    def _advance(self, chance: Floats) -> None:
        """Move to the next frame, by `chance` [5, N]: change of the channel, next channel, phase, pace, label."""
        parts, now = self._parts, self._place
        channel = now["channel"]
        zap = chance[0] < parts.zap[channel]
        ends = chance[2] < parts.cut
        phase = now["phase"] + ends
        cut = zap | (phase == parts.phases)
        now["phase"] = np.where(cut, 0, phase)
        now["shot"] = now["shot"] + cut
        now["age"] = np.where(cut, 0, now["age"] + 1)
        if not cut.any():
            return
        if zap.any():
            channel = np.where(zap, pick(np.cumsum(parts.to, -1)[channel], chance[1]), channel)
        pace = np.where(cut, pick(np.cumsum(parts.pace, -1)[now["pace"]], chance[3]), now["pace"])
        label = pick(np.cumsum(parts.label, -1)[channel, pace], chance[4])
        now["channel"], now["pace"] = channel, pace
        now["label"] = np.where(cut, label, now["label"])

    def state_dict(self) -> dict[str, Any]:
        """State of the sampler as numbers and lists, for JSON; the world is not part of it."""
        return {
            "place": {name: values.tolist() for name, values in self._place.items()},
            "rng": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of another sampler of the same world and number of streams.

        Args:
            state: Result of `state_dict`.

        Raises:
            InputError: The state is of another number of streams, or not a sampler's.
        """
        streams = len(self._place["shot"])
        try:
            place = {name: np.array(state["place"][name], dtype=np.int64) for name in STATE}
            wrong = [name for name, values in place.items() if values.shape != (streams,)]
            if wrong:
                raise InputError(
                    f"a sampler's state: expected {streams} streams, got another number ({wrong[0]})."
                )
            limits = {
                "channel": len(self._world.channels),
                "pace": len(self._world.paces),
                "label": len(self._world.labels),
                "phase": self._world.shot.phases,
            }
            for name, limit in limits.items():
                if place[name].min() < 0 or place[name].max() >= limit:
                    raise InputError(
                        f"a sampler's state: {name} outside 0 to {limit - 1}: it is of another world."
                    )
            rng = np.random.default_rng()
            rng.bit_generator.state = state["rng"]
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"not a sampler's state: {error!r}. Use what state_dict() gave.") from error
        self._place, self._rng = place, rng


def _names(world: World) -> tuple[str, ...]:
    return tuple(channel.name for channel in world.channels)
