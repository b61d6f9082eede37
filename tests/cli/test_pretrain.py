import json

from safetensors import safe_open

from cli_run import assert_fine, assert_told, wolfdog
from wolfdog.watch.smoothing.any_class_file import load_network

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


def test_mistakes_are_told_in_one_line(tmp_path):
    assert_told(wolfdog("pretrain", "--out", tmp_path / "no" / "a.safetensors"), "a folder that exists")
    assert_told(wolfdog("pretrain", "--out", tmp_path, *TINY), "expected a file")
    assert_told(wolfdog("pretrain", "--out", tmp_path / "a.safetensors", "--steps", 0), "at least 1 step")
    assert_told(wolfdog("pretrain", "--out", tmp_path / "a.safetensors", "--threads", 0), "at least 1")
    assert not list(tmp_path.iterdir())
