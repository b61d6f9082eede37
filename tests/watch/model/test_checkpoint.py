import json
import tomllib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save

from tolerances import assert_same
from watch_watchers import CLASSES, SMALL, frames, made
from wolfdog.checkpoint import load_checkpoint, save_checkpoint
from wolfdog.errors import CheckpointError, InputError
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.registry import CELLS, MEMORIES, make_memory
from wolfdog.watch.model.watcher import KIND, SETTINGS, WEIGHTS, Watcher


@pytest.mark.parametrize("memory", MEMORIES)
def test_what_is_saved_is_loaded(memory, tmp_path):
    watcher = made(memory)
    watcher.save(tmp_path / "model")
    random_before = torch.get_rng_state()
    for path in (tmp_path / "model", str(tmp_path / "model" / WEIGHTS)):
        again = Watcher.load(path)
        assert again.config == watcher.config
        assert not again.training
        assert again.state_dict().keys() == watcher.state_dict().keys()
        for name, value in watcher.state_dict().items():
            assert_same(again.state_dict()[name], value)
        assert all(parameter.requires_grad for parameter in again.parameters())
    assert_same(torch.get_rng_state(), random_before)
    assert tomllib.loads((tmp_path / "model" / SETTINGS).read_text()) == watcher.config.as_dict()


def test_saving_where_nothing_can_be_saved(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CheckpointError, match="file"):
        made().save(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "model" / SETTINGS).mkdir(parents=True)
    with pytest.raises(CheckpointError, match=SETTINGS):
        made().save(tmp_path / "model")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    made("gru").save(folder)
    return folder / WEIGHTS


def test_loading_what_is_not_there_or_no_model(tmp_path, model):
    with pytest.raises(CheckpointError, match="no such file"):
        Watcher.load(tmp_path)
    for content in (b"", b"\x80\x04\x95", b"\xff" * 64, model.read_bytes()[:-1], save({"a": torch.ones(1)})):
        (tmp_path / WEIGHTS).write_bytes(content)
        with pytest.raises(CheckpointError, match=WEIGHTS):
            Watcher.load(tmp_path)
    save_checkpoint(tmp_path / WEIGHTS, "wolfdog training state", {}, {})
    with pytest.raises(CheckpointError, match="expected a wolfdog watcher, got 'wolfdog training state'"):
        Watcher.load(tmp_path)


def test_a_pickle_is_not_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path.joinpath("exploded").touch, ())

    torch.save({"weights": Bomb()}, tmp_path / WEIGHTS)
    with pytest.raises(CheckpointError):
        Watcher.load(tmp_path)
    assert not (tmp_path / "exploded").exists()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def with_notes(model, notes, out):
    out.write_bytes(save(load_file(model), {"kind": KIND, "notes": notes}))
    return out


@given(st.sampled_from(sorted(made().config.as_dict())), anything)
def test_settings_of_any_kind_are_never_another_error(model, tmp_path_factory, field, value):
    config = load_checkpoint(model, KIND)[1] | {field: value}
    path = with_notes(model, json.dumps(config), tmp_path_factory.getbasetemp() / "settings.safetensors")
    try:
        loaded = Watcher.load(path)
    except CheckpointError:
        return
    list(loaded.watch(frames(2)))


@pytest.mark.parametrize(
    "notes",
    [
        "", "[]", "null", "{", "[" * 100_000, '{"fps": ' + "9" * 10_000 + "}",
        *(
            json.dumps(made("gru").config.as_dict() | change)
            for change in (
                {"hidden": 4096}, {"embedding": 4096, "width": 512, "hidden": 4096}, {"hidden": 10**30},
                {"fps": 10**400}, {"fps": float("nan")}, {"fps": 0}, {"classes": ["a"] * 3}, {"classes": "abc"},
                {"classes": ["wolf", "dog", 3]}, {"classes": [str(i) for i in range(10_000)]}, {"size": True},
                {"memory": "none"}, {"memory": "lstm"}, {"memory": "Recurrent"}, {"colour": "red"},
            )
        ),
    ],
    ids=lambda notes: notes[:60],
)  # fmt: skip
def test_settings_that_make_no_watcher_are_refused(model, tmp_path, notes):
    with pytest.raises(CheckpointError):
        Watcher.load(with_notes(model, notes, tmp_path / "a"))


