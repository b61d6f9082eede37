import json
from functools import partial

import torch
from safetensors import safe_open

from cli_run import assert_fine, assert_told, wolfdog
from wolfdog.watch.classifiers import registry
from wolfdog.watch.smoothing.any_class_file import load_network
from wolfdog.watch.world_memory import pretraining, training
from wolfdog.watch.world_memory.network_file import load_world_network
from world_banks import CLASSES, AnimalClassifier, write_animals

TINY = ("--steps", 1, "--ahead-steps", 1, "--width", 4)


def test_the_file_is_written(tmp_path):
    ran = wolfdog("pretrain", "--out", tmp_path / "a.safetensors", "--seed", 3, *TINY)
    assert_fine(ran)
    assert "a.safetensors: " in ran.out
    assert load_network(tmp_path / "a.safetensors").config.width == 4
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        made = json.loads(file.metadata()["notes"])["made"]
    assert made["options"]["seed"] == 3
    assert made["options"]["steps"] == 1


def test_training_continues_from_a_network(tmp_path):
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    assert_fine(wolfdog("pretrain", "--out", first, *TINY))
    assert_fine(wolfdog("pretrain", "--out", second, "--start", first, "--rate", 1e-9, *TINY[:4]))
    one, other = load_network(first), load_network(second)
    assert other.config == one.config
    for before, after in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(after, before, rtol=0, atol=1e-7)
    ran = wolfdog("pretrain", "--out", second, "--start", first, *TINY)
    assert_told(ran, "--width is of a new network")


def test_the_form_that_looks_ahead_is_trained_alone(tmp_path):
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    assert_fine(wolfdog("pretrain", "--out", first, *TINY))
    alone = ("--steps", 0, "--ahead-steps", 2)
    own = ("--ahead-harm", 0.5, "--ahead-flicker", 0.3)
    assert_fine(wolfdog("pretrain", "--out", second, "--start", first, *alone, *own))
    with safe_open(second, framework="pt") as file:
        options = json.loads(file.metadata()["notes"])["made"]["options"]
    assert (options["harm"], options["ahead_harm"]) == (1.25, 0.5)
    assert (options["variation"]["flicker"], options["ahead_variation"]["flicker"]) == (0, 0.3)
    one, other = load_network(first), load_network(second)
    for before, after in zip(one.causal_parameters(), other.causal_parameters(), strict=True):
        torch.testing.assert_close(after, before, rtol=0, atol=0)
    pairs = zip(one.ahead_parameters(), other.ahead_parameters(), strict=True)
    assert not any(torch.equal(before, after) for before, after in pairs if before.ndim > 1)
    assert_told(wolfdog("pretrain", "--out", second, *alone), "a new network needs at least 1 step")


def test_mistakes_are_told_in_one_line(tmp_path):
    assert_told(wolfdog("pretrain", "--out", tmp_path / "no" / "a.safetensors"), "a folder that exists")
    assert_told(wolfdog("pretrain", "--out", tmp_path, *TINY), "expected a file")
    assert_told(wolfdog("pretrain", "--out", tmp_path / "a.safetensors", "--steps", 0), "at least 1 step")
    assert_told(wolfdog("pretrain", "--out", tmp_path / "a.safetensors", "--threads", 0), "at least 1")
    assert_told(wolfdog("pretrain", "--out", tmp_path / "a.safetensors", "--rate", 0, *TINY), "above 0")
    for option, message in (("--ahead-harm", "must be 0 or more"), ("--ahead-flicker", "between 0 and 1")):
        assert_told(wolfdog("pretrain", "--out", tmp_path / "a.safetensors", option, -1, *TINY), message)
    assert not list(tmp_path.iterdir())


def test_a_worlds_memory_is_made_of_photographs(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "load_classifier", lambda classes: AnimalClassifier())
    quick = partial(training.WorldTraining, streams=2, frames=64)
    monkeypatch.setattr(training, "WorldTraining", quick)
    monkeypatch.setattr(pretraining, "MOST", 2)
    write_animals(tmp_path / "animals")
    out = tmp_path / "world.safetensors"
    options = ("--world", "--images", tmp_path / "animals", "--bank", tmp_path / "bank.npz")
    done = wolfdog("pretrain", "--out", out, *options, "--steps", 3)
    assert_fine(done)
    assert (tmp_path / "bank.npz").exists()
    assert load_world_network(out).config.classes == CLASSES
    for word in ("classifying 10 photographs", "training", "bytes"):
        assert word in done.out


def test_options_of_the_other_memory_are_told(tmp_path):
    out = ("--out", tmp_path / "world.safetensors")
    assert_told(wolfdog("pretrain", *out, "--world"), "--images")
    assert_told(wolfdog("pretrain", *out, "--world", "--images", tmp_path, "--width", 8), "--width")
    assert_told(wolfdog("pretrain", *out, "--world", "--images", tmp_path, "--rate", 1), "--rate")
    assert_told(wolfdog("pretrain", *out, "--images", tmp_path), "--world")
