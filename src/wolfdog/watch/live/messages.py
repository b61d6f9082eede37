"""Messages of a session as JSON objects: for the page, and for programs that read the stream of events."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..output.clock_text import utc_text
from ..output.palette import HATCHES, palette
from .evidence import Verdict
from .gates import Gates
from .history import LiveMoment

Content = dict[str, Any]


def moment_message(source: int, name: str, live: LiveMoment, dropped: int) -> Content:
    """Message of a moment.

    Args:
        source: Number of the source.
        name: Its name.
        live: The moment.
        dropped: Pictures of the source that were dropped so far.

    Returns:
        The message.
    """
    moment = live.moment
    content: Content = {
        "type": "moment",
        "source": source,
        "name": name,
        "number": live.number,
        "at": round(live.at, 3),
        "time": round(moment.time, 3),
        "utc": utc_text(moment.utc),
        "snapshot": moment.snapshot,
        "context": moment.context,
        "snapshot_probabilities": _rounded(moment.snapshot_probabilities),
        "context_probabilities": _rounded(moment.context_probabilities),
        "delay": round(live.delay, 4),
        "dropped": dropped,
    }
    if live.truth:
        content["truth"] = list(live.truth)
    return content


def event_message(source: int, name: str, event: Any) -> Content:
    """Message of an event that is over.

    Args:
        source: Number of the source.
        name: Its name.
        event: A `LiveEvent`.

    Returns:
        The message.
    """
    what = event.event
    return {
        "type": "event",
        "source": source,
        "name": name,
        "number": event.number,
        "first": event.first,
        "at": round(event.at, 3),
        "start": round(what.start, 3),
        "end": round(what.end, 3),
        "utc": utc_text(what.utc),
        "label": what.label,
        "probability": round(what.probability, 4),
        "moments": what.moments,
    }


def verdict_message(source: int, verdict: Verdict) -> Content:
    """Message of a verdict and the past moments that it rests on.

    Args:
        source: Number of the source.
        verdict: The verdict.

    Returns:
        The message.
    """
    return {
        "type": "evidence",
        "source": source,
        "number": verdict.number,
        "label": verdict.label,
        "measure": "attention" if verdict.attention else "nats",
        "past": [
            {
                "number": one.number,
                "ago": round(one.ago, 2),
                "label": one.label,
                "weight": round(one.weight, 3),
            }
            for one in verdict.past
        ],
    }


def gates_message(source: int, first: int, gates: Gates) -> Content:
    """Message of the gates of consecutive moments.

    Args:
        source: Number of the source.
        first: Number of the first moment.
        gates: The gates.

    Returns:
        The message; `values` are bytes [moments, panels, rows] in base64.
    """
    moments, _, rows = gates.values.shape
    return {
        "type": "gates",
        "source": source,
        "first": first,
        "moments": moments,
        "panels": list(gates.names),
        "rows": rows,
        "values": base64.b64encode(np.ascontiguousarray(gates.values).tobytes()).decode(),
    }


def paints_of(classes: Sequence[str]) -> list[tuple[str, int]]:
    """Colour, and number of the hatch, of each class.

    Args:
        classes: Names of the classes.

    Returns:
        A pair for each class.
    """
    paints = palette(classes)
    return [(paints[name].fill, HATCHES.index(paints[name].hatch)) for name in classes]


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 4) for value in values]
