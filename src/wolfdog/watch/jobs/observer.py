"""Observer of a job, and the totals that it ends with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .earlier_files import LeftOut
from .plan import Deployment


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of a job.

    Args:
        media: Files.
        images: Images among them.
        whole: Files without trouble.
        moments: Labelled moments.
        seconds: Seconds of labelled video.
        earlier: Files that an earlier run had labelled.
        waiting: Files that are still to be labelled.
        left_out: Files of an earlier run that the tables hold no more.
    """

    media: int
    images: int
    whole: int
    moments: int
    seconds: float
    earlier: int
    waiting: int
    left_out: int


class Watch(Protocol):
    """Observer of a job."""

    def begin(self, todo: Sequence[Deployment], done: int, leaving: LeftOut) -> None:
        """The plan is made.

        Args:
            todo: Deployments to label.
            done: Files that an earlier run had labelled.
            leaving: Files of an earlier run that will be in the tables no more.
        """

    def running(self, medium: str, part: float, deployment: Deployment) -> None:
        """A file is being labelled.

        Args:
            medium: Its name.
            part: Part of it that is done, 0 to 1.
            deployment: Its deployment.
        """

    def labelled(self, deployment: Deployment, seconds: float, troubles: Sequence[tuple[str, str]]) -> None:
        """A deployment is labelled.

        Args:
            deployment: The deployment.
            seconds: Seconds that it took.
            troubles: Name and reason of each file that could not be read to its end.
        """
