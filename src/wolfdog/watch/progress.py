"""Progress reports of long work."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Done = Callable[[float, str], None]
"""Called with how much of a stage is done, and a short note (a loss, a speed)."""


class Stages(Protocol):
    """Told of each stage of some long work, and within it how far it is."""

    def __call__(self, title: str, total: float) -> AbstractContextManager[Done]:
        """A stage with so much to do; lasts as long as the block."""


@contextmanager
def silent(title: str, total: float) -> Iterator[Done]:
    """Stages that nobody watches.

    >>> with silent("painting", 100) as done:
    ...     done(50, "")
    """
    yield lambda amount, note: None
