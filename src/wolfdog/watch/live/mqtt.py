"""MQTT: labels of live sources for home automation, with Home Assistant's discovery."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import wolfdog

from ...errors import InputError
from ...extras import needs_extra
from ..labelling.moments_table import BACKGROUND
from .feed import Feed, LiveEvent
from .history import LiveMoment
from .messages import event_message

EVERY = 10.0
"""Seconds after which a state is published again though no label has changed."""
_MOST_WAITING = 200


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Address of an MQTT broker.

    Attributes:
        host: Its host.
        port: Its port.
        user: Name of the user; None without.
        password: Password; None without.
        secure: Whether the connection is encrypted.
        topic: First part of all topics.
    """

    host: str
    port: int
    user: str | None
    password: str | None
    secure: bool
    topic: str

    @classmethod
    def of(cls, address: str) -> "Broker":
        """Broker of an address as mqtt://user:password@host:1883/topic, or mqtts://.

        Args:
            address: The address; without a path, the topic is "wolfdog".

        Returns:
            The broker.

        Raises:
            InputError: The address is none.

        Examples:
            >>> broker = Broker.of("mqtts://cat:s%40cret@broker.local/garden")
            >>> broker.port, broker.password, broker.topic
            (8883, 's@cret', 'garden')
        """
        parts = urlsplit(address)
        try:
            port = parts.port
        except ValueError:
            port = -1
        topic = parts.path.strip("/") or "wolfdog"
        if (
            parts.scheme not in ("mqtt", "mqtts")
            or not parts.hostname
            or port == -1
            or set("#?") & set(address)
            or "+" in topic
        ):
            shown = re.sub(r"://[^/@]*@", "://", address)
            raise InputError(f"--mqtt: expected mqtt://user:password@host:1883/topic, got {shown!r}.")
        return cls(
            host=parts.hostname,
            port=port or (8883 if parts.scheme == "mqtts" else 1883),
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            secure=parts.scheme == "mqtts",
            topic=topic,
        )


class MQTTPublisher:
    """Publisher of labels and events.

    Topics, below the broker's topic: `status` (online or offline, retained, also as the last will), `<source>/state`
    (retained JSON with the two labels and their probabilities, when a label changes and every ten seconds) and
    `<source>/event` (JSON of each event that is over, but for `unknown` and `blank`). By Home Assistant's discovery,
    each source is a device with two sensors, the label with memory and the label of the frame alone. The client
    connects again by itself.

    Args:
        address: Address of the broker; see `Broker.of`.
        discovery: First part of the topics of Home Assistant's discovery.

    Raises:
        InputError: The address is none.
        MissingPackageError: The package paho-mqtt is not installed.
    """

    def __init__(self, address: str, *, discovery: str = "homeassistant") -> None:
        self._broker, self._discovery = Broker.of(address), discovery
        with needs_extra("mqtt", "--mqtt"):
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        self._feeds: dict[int, Feed] = {}
        self._said: dict[int, tuple[float, str, str]] = {}
        broker = self._broker
        self._client: Any = Client(CallbackAPIVersion.VERSION2)
        if broker.user is not None:
            self._client.username_pw_set(broker.user, broker.password)
        if broker.secure:
            self._client.tls_set()
        self._client.max_queued_messages_set(_MOST_WAITING)
        self._client.reconnect_delay_set(1, 60)
        self._client.will_set(f"{broker.topic}/status", "offline", qos=1, retain=True)
        self._client.on_connect = self._connected
        self._client.connect_async(broker.host, broker.port, keepalive=30)
        self._client.loop_start()

    def moment(self, feed: Feed, live: LiveMoment) -> None:
        """Publish the labels when one has changed; see `FeedSink`."""
        if feed.number not in self._feeds:
            self._feeds[feed.number] = feed
            self._discover(feed)
        moment = live.moment
        when, snapshot, context = self._said.get(feed.number, (-1e9, "", ""))
        if (snapshot, context) == (moment.snapshot, moment.context) and live.at - when < EVERY:
            return
        self._said[feed.number] = live.at, moment.snapshot, moment.context
        state = {
            "context": moment.context,
            "context_probability": round(moment.probability("context"), 4),
            "snapshot": moment.snapshot,
            "snapshot_probability": round(moment.probability("snapshot"), 4),
        }
        self._publish(f"{topic_part(feed.name)}/state", state, retain=True)

    def event(self, feed: Feed, event: LiveEvent) -> None:
        """Publish an event; see `FeedSink`."""
        if event.event.label not in BACKGROUND:
            self._publish(f"{topic_part(feed.name)}/event", event_message(feed.number, feed.name, event))

    def close(self) -> None:
        """Say that nothing more comes, and disconnect."""
        if self._client.is_connected():
            self._client.publish(
                f"{self._broker.topic}/status", "offline", qos=1, retain=True
            ).wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: Any, *_: object) -> None:
        client.publish(f"{self._broker.topic}/status", "online", qos=1, retain=True)
        for feed in list(self._feeds.values()):
            self._discover(feed)

    def _discover(self, feed: Feed) -> None:
        """Announce the sensors of a source to Home Assistant."""
        name, topic = topic_part(feed.name), self._broker.topic
        device = {
            "identifiers": [f"wolfdog_{topic_part(topic)}_{name}"],
            "name": f"wolfdog {feed.name}",
            "manufacturer": "wolfdog",
            "model": feed.labeller.classifier,
            "sw_version": wolfdog.__version__,
        }
        for which, title in (("context", "Label with memory"), ("snapshot", "Label of the frame alone")):
            unique = f"wolfdog_{topic_part(topic)}_{name}_{which}"
            sensor = {
                "name": title,
                "unique_id": unique,
                "state_topic": f"{topic}/{name}/state",
                "value_template": f"{{{{ value_json.{which} }}}}",
                "json_attributes_topic": f"{topic}/{name}/state",
                "availability_topic": f"{topic}/status",
                "device_class": "enum",
                "options": list(feed.labeller.classes),
                "icon": "mdi:paw",
                "device": device,
            }
            where = f"{self._discovery}/sensor/{unique}/config"
            self._client.publish(where, json.dumps(sensor), qos=1, retain=True)

    def _publish(self, where: str, content: dict[str, Any], *, retain: bool = False) -> None:
        self._client.publish(f"{self._broker.topic}/{where}", json.dumps(content), qos=0, retain=retain)


def topic_part(name: str) -> str:
    """Name of a source as a part of a topic: letters, digits, - and _.

    Examples:
        >>> topic_part("10.0.0.7_554/garden #2")
        '10_0_0_7_554_garden_2'
    """
    return re.sub(r"[^A-Za-z0-9-]+", "_", name).strip("_") or "source"
