"""Thinning of moments for a timeline, in bounded memory."""

from dataclasses import replace

from ..moments import Moment

KEPT = 20_000
"""Largest number of moments that a timeline is drawn from: more than it has dots."""


class ThinnedMoments:
    """At most `KEPT` moments of one video; those with a new label are kept before others, which are thinned evenly.

    The duration of a moment that is left out is added to the one before it.
    """

    def __init__(self) -> None:
        self._kept: list[Moment] = []
        self._every = 1
        self._since = 0

    def add(self, moment: Moment) -> None:
        """Take the next moment."""
        last = self._kept[-1] if self._kept else None
        changed = last is None or _labels(last) != _labels(moment)
        self._since += 1
        if last is not None and not changed and self._since < self._every:
            self._kept[-1] = replace(last, duration=moment.time + moment.duration - last.time)
            return
        self._since = 0
        self._kept.append(moment)
        if len(self._kept) > KEPT:
            self._every *= 2
            self._halve()

    def _halve(self) -> None:
        """Merge neighbours two by two where their labels agree; where that leaves too many, all of them."""
        for alike in (True, False):
            merged: list[Moment] = []
            alone = False  # whether the last of `merged` has not been merged yet
            for moment in self._kept:
                last = merged[-1] if merged else None
                if last is not None and alone and (not alike or _labels(last) == _labels(moment)):
                    merged[-1] = replace(last, duration=moment.time + moment.duration - last.time)
                    alone = False
                else:
                    merged.append(moment)
                    alone = True
            self._kept = merged
            if len(merged) <= 3 * KEPT // 4:
                return

    def moments(self) -> list[Moment]:
        """Moments that were kept, in order of time."""
        return self._kept


def _labels(moment: Moment) -> tuple[str, str]:
    return moment.snapshot, moment.context
