"""Files of event worlds."""

import dataclasses

import numpy as np
import pytest

from wolfdog.errors import MediaError, WorldError
from wolfdog.tv.events import (
    EVENT_WORLDS,
    EventWorld,
    LastCue,
    Parity,
    Within,
    load_event_world,
    save_event_world,
)

TEXT = """
name = "mine"
[[paces]]
name = "calm"
informative_rate = 0.1
[[facts]]
kind = "pair"
name = "canine"
labels = ["wolf", "dog"]
mean_stay = 100
cues = {bear = [1, 0], goldfish = [0, 1]}
"""


def test_worlds_of_wolfdog_are_the_files_of_their_folder():
    from wolfdog.tv.events.files import FOLDER

    assert {path.stem for path in FOLDER.glob("*.toml")} == set(EVENT_WORLDS)
    for name in EVENT_WORLDS:
        assert load_event_world(name).name == name


@pytest.mark.parametrize("name", [name for name in EVENT_WORLDS if name != "unreliable"])
def test_saved_and_loaded(name, tmp_path):
    save_event_world(load_event_world(name), tmp_path / "world.toml")
    assert load_event_world(tmp_path / "world.toml") == load_event_world(name)


def test_a_file_of_probabilities_is_found_beside_its_world(tmp_path):
    (tmp_path / "rows.csv").write_text("canine,bear,goldfish,unknown,site\n.5,.2,.2,.1,a\n.1,.1,.1,.7,b\n")
    world = tmp_path / "world.toml"
    world.write_text('confusions = "rows.csv"\n' + TEXT)
    loaded = load_event_world(world)
    np.testing.assert_allclose(loaded.confusions.rows, [[0.5, 0.2, 0.2, 0.1], [0.1, 0.1, 0.1, 0.7]])
    save_event_world(loaded, tmp_path / "again.toml")
    assert (load_event_world(tmp_path / "again.toml").confusions.rows == loaded.confusions.rows).all()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("canine,bear,goldfish\n1,0,0\n0,1,0\n", "unknown"),
        ("canine,bear,goldfish,unknown\n.5,.2,.2,x\n", "line 2: expected a number for each look, got .*'x'"),
        ("canine,bear,goldfish,unknown\n.5,.2,.2,.1\n", "two rows or more"),
        ("canine,bear,goldfish,unknown\n.5,.2,.2,-1\n1,1,1,1\n", "from 0 up"),
        ("canine,bear,goldfish,unknown\n1,1,1,0\n1,1,1,0\n", "in every row"),
        ("canine,bear,goldfish,unknown\n\n.5,.2\n1,1,1,1\n", "line 3: expected a number for each look"),
        ("canine,bear,goldfish,unknown\n1,1,1,1\n1,1,1,1e308\n", "from 0 up to 1e\\+06 .* in row 2"),
        ("canine,bear,goldfish,unknown\n1,1,1,nan\n1,1,1,1\n", "from 0 up .* in row 1"),
        ("canine,bear,goldfish,unknown\n1e6,1,1,1e-320\n1,1,1,0\n", "'unknown' .* in every row"),
        ("canine,bear,goldfish,unknown,bear\n.5,.2,.2,.1,.1\n.5,.2,.2,.1,.1\n", "one column 'bear', got 2"),
        ("", "rows.csv: line 1: expected one column 'canine', got 0. Correct it.$"),
        (None, "cannot be read"),
    ],
)
def test_bad_probabilities(rows, said, tmp_path):
    if rows is not None:
        (tmp_path / "rows.csv").write_text(rows)
    (tmp_path / "world.toml").write_text('confusions = "rows.csv"\n' + TEXT)
    with pytest.raises(WorldError, match=said):
        load_event_world(tmp_path / "world.toml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "pair"', 'kind = "elephant"', "kind: expected pair"),
        ("mean_stay = 100", "mean_stay = 0", "mean_stay"),
        (
            "mean_stay = 100",
            "stay = 1",
            "fact 1: unknown key 'stay'; expected kind, name, labels, cues, mean_stay",
        ),
        ("mean_stay = 100", "", "fact 1: mean_stay is missing"),
        ('kind = "pair"', "kind = []", "fact 1: kind: expected pair"),
        ('kind = "pair"', "", "fact 1: kind: expected pair, .* got nothing"),
        ("informative_rate = 0.1", "informative_rat = 0.1", "pace 1: unknown key 'informative_rat'"),
        ("informative_rate = 0.1", "informative_rate = 1", "an ambiguous look is never shown"),
        ("informative_rate = 0.1", "informative_rate = 0", "a cue is never shown"),
        ('name = "mine"', "", "the world: name is missing"),
        ('name = "mine"', 'name = "mine"\nmean_intervall = 2', "the world: unknown key 'mean_intervall'"),
        ('labels = ["wolf", "dog"]', "labels = 1", "fact 'canine': labels: expected a list of labels, got 1"),
        ('labels = ["wolf", "dog"]', f"labels = {'9' * 400}", r"list of labels, got 9{57}\.\.\."),
        ('labels = ["wolf", "dog"]', 'labels = ["wolf"]', "expected 2 or more labels, got 1"),
        ('labels = ["wolf", "dog"]', 'labels = "wolf"', "list of labels"),
        ("bear = [1, 0]", "bear = [1]", "a weight for each"),
        ("bear = [1, 0]", "bear = [0, 0]", "no cue"),
        ("cues = {bear = [1, 0], goldfish = [0, 1]}", "cues = {}", "cues"),
        ("bear = [1, 0]", "canine = [1, 0]", "occurs twice"),
        ("informative_rate = 0.1", "informative_rate = 2", "informative_rate"),
        ('name = "mine"', 'name = "mine"\nfps = -1', "fps"),
        ('name = "mine"', 'name = "mine"\nmean_interval = 99', "mean_interval"),
        ('name = "mine"', 'name = "mine"\nconfusions = 3', "confusions"),
        ("[[facts]]", "[facts]", "expected .*facts"),
        ('name = "mine"', "name =", "not TOML"),
    ],
)
def test_bad_worlds(old, new, said, tmp_path):
    assert old in TEXT
    path = tmp_path / "world.toml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(WorldError, match=said):
        load_event_world(path)


