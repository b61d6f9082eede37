"""World of simulated television: its channels, their objects and frequencies, as data to change and to save.

A viewer watches one channel at a time and changes it now and then. A channel shows shots of several frames, each of one
object. Some objects are *informative*: only this channel shows them. The others fill the time in between. The share of
informative shots is the *pace*. It changes from time to time and is the same on every channel, so that it gives no
information about the channel.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from wolfdog.errors import WorldError
from wolfdog.tv.checks import check_names, check_number, short
from wolfdog.tv.schedule import Channel, Pace, ShotLength

MOST_CHANNELS, MOST_PACES, MOST_LABELS = 32, 8, 64
UNKNOWN = "unknown"


@dataclass(frozen=True)
class World:
    """World of simulated television: channels, paces, the length of shots, and the look of each label.

    Args:
        name: Name of the world.
        channels: Channels, one or more; with two or more, the current channel is hidden from the viewer's frames.
        paces: Paces, one or more.
        fps: Frames per second.
        shot: Length of shots.
        looks: Label -> look; the look of a label that is missing here is its own name. A single frame cannot
            distinguish labels with one look.

    Raises:
        WorldError: The parts contradict each other.

    Examples:
        >>> world = default_world()
        >>> world.labels
        ('wolf', 'dog', 'bear', 'goldfish', 'unknown')
        >>> world.ambiguous_labels, world.informative_labels
        (('wolf', 'dog'), ('bear', 'goldfish'))
    """

    name: str
    channels: tuple[Channel, ...]
    paces: tuple[Pace, ...]
    fps: float = field(default=5.0, kw_only=True)
    shot: ShotLength = field(default_factory=ShotLength, kw_only=True)
    looks: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        check_names(self.name, where="the world's name")
        object.__setattr__(self, "fps", check_number(self.fps, "fps", 0.1, 240))
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "paces", tuple(self.paces))
        for what, things, most in (
            ("channels", self.channels, MOST_CHANNELS),
            ("paces", self.paces, MOST_PACES),
        ):
            if not 1 <= len(things) <= most:
                raise WorldError(f"{what}: expected 1 to {most}, got {len(things)}. Add or remove some.")
            check_names(*(thing.name for thing in things), where=what)
        for pace in self.paces:
            if len(self.paces) > 1 and pace.mean_stay < self.shot.mean:
                raise WorldError(
                    f"pace {pace.name!r}: mean_stay: expected at least the mean length of a shot "
                    f"({self.shot.mean:g} "
                    f"frames), got {pace.mean_stay:g}. A pace lasts for whole shots: make it longer."
                )
        if len(self.channels) > 1 and sum(channel.weight > 0 for channel in self.channels) < 2:
            raise WorldError("channels: at most one has a weight above 0. Give two or more of them a weight.")
        if not isinstance(self.looks, Mapping):
            raise WorldError(f"looks: expected label -> look, got {short(self.looks)}.")
        object.__setattr__(self, "looks", dict(self.looks))
        labels = self.labels
        if len(labels) > MOST_LABELS:
            raise WorldError(f"expected at most {MOST_LABELS} labels, got {len(labels)}. Leave some out.")
        for label, look in self.looks.items():
            check_names(look, where=f"looks: {label}")
            if label not in labels:
                raise WorldError(
                    f"looks: {label!r} is on no channel (labels: {', '.join(labels)}). Correct or remove it."
                )

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """All labels: ambiguous ones first, the others in the order of the channels, `unknown` last."""
        mentioned: dict[str, None] = {}
        for channel in self.channels:
            mentioned |= dict.fromkeys((*channel.informative, *channel.filler))
        ambiguous = self._ambiguous(tuple(mentioned))
        return tuple(sorted(mentioned, key=lambda label: (label == UNKNOWN, label not in ambiguous)))

    @property
    def look_names(self) -> tuple[str, ...]:
        """All looks, in the order of the labels."""
        return tuple(dict.fromkeys(self.look(label) for label in self.labels))

    @property
    def ambiguous_labels(self) -> tuple[str, ...]:
        """Labels that share their look with another label."""
        return self._ambiguous(self.labels)

    def _ambiguous(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        looks = [self.look(label) for label in labels]
        return tuple(label for label, look in zip(labels, looks, strict=True) if looks.count(look) > 1)

    @property
    def informative_labels(self) -> tuple[str, ...]:
        """Labels whose look is not equally likely on all channels."""

        def differs(look: str) -> bool:
            for pace in self.paces:
                shares = [self._share_of_look(channel, pace, look) for channel in self.channels]
                if max(shares) - min(shares) > 1e-9:
                    return True
            return False

        return tuple(label for label in self.labels if differs(self.look(label)))

    def _share_of_look(self, channel: Channel, pace: Pace, look: str) -> float:
        return sum(share for label, share in self.shares(channel, pace).items() if self.look(label) == look)

    def look(self, label: str) -> str:
        """Look of a label."""
        return self.looks.get(label, label)

    def shares(self, channel: Channel, pace: Pace) -> dict[str, float]:
        """Probability of each label of a new shot.

        Args:
            channel: Channel of the shot.
            pace: Pace of the shot.

        Returns:
            Probabilities by label, which sum to 1.

        Examples:
            >>> world = default_world()
            >>> shares = world.shares(world.channels[0], Pace("half", informative_rate=0.5))
            >>> {label: round(share, 3) for label, share in shares.items()}
            {'bear': 0.5, 'wolf': 0.15, 'unknown': 0.35}
        """
        shares = dict.fromkeys((*channel.informative, *channel.filler), 0.0)
        for weights, part in (
            (channel.informative, pace.informative_rate),
            (channel.filler, 1 - pace.informative_rate),
        ):
            total = sum(weights.values())
            for label, weight in weights.items():
                shares[label] += part * weight / total
        return shares

    def with_(
        self,
        *,
        fps: float | None = None,
        switch_every: float | None = None,
        informative_rate: float | None = None,
        shot_length: float | None = None,
    ) -> "World":
        """World with some of its numbers changed.

        Args:
            fps: Frames per second. Lengths in frames are not changed.
            switch_every: Mean number of frames that a viewer stays on any channel.
            informative_rate: Share of informative shots; a single pace replaces all.
            shot_length: Mean number of frames of a shot.

        Returns:
            The new world.

        Raises:
            WorldError: A number is invalid.

        Examples:
            >>> [pace.informative_rate for pace in default_world().with_(informative_rate=0.5).paces]
            [0.5]
        """
        world = self
        if fps is not None:
            world = dataclasses.replace(world, fps=fps)
        if switch_every is not None:
            channels = tuple(
                dataclasses.replace(channel, mean_stay=switch_every) for channel in world.channels
            )
            world = dataclasses.replace(world, channels=channels)
        if informative_rate is not None:
            world = dataclasses.replace(
                world, paces=(Pace("steady", informative_rate, mean_stay=max(1000.0, world.shot.mean)),)
            )
        if shot_length is not None:
            world = dataclasses.replace(world, shot=ShotLength(shot_length, world.shot.phases))
        return world


def default_world() -> World:
    """World of the model problem: wolves and dogs with one look.

    Wolves and bears are on the Nature Channel, dogs and goldfish in The Dog Office. A bear or a goldfish reveals the
    channel; the gaps between them are a few frames to about a thousand.

    Examples:
        >>> [channel.name for channel in default_world().channels]
        ['Nature Channel', 'The Dog Office']
    """
    return World(
        name="wolves and dogs",
        fps=5.0,
        channels=(
            Channel("Nature Channel", 6000, informative={"bear": 1.0}, filler={"wolf": 0.3, "unknown": 0.7}),
            Channel(
                "The Dog Office", 6000, informative={"goldfish": 1.0}, filler={"dog": 0.3, "unknown": 0.7}
            ),
        ),
        paces=(
            Pace("lively", informative_rate=0.5, mean_stay=600),
            Pace("calm", informative_rate=0.1, mean_stay=600),
            Pace("quiet", informative_rate=0.015, mean_stay=1200),
        ),
        shot=ShotLength(mean=8.0, phases=3),
        looks={"wolf": "canine", "dog": "canine"},
    )
