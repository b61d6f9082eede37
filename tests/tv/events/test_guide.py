"""The worlds of the guide to event worlds load, and its table has the keys of a world file."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from wolfdog.tv.events import EventObserver, EventSampler, EventWorld, load_event_world
from wolfdog.tv.events.facts import KINDS
from wolfdog.tv.schedule import Pace

PAGE = (Path(__file__).parents[3] / "docs" / "explanation" / "event_worlds.md").read_text(encoding="utf-8")
WHOLE, *FACTS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def load(text: str, folder: Path) -> EventWorld:
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    return load_event_world(folder / "mine.toml")


def test_the_guide_has_an_example_of_each_kind() -> None:
    assert re.findall(r'^kind = "(.*)"$', "".join([WHOLE, *FACTS]), re.MULTILINE) == list(KINDS)


@pytest.mark.parametrize("fact", FACTS, ids=lambda text: text.split('"')[1])
def test_a_fact_of_the_guide_can_take_the_place_of_the_first_or_follow_it(fact: str, tmp_path: Path) -> None:
    alone = load(WHOLE[: WHOLE.index("[[facts]]")] + fact, tmp_path)
    both = load(WHOLE + fact, tmp_path)
    assert both.facts[1:] == alone.facts
    for world in alone, both:
        programme = EventSampler(world, streams=4).draw(200)
        assert [found.shape[2] for found in EventObserver(world).predict(programme)] == [
            len(of.labels) for of in world.facts
        ]


def test_the_weights_of_the_example_are_what_the_guide_says(tmp_path: Path) -> None:
    assert load(WHOLE, tmp_path).facts[0].automaton().cue[:, 0].tolist() == pytest.approx([0.8, 0.1])


def test_the_table_has_every_key() -> None:
    named = set(re.findall(r"^\| `([a-z_.]+)` \|", PAGE[PAGE.index("| key | meaning |") :], re.MULTILINE))
    assert named >= {of.name for of in fields(EventWorld)}
    assert {name[6:] for name in named if name.startswith("paces.")} == {of.name for of in fields(Pace)}
    keys = {of.name for kind in KINDS.values() for of in fields(kind)} | {"kind"}
    assert {name[6:] for name in named if name.startswith("facts.")} == keys
