"""Settings of the suite's training and test."""

from dataclasses import dataclass, field

from ...errors import InputError
from ...tv.events import EventWorld
from ..data.streams import Curriculum
from ..training.trainer import OptimizerSettings


@dataclass(frozen=True)
class SuiteSettings:
    """Training and test of each memory in each world.

    Args:
        plan: Steps and learning rate.
        streams: Streams side by side in training.
        chunk: Events in a step.
        hidden: Units of a memory.
        curriculum: Change of the informative rates over the training.
        test_streams: Streams of the test.
        test_events: Events in each; more in worlds whose gaps are longer.
        longest_test: Events in each test stream at most.

    Raises:
        InputError: A number is below 1.
    """

    plan: OptimizerSettings = field(default_factory=lambda: OptimizerSettings(steps=1600, learning_rate=5e-3))
    streams: int = 64
    chunk: int = 64
    hidden: int = 32
    curriculum: Curriculum = field(default_factory=Curriculum)
    test_streams: int = 16
    test_events: int = 4096
    longest_test: int = 100_000

    def __post_init__(self) -> None:
        for name in ("streams", "chunk", "hidden", "test_streams", "test_events", "longest_test"):
            if getattr(self, name) < 1:
                raise InputError(f"suite: {name} must be 1 or more; got {getattr(self, name)!r}")

    def events(self, world: EventWorld) -> int:
        """Events in each test stream of a world: ten times the mean gap of its quietest pace, within the bounds."""
        return min(max(round(10 * _longest_gap(world)), self.test_events), self.longest_test)

    def time_span(self, world: EventWorld) -> float:
        """Longest time span of the initial forget gates: the mean gap of the quietest pace, 1,000 or more."""
        return max(1000.0, _longest_gap(world))


def _longest_gap(world: EventWorld) -> float:
    """Mean number of events between two cues of a fact in the quietest pace that has any."""
    rates = [pace.informative_rate for pace in world.paces if pace.informative_rate > 0]
    return len(world.facts) / min(rates, default=1.0)
