"""The watcher as an ONNX file: ONNX Runtime says what the watcher says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import shape_inference

import wolfdog as wd
from watch_films import film, noise
from watch_watchers import CLASSES, frames, made
from wolfdog.errors import ONNXError
from wolfdog.tv import Painter, broadcast, default_world
from wolfdog.watch.model.onnx import export_watcher
from wolfdog.watch.model.registry import CELLS, MEMORIES
from wolfdog.watch.model.watcher import Watcher

onnxruntime = pytest.importorskip("onnxruntime")
EXAMPLE = Path(__file__).parents[3] / "examples" / "watch_onnx.py"


def trained(memory):
    """A watcher whose normalisations have seen something."""
    watcher = made(memory).train()
    images = torch.from_numpy(np.stack([frame.image for frame in frames(24)]))
    for module in watcher.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.momentum = 1.0
    watcher.frame_classifier(images)
    return watcher.eval()


def moments_of(path, images):
    """Probabilities of both labels for each frame of a stream, by ONNX Runtime."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    states = {
        entry.name: np.zeros((1, entry.shape[1]), np.float32)
        for entry in session.get_inputs()
        if entry.name != "frame"
    }
    said = []
    for image in images:
        snapshot, context, *after = session.run(None, {"frame": image[None], **states})
        states = dict(zip(states, after, strict=True))
        said.append((snapshot[0], context[0]))
    return said


@pytest.mark.parametrize("memory", [*CELLS, "none"])
def test_every_memory_with_a_small_state(memory, tmp_path):
    watcher, path = trained(memory), tmp_path / "watcher.onnx"
    export_watcher(watcher, path)
    onnx.checker.check_model(str(path), full_check=True)
    shape_inference.infer_shapes(onnx.load(path), strict_mode=True, data_prop=True)
    seen = list(frames(12))
    expected = list(watcher.watch(seen))
    found = moments_of(path, [frame.image for frame in seen])
    for (snapshot, context), moment in zip(found, expected, strict=True):
        np.testing.assert_allclose(snapshot, moment.snapshot_probabilities, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(context, moment.context_probabilities, rtol=1e-4, atol=1e-6)
    contexts = np.stack([context for _, context in found])
    assert np.ptp(contexts, axis=0).max() > 1e-3  # or any file would do


@pytest.mark.parametrize("memory", [name for name in MEMORIES if name not in (*CELLS, "none")])
def test_any_other_memory_is_refused_in_words(memory, tmp_path):
    few = {} if memory == "ntm" else {"window": 4}
    with pytest.raises(ONNXError, match=f"{re.escape(memory)} cannot be written .* --memory elman, lstm"):
        export_watcher(made(memory, **few), tmp_path / "watcher.onnx")
    assert not list(tmp_path.iterdir())


def test_what_it_says_of_itself(tmp_path):
    export_watcher(made("gru"), tmp_path / "watcher.onnx")
    model = onnx.load(tmp_path / "watcher.onnx")
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(said["classes"]) == list(CLASSES)
    assert (json.loads(said["fps"]), json.loads(said["size"]), said["memory"]) == (5.0, 16, "gru")
    assert (model.producer_name, model.producer_version) == ("wolfdog", wd.__version__)
    assert [entry.name for entry in model.graph.input] == ["frame", "stm"]
    assert [entry.name for entry in model.graph.output] == ["snapshot", "context", "stm_next"]


def test_several_streams_at_once(tmp_path):
    watcher = trained("lstm")
    export_watcher(watcher, tmp_path / "watcher.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "watcher.onnx"))
    images = np.stack([frame.image for frame in frames(3)])
    states = {
        name: np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32) for name in ("stm", "ltm")
    }
    found = session.run(None, {"frame": images, **states})
    for stream in range(3):
        alone = session.run(
            None,
            {
                "frame": images[stream : stream + 1],
                **{name: state[stream : stream + 1] for name, state in states.items()},
            },
        )
        for whole, part in zip(found, alone, strict=True):
            np.testing.assert_allclose(whole[stream], part[0], rtol=1e-5, atol=1e-6)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ONNXError, match="cannot be written"):
        export_watcher(made("gru"), tmp_path / "nowhere" / "watcher.onnx")


def example(model, video):
    """What the example prints, in an interpreter that has neither wolfdog nor PyTorch."""
    program = (
        "import sys, runpy\n"
        "sys.modules['torch'] = sys.modules['wolfdog'] = None\n"
        f"sys.argv = ['watch_onnx.py', {str(model)!r}, {str(video)!r}]\n"
        f"runpy.run_path({str(EXAMPLE)!r}, run_name='__main__')\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return [line.split(",") for line in ran.stdout.splitlines()[1:]]


def assert_labels(printed, watcher, video):
    expected = list(watcher.watch(video))
    assert len(printed) == len(expected)
    for (time, snapshot, context, probability), moment in zip(printed, expected, strict=True):
        assert (snapshot, context) == (moment.snapshot, moment.context)
        assert float(time) == pytest.approx(moment.time, abs=1e-3)
        assert float(probability) == pytest.approx(moment.probability("context"), abs=1e-3)


def test_the_example_gives_wolfdogs_labels(tmp_path):
    watcher = Watcher.load()
    export_watcher(watcher, tmp_path / "watcher.onnx")
    [video] = broadcast(default_world(), tmp_path / "tv", minutes=0.5, seed=1, picture=Painter()).videos
    printed = example(tmp_path / "watcher.onnx", video)
    assert len({line[2] for line in printed}) > 1
    assert_labels(printed, watcher, video)
    with pytest.raises(AssertionError):
        assert_labels([*printed[:-1], [*printed[-1][:2], "horse", "1.0"]], watcher, video)


@pytest.mark.parametrize(
    "options", [{"rate": 30}, {"rate": 2}, {"rotation": 1}, {"times": [0, 40, 900, 910, 2400]}]
)
def test_the_example_sees_time_and_turns_as_wolfdog_does(options, tmp_path):
    watcher = trained("gru")
    export_watcher(watcher, tmp_path / "watcher.onnx")
    count = len(options["times"]) if "times" in options else 40
    video = film(tmp_path / "film.mp4", noise(count), **options)
    assert_labels(example(tmp_path / "watcher.onnx", video), watcher, video)


def test_classes_that_the_memory_never_saw_are_left_to_the_snapshot(tmp_path):
    watcher, path = trained("gru"), tmp_path / "watcher.onnx"
    watcher.context.unremembered[1] = True
    export_watcher(watcher, path)
    onnx.checker.check_model(str(path), full_check=True)
    seen = list(frames(5))
    found = moments_of(path, [frame.image for frame in seen])
    for (snapshot, context), moment in zip(found, watcher.watch(seen), strict=True):
        assert context[1] == pytest.approx(snapshot[1], rel=1e-5)
        np.testing.assert_allclose(context, moment.context_probabilities, rtol=1e-4, atol=1e-6)