def test_chains_that_are_too_large_are_refused():
    paces = load_event_world("pair").paces
    within = Within("canine", ("wolf", "dog"), "bear", 4095)
    EventWorld("x", (within,), paces)
    with pytest.raises(WorldError, match=r"'canine': its 4097 states and 64 intervals .* at most 40,000,000"):
        EventWorld("x", (within,), paces, mean_interval=16)
    names = [str(number) for number in range(1000)]
    with pytest.raises(WorldError, match="its 1000 states are too many"):
        EventWorld("x", (LastCue("canine", names, [f"cue {name}" for name in names]),), paces)


def test_bad_paths(tmp_path):
    with pytest.raises(WorldError, match="pair, likely"):
        load_event_world("elephants")
    with pytest.raises(WorldError, match="cannot be read"):
        load_event_world(tmp_path / "none.toml")
    with pytest.raises(WorldError, match="Rename"):
        save_event_world(load_event_world("pair"), tmp_path / "world.json")
    with pytest.raises(MediaError, match="cannot write"):
        save_event_world(load_event_world("pair"), tmp_path / "none" / "world.toml")


def test_parts_that_contradict_each_other():
    world = load_event_world("pair")
    with pytest.raises(WorldError, match="facts: expected"):
        dataclasses.replace(world, facts=())
    with pytest.raises(WorldError, match="confusions: expected the looks"):
        dataclasses.replace(load_event_world("parity"), confusions=load_event_world("unreliable").confusions)
    with pytest.raises(WorldError, match="cues: expected one for each of 2 labels, got 3"):
        LastCue("canine", ("wolf", "dog"), ("a", "b", "c"))
    with pytest.raises(WorldError, match="cues: expected one for each of 2 labels, got 1"):
        LastCue("canine", ("wolf", "dog"), ["a"])
    with pytest.raises(WorldError, match="list of looks"):
        LastCue("canine", ("wolf", "dog"), "ab")
    with pytest.raises(WorldError, match="reset_share"):
        EventWorld("x", (Parity("canine", ("wolf", "dog"), "bear", "zap", 1.5),), world.paces)


def test_a_digest_is_of_the_whole_definition(tmp_path):
    def digest(rows, text=TEXT, name="rows.csv"):
        (tmp_path / name).write_text(f"canine,bear,goldfish,unknown\n{rows}\n.1,.1,.1,.7\n")
        (tmp_path / "world.toml").write_text(f'confusions = "{name}"\n{text}')
        return load_event_world(tmp_path / "world.toml").digest

    first = digest(".5,.2,.2,.1")
    assert first == digest(".5,.2,.2,.1", name="other.csv")
    changed = [TEXT.replace("bear = [1, 0]", "bear = [1, 0.1]"), TEXT.replace("= 0.1", "= 0.2")]
    others = {digest(".5,.2,.1,.2"), *(digest(".5,.2,.2,.1", text) for text in changed)}
    assert len(others) == 3
    assert first not in others
