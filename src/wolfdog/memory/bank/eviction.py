"""What a memory bank keeps of an endless stream: each rule says where an observation goes, or that it goes nowhere."""

import math
import random
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from ...errors import InputError


class Held(Protocol):
    """What a rule may look at: n entries, in a bank of a capacity."""

    capacity: int
    seen: int
    kept: int
    usage: Tensor

    def __len__(self) -> int: ...

    @property
    def latest(self) -> float | None: ...

    def likeness(self, entry: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Recent:
    """Everything is kept, until newer observations need the place."""

    def place(self, bank: Held, entry: Tensor, time: float) -> int | None:
        """The slot of an observation; None where it is not kept."""
        return bank.kept % bank.capacity


@dataclass(frozen=True)
class Strided:
    """One observation in so many seconds is kept, until newer ones need the place.

    An observation is kept where its time is `seconds` or more away from that of the last one kept: forwards, or
    backwards where a clock was set.

    Raises InputError unless seconds is a positive number.
    """

    seconds: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise InputError(f"Strided: seconds must be a positive number; got {self.seconds!r}")

    def place(self, bank: Held, entry: Tensor, time: float) -> int | None:
        """As Recent's."""
        if bank.latest is not None and abs(time - bank.latest) < self.seconds:
            return None
        return bank.kept % bank.capacity


@dataclass(frozen=True)
class Reservoir:
    """A sample of all that was ever seen, in which every observation is with the same probability.

    When the bank is full, the n-th observation is kept with probability capacity / n, in the place of any other. What
    is drawn depends on seed and n alone.

    Source: Vitter 1985, "Random sampling with a reservoir", algorithm R.
    """

    seed: int = 0

    def place(self, bank: Held, entry: Tensor, time: float) -> int | None:
        """As Recent's."""
        if len(bank) < bank.capacity:
            return len(bank)
        drawn = random.Random(f"{self.seed} {bank.seen}").randrange(bank.seen + 1)
        return drawn if drawn < bank.capacity else None


@dataclass(frozen=True)
class Novel:
    """What is unlike everything that is held is kept, until newer ones need the place.

        1 - max_i cos(x, m_i) > threshold

    Raises InputError unless 0 <= threshold < 2.
    """

    threshold: float

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 2:
            raise InputError(
                f"Novel: threshold must be a distance, 1 - cosine, from 0 up to less than 2; got {self.threshold!r}"
            )

    def place(self, bank: Held, entry: Tensor, time: float) -> int | None:
        """As Recent's."""
        if len(bank) and 1 - bank.likeness(entry).max().item() <= self.threshold:
            return None
        return bank.kept % bank.capacity


@dataclass(frozen=True)
class LeastUsed:
    """Everything is kept, until newer observations need the place: then that goes which was read the least.

        usage_i <- usage_i + weights_i          when the bank is read, for each query and head
        usage_i <- decay usage_i                when something is written, and usage = 1 for the new entry

    What is used is learned by whatever reads the bank. An entry that nobody reads becomes less used with its age.

    Source: the least recently used access of Santoro et al. 2016, "Meta-learning with memory-augmented neural
    networks", without its share of writing over what was just read.
    Raises InputError unless 0 < decay < 1.
    """

    decay: float = 0.99

    def __post_init__(self) -> None:
        if not 0 < self.decay < 1:
            raise InputError(f"LeastUsed: decay must lie between 0 and 1; got {self.decay!r}")

    def place(self, bank: Held, entry: Tensor, time: float) -> int | None:
        """As Recent's."""
        bank.usage.mul_(self.decay)
        slot = len(bank) if len(bank) < bank.capacity else int(torch.argmin(bank.usage))
        bank.usage[slot] = 1
        return slot


Keep: TypeAlias = Recent | Strided | Reservoir | Novel | LeastUsed

BY_NAME: dict[str, type[Keep]] = {
    rule.__name__: rule for rule in (Recent, Strided, Reservoir, Novel, LeastUsed)
}
"""The rules by the names that files have for them."""
