"""Programmes of a world, drawn in chunks without end."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        self._use(world)
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
        self._use(world)
        # a world with fewer paces or phases: go on in its last one
        self._place["pace"] = np.minimum(self._place["pace"], len(world.paces) - 1)
        self._place["phase"] = np.minimum(self._place["phase"], world.shot.phases - 1)

    def _use(self, world: World) -> None:
        self._world, self._parts = world, Parts.of(world)
        self._cumulative = tuple(
            np.cumsum(part, -1) for part in (self._parts.to, self._parts.pace, self._parts.label)
        )

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
        chance = self._rng.random((frames, 5, len(self._place["shot"])))
        channel, pace, cut = self._walk(chance)
        number, label = np.arange(frames + 1)[:, None], self._labels(channel, pace, cut, chance[:, 4])
        begun = np.concatenate([-self._place["age"][None], np.where(cut, number[1:], -self._place["age"])])
        age = number - np.maximum.accumulate(begun)
        shot = self._place["shot"] + np.pad(cut, ((1, 0), (0, 0))).cumsum(0)
        shown = {"channel": channel, "pace": pace, "label": label, "shot": shot, "age": age}
        programme = Programme(
            self._world, gap_before=self._place["gap"], **{name: shown[name][:-1] for name in SHOWN}
        )
        self._place |= {name: shown[name][-1].copy() for name in SHOWN}
        if frames:
            self._place["gap"] = programme.gap[-1].copy()
        return programme

    def _walk(self, chance: Floats) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """Channel and pace of the next frames and the one after [frames + 1, N], and where shots end [frames, N].

        The rows of `chance` [frames, 5, N] are for: change of the channel, next channel, phase, pace, label.
        """
        parts, (to, paces, _) = self._parts, self._cumulative
        channel, pace, phase = (self._place[name] for name in ("channel", "pace", "phase"))
        channels, all_paces, cuts = [channel], [pace], []
        for of_frame, ends in zip(chance, chance[:, 2] < parts.cut, strict=True):
            zap = of_frame[0] < parts.zap[channel]
            phase = phase + ends
            cut = zap | (phase == parts.phases)
            phase = np.where(cut, 0, phase)
            if zap.any():
                channel = np.where(zap, pick(to[channel], of_frame[1]), channel)
            if cut.any():
                pace = np.where(cut, pick(paces[pace], of_frame[3]), pace)
            channels.append(channel)
            all_paces.append(pace)
            cuts.append(cut)
        self._place["phase"] = phase
        return np.stack(channels), np.stack(all_paces), np.array(cuts, np.bool_).reshape(chance[:, 0].shape)

    def _labels(self, channel: Ints, pace: Ints, cut: NDArray[np.bool_], chance: Floats) -> Ints:
        """Labels [frames + 1, N]: a new one after each cut."""
        drawn = pick(self._cumulative[2][channel[1:][cut], pace[1:][cut]], chance[cut])
        labels = np.concatenate([self._place["label"], drawn])
        streams = cut.shape[1]
        at = np.broadcast_to(np.arange(streams), channel.shape).copy()
        at[1:][cut] = streams + np.arange(len(drawn))
        return labels[np.maximum.accumulate(at)]

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
