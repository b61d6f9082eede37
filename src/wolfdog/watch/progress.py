"""Progress reports of long work."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Done = Callable[[float, str], None]
"""Called with how much of a stage is done, and a short note (a loss, a speed)."""


class Stages(Protocol):
    """Display of the stages of a long computation."""

    def __call__(self, title: str, total: float) -> AbstractContextManager[Done]:
        """Context of one stage.

        Args:
            title: Name of the stage.
            total: Amount of work of the stage.

        Returns:
            Context manager that gives a function to report progress.
        """


@contextmanager
def silent(title: str, total: float) -> Iterator[Done]:
    """Stages without a display.

    Args:
        title: Name of the stage.
        total: Amount of work of the stage.

    Yields:
        Function to report progress, which does nothing.

    Examples:
        >>> with silent("painting", 100) as done:
        ...     done(50, "")
    """
    yield lambda amount, note: None
