"""Eviction policies of a memory bank: the slot that a new observation gets, or none."""

import math
import random
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from ...errors import InputError


class Contents(Protocol):
    """Interface of a bank's contents, as policies read them."""

    capacity: int
    seen: int
    kept: int
    usage: Tensor

    def __len__(self) -> int: ...

    @property
    def latest(self) -> float | None: ...

    def cosine_similarity(self, entry: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Recent:
    """Policy of the latest observations: each one is stored and overwrites the oldest."""

    def slot(self, bank: Contents, entry: Tensor, time: float) -> int | None:
        """Slot of an observation.

        Args:
            bank: Contents of the bank.
            entry: The observation.
            time: Its time in seconds.

        Returns:
            The slot; None if the observation is not stored.
        """
        return bank.kept % bank.capacity


@dataclass(frozen=True)
class Strided:
    """Policy of a minimum time between stored observations; when the bank is full, the oldest is overwritten.

    An observation is stored if its time differs from that of the last stored one by at least `seconds`, forwards or
    (after a clock was set back) backwards.

    Args:
        seconds: Minimum difference of times.

    Raises:
        InputError: It is not a positive number.
    """

    seconds: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise InputError(f"Strided: seconds must be a positive number; got {self.seconds!r}")

    def slot(self, bank: Contents, entry: Tensor, time: float) -> int | None:
        """Slot of an observation.

        Args:
            bank: Contents of the bank.
            entry: The observation.
            time: Its time in seconds.

        Returns:
            The slot; None if the observation is not stored.
        """
        if bank.latest is not None and abs(time - bank.latest) < self.seconds:
            return None
        return bank.kept % bank.capacity


@dataclass(frozen=True)
class Reservoir:
    """Policy of a uniform sample of all observations (reservoir sampling).

    When the bank is full, the n-th observation is stored with probability capacity / n and overwrites a random one. The
    random numbers depend on `seed` and n only.

    Source: Vitter 1985, "Random sampling with a reservoir", algorithm R.

    Args:
        seed: Seed of the random numbers.
    """

    seed: int = 0

    def slot(self, bank: Contents, entry: Tensor, time: float) -> int | None:
        """Slot of an observation.

        Args:
            bank: Contents of the bank.
            entry: The observation.
            time: Its time in seconds.

        Returns:
            The slot; None if the observation is not stored.
        """
        if len(bank) < bank.capacity:
            return len(bank)
        slot = random.Random(f"{self.seed} {bank.seen}").randrange(bank.seen + 1)
        return slot if slot < bank.capacity else None


@dataclass(frozen=True)
class Novel:
    """Policy of dissimilar observations; when the bank is full, the oldest is overwritten.

        stored if   1 - max_i cos(x, m_i) > threshold

    Args:
        threshold: Minimum cosine distance to all stored entries.

    Raises:
        InputError: Not 0 <= threshold < 2.
    """

    threshold: float

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 2:
            raise InputError(
                f"Novel: threshold must be a distance, 1 - cosine, from 0 up to less than 2; got {self.threshold!r}"
            )

    def slot(self, bank: Contents, entry: Tensor, time: float) -> int | None:
        """Slot of an observation.

        Args:
            bank: Contents of the bank.
            entry: The observation.
            time: Its time in seconds.

        Returns:
            The slot; None if the observation is not stored.
        """
        if len(bank) and 1 - bank.cosine_similarity(entry).max().item() <= self.threshold:
            return None
        return bank.kept % bank.capacity


@dataclass(frozen=True)
class LeastUsed:
    """Policy that overwrites the entry with the least use by readers.

        usage_i <- usage_i + weights_i          at every read, for each query and head
        usage_i <- decay usage_i                at every write; the new entry starts with usage 1

    The reader thus learns what is kept. The usage of entries that are not read decays with time.

    Source: least recently used access of Santoro et al. 2016, "Meta-learning with memory-augmented neural networks",
    without its overwriting of the slot just read.

    Args:
        decay: Factor of the usage at each write.

    Raises:
        InputError: Not 0 < decay < 1.
    """

    decay: float = 0.99

    def __post_init__(self) -> None:
        if not 0 < self.decay < 1:
            raise InputError(f"LeastUsed: decay must lie between 0 and 1; got {self.decay!r}")

    def slot(self, bank: Contents, entry: Tensor, time: float) -> int | None:
        """Slot of an observation; every one is stored.

        Args:
            bank: Contents of the bank.
            entry: The observation.
            time: Its time in seconds.

        Returns:
            The slot.
        """
        bank.usage.mul_(self.decay)
        slot = len(bank) if len(bank) < bank.capacity else int(torch.argmin(bank.usage))
        bank.usage[slot] = 1
        return slot


Eviction: TypeAlias = Recent | Strided | Reservoir | Novel | LeastUsed

POLICIES: dict[str, type[Eviction]] = {
    policy.__name__: policy for policy in (Recent, Strided, Reservoir, Novel, LeastUsed)
}
"""Policies by their names in files."""
