import dataclasses
import json
import math
import pickle
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfdog.errors import MediaError, WorldError
from wolfdog.tv import Channel, Pace, ShotLength, World, default_world, load_world, save_world
from wolfdog.tv.world_files import world_from_dict, world_to_dict

number = st.floats(1e-6, 1e6)
weights = st.dictionaries(
    st.sampled_from(["wolf", "dog", "bear", "goldfish", "unknown", "ätsch"]), number, min_size=1
)
worlds = st.builds(
    World,
    name=st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=20),
    fps=st.floats(0.5, 200),
    channels=st.lists(
        st.builds(Channel, st.sampled_from("ABCDEF"), st.floats(1, 1e8), weights, weights, weight=number),
        min_size=2, max_size=4, unique_by=lambda channel: channel.name,
    ),
    paces=st.lists(
        st.builds(Pace, st.sampled_from("xyz"), st.floats(0, 1), mean_stay=st.floats(100, 1e6)),
        min_size=1, max_size=3, unique_by=lambda pace: pace.name,
    ),
    shot=st.builds(ShotLength, st.floats(16, 99), st.integers(1, 16)),
)  # fmt: skip


def test_the_default_world_is_the_model_problem():
    world = default_world()
    assert world.labels == ("wolf", "dog", "bear", "goldfish", "unknown")
    assert world.look_names == ("canine", "bear", "goldfish", "unknown")
    assert world.ambiguous_labels == ("wolf", "dog")
    assert world.informative_labels == ("bear", "goldfish")
    assert world.look("wolf") == world.look("dog") == "canine"


def test_a_look_that_is_not_equally_likely_everywhere_is_informative():
    world = default_world()
    nature, office = world.channels
    fewer = dataclasses.replace(office, filler={"dog": 0.2, "unknown": 0.8})
    assert dataclasses.replace(world, channels=(nature, fewer)).informative_labels == world.labels


@given(worlds)
def test_shares_are_probabilities(world):
    for channel in world.channels:
        for pace in world.paces:
            assert math.isclose(sum(world.shares(channel, pace).values()), 1)


@given(worlds, st.sampled_from([".toml", ".json"]))
def test_files_give_back_an_equal_world(tmp_path_factory, world, ending):
    path = tmp_path_factory.mktemp("world") / f"world{ending}"
    save_world(world, path)
    assert load_world(path) == world


def test_looks_survive_files_and_pickling(tmp_path):
    save_world(default_world(), tmp_path / "world.toml")
    assert load_world(tmp_path / "world.toml") == default_world()
    assert pickle.loads(pickle.dumps(default_world())) == default_world()


def test_with_changes_what_it_is_asked_to():
    world = default_world().with_(fps=10, switch_every=50, informative_rate=0.25, shot_length=20)
    assert world.fps == 10
    assert {channel.mean_stay for channel in world.channels} == {50}
    assert [pace.informative_rate for pace in world.paces] == [0.25]
    assert world.shot == ShotLength(20, 3)
    assert default_world().with_() == default_world()


BAD = float("nan"), float("inf"), -1, 1e300, 10**400, "5", True, None


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    "where",
    [("fps",), ("shot", "mean"), ("shot", "phases"), ("channels", 0, "mean_stay"), ("channels", 1, "weight"),
     ("channels", 0, "informative", "bear"), ("paces", 0, "informative_rate"), ("paces", 2, "mean_stay")],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_refused_by_name(where, value):
    data = world_to_dict(default_world())
    place = data
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    with pytest.raises(WorldError) as caught:
        world_from_dict(data)
    assert str(where[-1]) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data.update(colour="red"), "unknown key 'colour'"),
        (lambda data: data["channels"][0].update(volume=3), "unknown key 'volume'"),
        (lambda data: data.pop("channels"), "channels is missing"),
        (lambda data: data["paces"][0].pop("informative_rate"), "informative_rate is missing"),
        (lambda data: data.update(channels=[]), "channels: expected 1 to 32, got 0"),
        (lambda data: data.update(paces=[]), "paces: expected 1 to 8, got 0"),
        (lambda data: data.update(channels={"a": 1}), "channels: expected a list"),
        (lambda data: data.update(channels=["a"]), "expected a table"),
        (lambda data: data.update(looks=["a"]), "looks"),
        (lambda data: data.update(looks={"lion": "cat"}), "'lion' is on no channel"),
        (lambda data: data.update(looks={"wolf": 3}), "looks: wolf"),
        (lambda data: data.update(name=""), "name"),
        (lambda data: data["channels"][1].update(name="Nature Channel"), "twice"),
        (lambda data: data["channels"][0].update(informative={}), "informative"),
        (lambda data: data["channels"][0].update(filler="wolf"), "filler"),
        (lambda data: data["channels"][0].update(weight=0), "weight"),
        (lambda data: data["paces"][0].update(mean_stay=2), "at least the mean length of a shot"),
        (
            lambda data: data["channels"][0].update(informative={str(i): 1 for i in range(100)}),
            "at most 64 labels",
        ),
    ],
)
def test_descriptions_that_contradict_themselves_are_refused(change, said):
    data = world_to_dict(default_world())
    change(data)
    with pytest.raises(WorldError) as caught:
        world_from_dict(data)
    assert said in str(caught.value)


@pytest.mark.parametrize("data", [None, 3, [], "world", [[]]])
def test_what_is_no_table_is_refused(data):
    with pytest.raises(WorldError, match="expected a table"):
        world_from_dict(data)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("world.toml", b"name = "),
        ("world.toml", b"\xff\xfe"),
        ("world.json", b"[" * 100_000),
        ("world.json", b'{"name": NaN}'),
        ("world.json", b" " * 2_000_000),
        ("world.yaml", b"name: x"),
        ("world", b""),
    ],
)
def test_files_that_are_no_world_are_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WorldError, match="world"):
        load_world(tmp_path / name)


def test_files_that_are_not_there_or_cannot_be(tmp_path):
    with pytest.raises(WorldError, match="cannot be read"):
        load_world(tmp_path / "none.toml")
    with pytest.raises(MediaError, match="cannot write"):
        save_world(default_world(), tmp_path / "none" / "world.toml")
    with pytest.raises(WorldError, match=r"\.toml or \.json"):
        save_world(default_world(), tmp_path / "world.txt")


def test_the_files_are_what_a_person_would_write(tmp_path):
    save_world(default_world(), tmp_path / "world.toml")
    save_world(default_world(), tmp_path / "world.json")
    in_toml = tomllib.loads((tmp_path / "world.toml").read_text())
    assert in_toml == json.loads((tmp_path / "world.json").read_text())
    assert in_toml["channels"][0]["filler"] == {"wolf": 0.3, "unknown": 0.7}
