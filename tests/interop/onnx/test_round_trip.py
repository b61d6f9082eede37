"""Random nodes of every attribute at once: from a file, run, and to a file again, against ONNX Runtime."""

import random

import numpy as np
import onnx
import pytest
import torch

import wolfdog as wd
from onnx_files import GATES, model, weights
from onnx_runtime import assert_gives, check_file, outputs_as_onnx, session
from tolerances import assert_agree
from wolfdog.errors import ONNXError
from wolfdog.interop.activations import ACTIVATIONS, DEFAULT_ACTIVATIONS

NODES = 60


def drawn(number: int):
    """An operator, what its node is told, its weights, lengths and inputs, all at random."""
    rng, draw = random.Random(number), np.random.default_rng(number)
    op, direction = rng.choice(list(GATES)), rng.choice(("forward", "reverse", "bidirectional"))
    ways, (E, H, T, B) = 1 + (direction == "bidirectional"), (rng.randint(1, 6) for _ in range(4))
    said = {"direction": direction, "hidden_size": H, "layout": int(rng.random() < 0.2)}
    if rng.random() < 0.5:
        said["clip"] = rng.uniform(0.1, 2.0)
    if op != "RNN":
        said["input_forget" if op == "LSTM" else "linear_before_reset"] = rng.randint(0, 1)
    if rng.random() < 0.7:
        names = said["activations"] = [
            rng.choice(list(ACTIVATIONS)) for _ in range(ways * len(DEFAULT_ACTIVATIONS[op]))
        ]
        for which in ("alpha", "beta"):
            values = [
                rng.uniform(0.2, 1.2) for name in names if getattr(ACTIVATIONS[name], which) is not None
            ]
            said |= {f"activation_{which}": values} if values else {}
    stored = weights(op, ways, E, H, scale=0.4, seed=number)
    stored = {name: array for name, array in stored.items() if name in "WR" or rng.random() < 0.6}
    lengths = draw.integers(1, T + 1, B) if rng.random() < 0.5 else None
    feeds = {"X": draw.normal(size=(T, B, E)).astype(np.float32)}
    for name in ("initial_h", "initial_c")[: 1 + (op == "LSTM")]:
        feeds[name] = draw.normal(size=(ways, B, H)).astype(np.float32)
    return op, said, stored, lengths, feeds


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WOLFDOG_BACKEND", "eager")  # that kernels agree is tested elsewhere


def read(op, said, stored, lengths, feeds):
    """The layer, what it gives laid out as the node's outputs, and its inputs by the names of exported files."""
    given = stored if lengths is None else stored | {"sequence_lens": lengths.astype(np.int32)}
    [layer] = wd.from_onnx(model(op, given, tuple(feeds), **said))
    x, *state = (torch.tensor(array) for array in feeds.values())
    x = x.transpose(0, 1) if said["layout"] else x
    found = outputs_as_onnx(layer, x, tuple(state) if op == "LSTM" else state[0])
    if said["layout"]:
        found = [found[0].permute(1, 2, 0, 3), *(memory.transpose(0, 1) for memory in found[1:])]
    return layer, found, {"x": x} | dict(zip(("stm", "ltm"), state, strict=False))


@pytest.mark.parametrize("number", range(NODES))
def test_a_random_node(number: int, tmp_path) -> None:
    op, said, stored, lengths, feeds = drawn(number)
    layer, found, inputs = read(op, said, stored, lengths, feeds)
    plain = {name: value for name, value in said.items() if name != "layout"}  # which ONNX Runtime lacks
    given = stored if lengths is None else stored | {"sequence_lens": lengths.astype(np.int32)}
    for ours, theirs in zip(
        found, session(model(op, given, tuple(feeds), **plain)).run(None, feeds), strict=True
    ):
        assert_agree(ours.detach(), torch.tensor(theirs))

    sizes, layer.lengths = layer.lengths, None
    wd.export_onnx(layer, tmp_path / "layer.onnx", states=True, lengths=sizes is not None)
    nodes = check_file(tmp_path / "layer.onnx").graph.node
    assert [node.op_type for node in nodes if node.op_type in (*GATES, "Scan")] == [op]
    state = tuple(inputs.values())[1:]
    y, last = layer(inputs["x"], state if op == "LSTM" else state[0], sizes)
    inputs |= {} if sizes is None else {"lengths": sizes}
    assert_gives(tmp_path / "layer.onnx", inputs, [y, *(last if op == "LSTM" else (last,))])
    [back] = wd.from_onnx(tmp_path / "layer.onnx")
    assert str(back.forwards or back.backwards) == str(layer.forwards or layer.backwards)
    for name, parameter in layer.state_dict().items():
        assert torch.equal(back.state_dict()[name], parameter)


def test_every_attribute_is_among_them() -> None:
    said = [drawn(number)[1] for number in range(NODES)]
    for name in ("clip", "activations", "activation_alpha", "activation_beta"):
        assert sum(name in one for one in said) > NODES // 6, name
    for name in ("layout", "input_forget", "linear_before_reset"):
        assert sum(one.get(name) == 1 for one in said) >= NODES // 10, name


def test_a_node_that_is_trained_is_written_as_it_is_then(tmp_path) -> None:
    layer, found, inputs = read(*drawn(3))
    torch.cat([part.flatten() for part in found]).square().sum().backward()
    with torch.no_grad():
        for parameter in layer.parameters():
            assert bool(parameter.grad.any())
            parameter -= 0.1 * parameter.grad
    layer.lengths = None
    wd.export_onnx(layer, tmp_path / "layer.onnx", states=True)
    y, last = layer(inputs["x"], tuple(inputs.values())[1:] if layer.op == "LSTM" else inputs["stm"])
    assert_gives(tmp_path / "layer.onnx", inputs, [y, *(last if layer.op == "LSTM" else (last,))])


def test_what_a_file_starts_from_is_kept(tmp_path) -> None:
    stored = weights("LSTM") | {"initial_h": np.full((1, 1, 4), 0.5, np.float32)}
    [layer] = wd.from_onnx(model("LSTM", stored))
    wd.export_onnx(layer, tmp_path / "layer.onnx")
    x = torch.randn(3, 5, 2)
    half, zeros = torch.full((1, 5, 4), 0.5), torch.zeros(1, 5, 4)
    y, last = layer(x, (half, zeros))
    assert_gives(tmp_path / "layer.onnx", {"x": x}, [y, *last])


def test_what_is_tied_to_a_batch_is_told(tmp_path) -> None:
    stored = weights("GRU") | {"initial_h": np.ones((1, 3, 4), np.float32)}
    [layer] = wd.from_onnx(model("GRU", stored))
    with pytest.raises(ONNXError, match=r"start_h for a fixed batch of 3.*layer\.start_h = None"):
        wd.export_onnx(layer, tmp_path / "layer.onnx")
    [layer] = wd.from_onnx(model("GRU", weights("GRU") | {"sequence_lens": np.array([2], np.int32)}))
    with pytest.raises(ONNXError, match=r"lengths for a fixed batch of 1.*layer\.lengths = None"):
        wd.export_onnx(layer, tmp_path / "layer.onnx")
    assert list(tmp_path.iterdir()) == []
    layer.lengths = None
    wd.export_onnx(layer, tmp_path / "layer.onnx")
    assert onnx.load(tmp_path / "layer.onnx").producer_name == "wolfdog"
