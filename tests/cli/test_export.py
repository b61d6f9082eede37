import json

import onnx

from cli_run import assert_fine, assert_told, wolfdog
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.watcher import Watcher


def test_the_file_is_written_and_said(model, tmp_path):
    out = tmp_path / "new" / "watcher.onnx"
    ran = wolfdog("export", model, "--out", out)
    assert_fine(ran)
    config = Watcher.load(model).config
    assert f"{out}: {out.stat().st_size:,} bytes; {', '.join(config.classes)} at 5 frames a second" in ran.out
    said = {entry.key: entry.value for entry in onnx.load(out).metadata_props}
    assert json.loads(said["classes"]) == list(config.classes)
    assert json.loads(said["size"]) == config.size


def test_the_watcher_that_comes_with_wolfdog(tmp_path):
    assert_fine(wolfdog("export", "--out", tmp_path / "watcher.onnx"))
    assert onnx.load(tmp_path / "watcher.onnx").producer_name == "wolfdog"


def test_mistakes_are_told_in_one_line_and_write_nothing(model, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert_told(wolfdog("export", tmp_path / "nowhere", "--out", tmp_path / "a.onnx"), "no such file")
    assert_told(wolfdog("export", model, "--out", tmp_path), "cannot be written")
    assert_told(wolfdog("export", model, "--out", tmp_path / "file" / "a.onnx"), "file", status=1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_memory_that_is_searched_is_told(tmp_path):
    config = WatcherConfig(("wolf", "dog"), 5.0, size=16, width=2, embedding=4, memory="attention", hidden=4)
    Watcher(config).save(tmp_path / "model")
    ran = wolfdog("export", tmp_path / "model", "--out", tmp_path / "a.onnx")
    assert_told(ran, "the memory attention cannot be written as ONNX", "--memory elman")
    assert not (tmp_path / "a.onnx").exists()