@pytest.mark.parametrize(
    "change",
    [
        {"frame classifier.snapshot.bias": torch.full((3,), float("nan"))},
        {"frame classifier.snapshot.bias": torch.zeros(4)},
        {"frame classifier.snapshot.bias": torch.zeros(3, dtype=torch.int64)},
        {"frame classifier.snapshot.bias": torch.zeros(3, dtype=torch.float16)},
        {"extra": torch.zeros(1)},
    ],
    ids=str,
)
def test_weights_that_do_not_fit_are_refused(model, tmp_path, change):
    tensors, notes = load_checkpoint(model, KIND)
    path = tmp_path / "a"
    path.write_bytes(save(tensors | change, {"kind": KIND, "notes": json.dumps(notes)}))
    with pytest.raises(CheckpointError, match="weights"):
        Watcher.load(path)


@given(st.data())
def test_bytes_flipped_anywhere_are_never_another_error(model, tmp_path_factory, data):
    content = bytearray(model.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 4))):
        end = data.draw(st.sampled_from([8, header, header, header, len(content)]))
        content[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    path.write_bytes(content)
    try:
        watcher = Watcher.load(path)
    except CheckpointError:
        return
    list(watcher.watch(frames(2)))


def test_notes_and_tensors_come_back(tmp_path):
    tensors = {"a": torch.arange(6).view(2, 3).T, "b": torch.zeros(0), "c": torch.tensor(2.5)}
    notes = {"n": [1, {"deep": None}], "t": "ä"}
    save_checkpoint(tmp_path / "deep" / "er" / "a", "kind", tensors, notes)
    again, told = load_checkpoint(tmp_path / "deep" / "er" / "a", "kind")
    assert told == notes
    assert again.keys() == tensors.keys()
    for name, value in tensors.items():
        assert_same(again[name], value)


# What a watcher is made of


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": ("wolf",)}, {"classes": ("wolf", "wolf")}, {"fps": 0.0}, {"fps": float("inf")}, {"size": 8},
        {"width": 0}, {"embedding": 5000}, {"hidden": -1}, {"memory": "transformer"},
        {"window": 5}, {"memory": "attention", "window": 0}, {"memory": "gru", "stride": 5.0},
    ],
    ids=str,
)  # fmt: skip
def test_what_makes_no_watcher_is_refused(wrong):
    with pytest.raises(InputError, match=list(wrong)[-1]):
        WatcherConfig(**({"classes": CLASSES, "fps": 5.0} | wrong))


def test_options_of_memories_that_are_searched_are_saved_and_older_files_have_none(tmp_path):
    assert not {"window", "stride"} & set(made("lstm").config.as_dict())
    config = WatcherConfig(CLASSES, 5.0, memory="lstm+bank", window=30, stride=2.0, **SMALL)
    Watcher(config).save(tmp_path)
    again = Watcher.load(tmp_path)
    assert again.config == config
    assert again.reach.longest == 60.0
    assert (
        Watcher.load().config.memory == "lstm"
    )  # the one that comes with wolfdog, from before there were any


def test_a_config_comes_back_from_its_dict():
    config = made("gru").config
    assert WatcherConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_memories_by_name():
    for name in CELLS:
        assert make_memory(name, 3, 5).cell.hidden_size == 5
    assert make_memory("peephole-full", 3, 5).cell.peephole == "full"
    assert make_memory("peephole-diagonal", 3, 5).cell.peephole == "diagonal"
    with pytest.raises(InputError, match="got 'none'; expected one of elman, lstm"):
        make_memory("none", 3, 5)
