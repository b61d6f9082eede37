"""The bounded history of a source, and the distribution of messages."""

import asyncio
import threading

import numpy as np
import pytest

from wolfdog.watch.live.history import History, LiveMoment
from wolfdog.watch.live.hub import Hub
from wolfdog.watch.moments import Moment

P = np.array([0.25, 0.75], np.float32)


def moment(number, at):
    return LiveMoment(number, at, 0.0, Moment("a", number, at, "dog", "wolf", P, P))


def test_it_holds_the_last_seconds():
    history = History(seconds=10.0)
    for number in range(100):
        history.add(moment(number, number / 5), b"x")
    assert [one.number for one in history.after()] == list(range(49, 100))
    assert [one.number for one in history.after(97)] == [98, 99]
    assert [one.number for one in history.after(most=2)] == [98, 99]
    assert history.after(99) == []
    assert history.picture(48) is None
    assert history.picture(49) == b"x"
    assert history.picture(100) is None
    assert history.picture(-1) is None


def test_pictures_are_bounded_in_bytes():
    history = History(most_bytes=1000)
    for number in range(50):
        history.add(moment(number, number / 5), bytes([number]) * 100)
    assert history.picture_bytes == 1000
    assert len(history) == 50
    assert history.picture(39) is None
    assert history.picture(40) == bytes([40]) * 100


def test_moments_are_bounded_in_number():
    history = History(most_moments=7)
    for number in range(50):
        history.add(moment(number, 0.0), b"")
    assert [one.number for one in history.after()] == list(range(43, 50))


def read(hub, count):
    async def reading():
        hub.attach(asyncio.get_running_loop())
        found = []
        async for messages in hub.read(idle=5.0):
            found += messages
            if len(found) >= count:
                return found
        return None

    return asyncio.run(reading())


def test_all_messages_come_from_another_thread():
    hub = Hub(most=1000)
    begun = threading.Event()

    def publish():
        begun.wait(5)
        while not hub.readers:
            pass
        for number in range(200):
            hub.publish({"n": number})

    thread = threading.Thread(target=publish)
    thread.start()
    begun.set()
    assert [one["n"] for one in read(hub, 200)] == list(range(200))
    thread.join()
    assert hub.readers == 0


def test_a_slow_reader_loses_the_oldest_and_is_told():
    hub = Hub(most=5)

    async def reading():
        hub.attach(asyncio.get_running_loop())
        stream = hub.read(idle=0.01)
        assert await anext(stream) == []
        for number in range(12):
            hub.publish({"type": "moment", "n": number})
        return await anext(stream)

    first, *others = asyncio.run(reading())
    assert first == {"type": "dropped", "messages": 7}
    assert [one["n"] for one in others] == list(range(7, 12))


@pytest.mark.parametrize("when", ["before", "while"])
def test_closing_ends_readers(when):
    hub = Hub()

    async def reading():
        hub.attach(asyncio.get_running_loop())
        if when == "before":
            hub.close()
        else:
            asyncio.get_running_loop().call_later(0.01, hub.close)
        return [messages async for messages in hub.read(idle=5.0)]

    assert asyncio.run(reading()) == []
