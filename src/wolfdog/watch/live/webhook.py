"""Webhook: events of live sources as JSON, sent to an address."""

import json
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from ...errors import InputError
from ..labelling.moments_table import BACKGROUND
from .background import Background
from .feed import Feed, LiveEvent
from .history import LiveMoment
from .messages import event_message

ATTEMPTS = 3
_SECONDS = 10.0


class _Direct(urllib.request.HTTPRedirectHandler):
    """No redirections: a receiver must not lead the events to another machine."""

    def redirect_request(self, *_: object) -> None:
        return None


class Webhook:
    """Sender of events that are over, one POST each, with the message of `GET /events` as JSON.

    Events of `unknown` and `blank` are not sent. Each is tried three times, after longer and longer waits; when many
    wait, the oldest are given up.

    Args:
        address: Address, http or https.
        wait: Seconds before the second attempt; each further one waits four times as long.

    Raises:
        InputError: The address is none.
    """

    def __init__(self, address: str, *, wait: float = 1.0) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"--webhook: expected an address as https://example.org/hook, got {address!r}.")
        self._address, self._wait = address, wait
        self._opener = urllib.request.build_opener(_Direct)
        self._work = Background("webhook", most=100)

    def moment(self, feed: Feed, live: LiveMoment) -> None:
        """Nothing: moments are not sent."""

    def event(self, feed: Feed, event: LiveEvent) -> None:
        """Send an event; see `FeedSink`."""
        if event.event.label not in BACKGROUND:
            body = json.dumps(event_message(feed.number, feed.name, event)).encode()
            self._work.do(lambda: self._send(body))

    def close(self) -> None:
        """Send what waits."""
        self._work.close()

    def _send(self, body: bytes) -> None:
        request = urllib.request.Request(
            self._address, body, {"content-type": "application/json", "user-agent": "wolfdog"}, method="POST"
        )
        wait = self._wait
        for attempt in range(ATTEMPTS):
            try:
                with self._opener.open(request, timeout=_SECONDS) as answer:
                    answer.read(1024)
                return
            except (OSError, urllib.error.URLError):
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(wait)
                wait *= 4
