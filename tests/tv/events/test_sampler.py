"""Programmes of event worlds."""

import json

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.tv.events import EVENT_WORLDS, EventSampler, load_event_world

FIELDS = ("look", "fact", "answer", "gap", "interval", "restart")


@pytest.mark.parametrize("name", EVENT_WORLDS)
def test_draws_in_chunks_are_one_draw(name):
    world = load_event_world(name)
    whole = EventSampler(world, 3, seed=1, mean_length=40).draw(50)
    parts = EventSampler(world, 3, seed=1, mean_length=40)
    chunks = [parts.draw(20), parts.draw(0), parts.draw(30)]
    for field in FIELDS:
        joined = np.concatenate([getattr(chunk, field) for chunk in chunks])
        np.testing.assert_array_equal(joined, getattr(whole, field))


def test_a_saved_sampler_goes_on():
    world = load_event_world("uneven")
    one, other = (
        EventSampler(world, 4, seed=1, mean_length=30),
        EventSampler(world, 4, seed=9, mean_length=30),
    )
    one.draw(100)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    np.testing.assert_array_equal(one.draw(50).look, other.draw(50).look)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"state": [[5] * 4]}, {"pace": [9] * 4}, {"gap": [[0] * 3]}, {"rng": {"bit_generator": "x"}}],
)
def test_a_state_of_another_sampler_is_refused(wrong):
    sampler = EventSampler(load_event_world("likely"), 4)
    state = sampler.state_dict() | wrong if wrong else {}
    with pytest.raises(InputError, match="state"):
        sampler.load_state_dict(state)


@pytest.mark.parametrize("options", [{"streams": 0}, {"seed": -1}, {"mean_length": 0.5}])
def test_settings_out_of_range(options):
    with pytest.raises(InputError, match="sampler"):
        EventSampler(load_event_world("pair"), **options)
    with pytest.raises(InputError, match="events"):
        EventSampler(load_event_world("pair")).draw(-1)


def test_frequencies_are_those_of_the_world():
    world = load_event_world("likely").denser((0.4, 0.4, 0.4))
    programme = EventSampler(world, 32, seed=0, mean_length=100).draw(1000)
    share = np.bincount(programme.look.ravel(), minlength=5) / programme.look.size
    looks = dict(zip(world.looks, share, strict=True))
    assert looks["canine"] == pytest.approx(0.6 * 0.3, abs=0.01)
    assert looks["unknown"] == pytest.approx(0.6 * 0.7, abs=0.01)
    assert looks["bear"] == pytest.approx(0.4 * (0.75 + 0.3) / 2, abs=0.02)
    assert looks["heron"] == pytest.approx(0.4 * (0.15 + 0.2) / 2, abs=0.01)


def replayed(name: str, label_of) -> None:
    """Check of the labels of a world whose facts follow from its looks, by a plain loop."""
    world = load_event_world(name)
    programme = EventSampler(world, 2, seed=4).draw(600)
    checked = 0
    for stream in range(2):
        seen: list[tuple[int, str]] = []
        time = 0
        for t in range(600):
            time += int(programme.interval[t, stream])
            look = world.looks[programme.look[t, stream]]
            if programme.judged[t, stream]:
                named = world.facts[0].labels[programme.answer[t, stream]]
                assert named == label_of(seen, time)
                checked += 1
            seen.append((time, look))
    assert checked > 30


def since_zap(seen):
    looks = [look for _, look in seen]
    after = len(looks) - looks[::-1].index("zap") if "zap" in looks else 0
    return looks[after:].count("bear")


def test_parity_is_that_of_the_bears_since_a_zap():
    replayed("parity", lambda seen, now: ("wolf", "dog")[since_zap(seen) % 2])


def test_three_bears_or_more():
    replayed("at-least-three", lambda seen, now: ("wolf", "dog")[since_zap(seen) >= 3])


def test_the_last_cue():
    of = {"bear": "wolf", "goldfish": "dog", "vulture": "jackal"}
    replayed("last", lambda seen, now: next(of[look] for _, look in seen[::-1] if look in of))


@pytest.mark.parametrize("name", ["minute", "uneven"])
def test_a_goldfish_within_the_last_minute(name):
    def label(seen, now):
        last = next(time for time, look in seen[::-1] if look == "goldfish")
        return "dog" if now - last <= 60 else "wolf"

    replayed(name, label)


def test_confused_rows_are_drawn_by_their_probabilities():
    world = load_event_world("unreliable")
    programme = EventSampler(world, 16, seed=0).draw(1000)
    for look in range(len(world.looks)):
        rows = programme.row[programme.look == look]
        expected = world.confusions.likelihood[:, look] @ world.confusions.rows
        np.testing.assert_allclose(world.confusions.rows[rows].mean(0), expected, atol=0.05)
