"""Explanations of a feed: the gates of its memory over time, and the past moments that its labels rest on."""

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any

from .evidence import verdict_of
from .history import History
from .messages import gates_message, verdict_message
from .step_labeller import StepLabeller

MOST_VERDICTS = 600
_GATES_AT_ONCE = 500
_MOST_GATES = 4000
_AGAIN = 2.0
"""Seconds after which a verdict of the same two labels is computed again."""


class Explanations:
    """Gates and verdicts of one source, in bounded memory.

    Args:
        number: Number of the source.
        labeller: Its labeller.
        publish: Called with each message.
    """

    def __init__(
        self, number: int, labeller: StepLabeller, publish: Callable[[dict[str, Any]], None]
    ) -> None:
        self._number, self._labeller, self._publish = number, labeller, publish
        self._verdicts: deque[dict[str, Any]] = deque(maxlen=MOST_VERDICTS)
        self._gates: deque[dict[str, Any]] = deque()
        self._lock = Lock()
        self._gated, self._gateless = -1, False
        self._explained: tuple[float, str, str] = (-1e9, "", "")

    def after(self, number: int) -> list[dict[str, Any]]:
        """Messages of explanations of moments after one, among those that are held."""
        with self._lock:
            verdicts = [one for one in self._verdicts if one["number"] > number]
            gates = [one for one in self._gates if one["first"] + one["moments"] > number]
        return [*verdicts, *gates]

    def add(self, history: History, *, watching: bool) -> None:
        """Compute the gates of the new moments and, where it is time, the verdict of the last one; publish them.

        Args:
            history: Moments of the source.
            watching: Whether new moments come; if not, a verdict is not computed twice.
        """
        self._add_gates(history)
        last = next(iter(history.after(most=1)), None)
        if last is None:
            return
        when, snapshot, context = self._explained
        same = (last.moment.snapshot, last.moment.context) == (snapshot, context)
        if same and (last.at - when < _AGAIN or not watching):
            return
        verdict = verdict_of(self._labeller, history.after())
        if verdict is not None:
            self._explained = last.at, last.moment.snapshot, last.moment.context
            message = verdict_message(self._number, verdict)
            with self._lock:
                self._verdicts.append(message)
            self._publish(message)

    def _add_gates(self, history: History) -> None:
        if self._gateless:
            return
        new = history.after(self._gated)
        for start in range(0, len(new), _GATES_AT_ONCE):
            part = new[start : start + _GATES_AT_ONCE]
            gates = self._labeller.gates([one.inside for one in part])
            if gates is None:
                self._gateless = True
                return
            message = gates_message(self._number, part[0].number, gates)
            with self._lock:
                self._gates.append(message)
                while sum(one["moments"] for one in self._gates) > _MOST_GATES:
                    self._gates.popleft()
            self._gated = part[-1].number
            self._publish(message)
