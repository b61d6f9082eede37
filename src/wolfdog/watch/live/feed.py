"""Feed: one source that is watched by a thread of its own."""

import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any, Protocol

from ...errors import MediaError
from ..labelling.moments_table import BACKGROUND
from ..moments import Event, Moment, merge
from .explanations import Explanations
from .history import History, LiveMoment
from .messages import event_message, moment_message, paints_of
from .pictures import LivePicture, PictureSource
from .step_labeller import StepLabeller
from .television import Television

MOST_EVENTS = 200
_LONGEST_WAIT = 30.0
_SMALL_STEP = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class LiveEvent:
    """Event of a live source that is over.

    Attributes:
        event: The event.
        number: Number of the moment whose picture stands for it: the one of which the memory was surest.
        first: Number of its first moment.
        at: Seconds since the start of the session at its first moment.
        picture: JPEG file.
    """

    event: Event
    number: int
    first: int
    at: float
    picture: bytes


class FeedSink(Protocol):
    """Receiver of moments and events, as a file or another program. Its methods must not wait."""

    def moment(self, feed: "Feed", live: LiveMoment) -> None:
        """Take a moment."""

    def event(self, feed: "Feed", event: LiveEvent) -> None:
        """Take an event that is over."""


class Feed:
    """Source, its labeller, its history, and the thread that watches it.

    Args:
        number: Number of the source.
        source: Pictures.
        labeller: Labels.
        publish: Called with each message.
        sinks: Receivers of moments and events.
    """

    def __init__(
        self,
        number: int,
        source: PictureSource,
        labeller: StepLabeller,
        *,
        publish: Callable[[dict[str, Any]], None],
        sinks: Sequence[FeedSink] = (),
    ) -> None:
        self.number, self.name, self.source, self.labeller = number, source.name, source, labeller
        self.history = History()
        self.state, self.text = "starting", ""
        self._publish, self._sinks = publish, sinks
        self._events: deque[LiveEvent] = deque(maxlen=MOST_EVENTS)
        self._explanations = Explanations(number, labeller, publish)
        self._lock = Lock()
        self._stop, self._session_began = Flag(), time.monotonic()
        self._thread: Thread | None = None
        self._count, self._utc = 0, 0.0
        self._merge = merge("context")
        self._shown: tuple[float, int, bytes] | None = None
        self._first: LiveMoment | None = None

    @property
    def television(self) -> Television | None:
        """The source, if it is simulated television."""
        return self.source if isinstance(self.source, Television) else None

    def start(self, began: float) -> None:
        """Begin to watch.

        Args:
            began: Value of `time.monotonic()` at the start of the session.
        """
        self._session_began = began
        self._thread = Thread(target=self._run, name=f"watch {self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the source."""
        self._stop.set()
        self.source.stop()

    def join(self, seconds: float) -> None:
        """Wait for the thread."""
        if self._thread is not None:
            self._thread.join(seconds)

    def describe(self) -> dict[str, Any]:
        """Facts for the page, as a JSON object."""
        labeller, television = self.labeller, self.television
        facts: dict[str, Any] = {
            "number": self.number,
            "name": self.name,
            "kind": self.source.kind,
            "fps": self.source.fps,
            "classes": list(labeller.classes),
            "paints": paints_of(labeller.classes),
            "background": [name for name in labeller.classes if name in BACKGROUND],
            "classifier": labeller.classifier,
            "memory": labeller.method,
            "state": self.state,
            "text": self.text,
        }
        if television is not None:
            facts["television"] = {"shows": list(television.shows), "between": television.between}
        return facts

    def backlog(self, after: int) -> list[dict[str, Any]]:
        """Messages of what is held: moments after one, events, verdicts and gates.

        Args:
            after: Number of the last moment that is known already; -1 for none.

        Returns:
            The messages.
        """
        moments = self.history.after(after)
        with self._lock:
            events = list(self._events)
        dropped = self.source.dropped
        return [
            *(moment_message(self.number, self.name, one, dropped) for one in moments),
            *(event_message(self.number, self.name, one) for one in events),
            *self._explanations.after(after),
        ]

    def picture(self, number: int) -> bytes | None:
        """JPEG file of a moment that is held, or that stands for an event."""
        found = self.history.picture(number)
        if found is None:
            with self._lock:
                found = next((one.picture for one in self._events if one.number == number), None)
        return found

    def explain(self) -> None:
        """Compute and publish what explains the last moments; see `Explanations`."""
        self._explanations.add(self.history, watching=self.state == "watching")

    def _run(self) -> None:
        wait = 1.0
        while not self._stop.is_set():
            count = self._count
            try:
                self._watch()
                self._tell("ended", "" if self.source.kind != "file" else "the film is over")
                break
            except MediaError as error:
                self._tell("failed", str(error))
                if self.source.kind != "stream":
                    break
            except Exception as error:  # a fault of one source must not end the others
                traceback.print_exc()
                self._tell("failed", f"{self.name}: {type(error).__name__}: {error}")
                break
            wait = 1.0 if self._count > count else wait
            self._stop.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        ended = self._merge.close()
        if ended is not None:
            self._end(ended)

    def _watch(self) -> None:
        from av.video.reformatter import VideoReformatter

        scaler = VideoReformatter()
        for picture in self.source.pictures(self._lost):
            if self._stop.is_set():
                return
            self._take(picture, scaler)

    def _take(self, picture: LivePicture, scaler: Any) -> None:
        from .jpeg import live_jpeg

        step = self.labeller.step(picture)
        delay = time.monotonic() - picture.arrived
        jpeg = live_jpeg(picture, scaler)
        classes = self.labeller.classes
        utc = self._utc_of(picture)
        offset = datetime.fromtimestamp(utc).astimezone().utcoffset()
        moment = Moment(
            video=self.name,
            frame=picture.picture.index,
            time=picture.picture.time,
            snapshot=classes[int(step.snapshot.argmax())],
            context=classes[int(step.context.argmax())],
            snapshot_probabilities=step.snapshot,
            context_probabilities=step.context,
            duration=1 / self.source.fps,
            evidence=step.evidence,
            deployment=self.name,
            utc=utc,
            local=utc + (0.0 if offset is None else offset.total_seconds()),
        )
        live = LiveMoment(
            self._count,
            picture.arrived - self._session_began,
            delay,
            moment,
            picture.truth,
            step.inside,
        )
        self._count += 1
        self.history.add(live, jpeg)
        if self.state != "watching" and not self.source.lost:
            self._tell("watching", "")
        self._publish(moment_message(self.number, self.name, live, self.source.dropped))
        for sink in self._sinks:
            sink.moment(self, live)
        self._add_to_event(live, jpeg)

    def _utc_of(self, picture: LivePicture) -> float:
        """Time of arrival by the clock of the machine, which may be set while the source is watched.

        Steps back of less than a second are taken for the thread's own waits, and not followed.
        """
        utc = time.time() - (time.monotonic() - picture.arrived)
        self._utc = self._utc if 0 < self._utc - utc < _SMALL_STEP else utc
        return self._utc

    def _add_to_event(self, live: LiveMoment, jpeg: bytes) -> None:
        ended = self._merge.add(live.moment)
        if ended is not None:
            self._end(ended)
        if self._shown is None:
            self._first = live
        sure = float(live.moment.context_probabilities.max())
        if self._shown is None or sure > self._shown[0]:
            self._shown = sure, live.number, jpeg

    def _end(self, ended: Event) -> None:
        if self._shown is None or self._first is None:
            return
        _, number, jpeg = self._shown
        event = LiveEvent(ended, number, self._first.number, self._first.at, jpeg)
        self._shown = self._first = None
        with self._lock:
            self._events.append(event)
        self._publish(event_message(self.number, self.name, event))
        for sink in self._sinks:
            sink.event(self, event)

    def _lost(self, text: str) -> None:
        if self.source.lost:
            self._tell("lost", text)

    def _tell(self, state: str, text: str) -> None:
        self.state, self.text = state, text
        self._publish(
            {"type": "source", "source": self.number, "name": self.name, "state": state, "text": text}
        )
