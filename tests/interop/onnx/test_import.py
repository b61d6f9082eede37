"""Recurrent nodes of ONNX as layers: random weights against ONNX Runtime, for every attribute."""

import warnings

import numpy as np
import pytest
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor

import wolfdog as wd
from onnx_files import GATES, model, of_nodes, weights
from onnx_runtime import outputs_as_onnx, session
from tolerances import assert_agree
from wolfdog.errors import InputError, ONNXError, ShapeError
from wolfdog.interop.activations import ACTIVATIONS

T, B, E, H = 5, 3, 2, 4  # steps, batch, event size, hidden size


def inputs_of(op, ways=1, layout=0, dtype=np.float32):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(B, T, E) if layout else (T, B, E))
    start = rng.normal(size=(2, B, ways, H) if layout else (2, ways, B, H))
    memories = ("initial_h", "initial_c")[: 1 + (op == "LSTM")]
    return {"X": x.astype(dtype)} | dict(zip(memories, start.astype(dtype), strict=False))


def check_against(runtime, op, stored, feeds, lengths=None, **attributes):
    """Fails unless a layer from a file gives what another runtime makes of that file."""
    if lengths is not None:
        stored = stored | {"sequence_lens": np.asarray(lengths, np.int32)}
    whole = model(op, stored, tuple(feeds), **attributes)
    [layer] = wd.from_onnx(whole)
    state = [torch.tensor(feeds[name]) for name in ("initial_h", "initial_c") if name in feeds]
    if attributes.get("layout"):
        state = [memory.transpose(0, 1) for memory in state]
    given = None if not state else tuple(state) if op == "LSTM" else state[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a unit that is not compiled would say so
        found = outputs_as_onnx(layer, torch.tensor(feeds["X"]), given)
    run = session(whole).run if runtime == "onnxruntime" else ReferenceEvaluator(whole).run
    for ours, theirs in zip(found, run(None, feeds), strict=True):
        assert_agree(ours.detach(), torch.tensor(np.array(theirs)))
    return layer


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("lengths", [None, (5, 1, 3)], ids=["whole", "lengths"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", GATES)
def test_directions_lengths_and_starts(op, direction, lengths, start):
    ways = 2 if direction == "bidirectional" else 1
    feeds = inputs_of(op, ways)
    feeds = feeds if start else {"X": feeds["X"]}
    check_against("onnxruntime", op, weights(op, ways), feeds, lengths, direction=direction, hidden_size=H)


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", GATES)
def test_batch_first(op, direction, start):  # which ONNX Runtime does not have
    ways = 2 if direction == "bidirectional" else 1
    feeds = inputs_of(op, ways, layout=1)
    feeds = feeds if start else {"X": feeds["X"]}
    check_against("reference", op, weights(op, ways), feeds, direction=direction, layout=1, hidden_size=H)


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("op", GATES)
def test_double_precision(op, direction):  # nor this
    ways = 2 if direction == "bidirectional" else 1
    stored, feeds = weights(op, ways, dtype=np.float64), inputs_of(op, ways, dtype=np.float64)
    layer = check_against("reference", op, stored, feeds, direction=direction, hidden_size=H)
    assert all(parameter.dtype is torch.float64 for parameter in layer.parameters())


def test_half_precision_becomes_single():
    half = {name: array.astype(np.float16) for name, array in weights("LSTM").items()}
    half["initial_h"] = np.full((1, 1, H), 0.1, np.float16)
    listed = model("LSTM", half)
    for tensor in listed.graph.initializer:  # numbers one by one, as the bits of whole numbers
        bits = numpy_helper.to_array(tensor).view(np.uint16)
        tensor.ClearField("raw_data")
        tensor.int32_data.extend(bits.ravel().tolist())
    [expected] = wd.from_onnx(model("LSTM", {name: array.astype(np.float32) for name, array in half.items()}))
    for whole in (model("LSTM", half), listed):
        [layer] = wd.from_onnx(whole)
        found = layer.state_dict()
        assert found.keys() == expected.state_dict().keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.state_dict().items())


@pytest.mark.parametrize("left_out", [(), ("B",), ("P",), ("B", "P")], ids=str)
@pytest.mark.parametrize("coupled", [0, 1])
@pytest.mark.parametrize("clip", [None, 0.3])
def test_lstm_options(clip, coupled, left_out):
    stored = {name: array for name, array in weights("LSTM", scale=2.0).items() if name not in left_out}
    said = {"input_forget": coupled} | ({} if clip is None else {"clip": clip})
    check_against("onnxruntime", "LSTM", stored, inputs_of("LSTM"), hidden_size=H, **said)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("linear_before_reset", [0, 1])
@pytest.mark.parametrize("clip", [None, 0.3])
def test_gru_options(clip, linear_before_reset, bias):
    stored = {name: array for name, array in weights("GRU", scale=2.0).items() if bias or name != "B"}
    said = {"linear_before_reset": linear_before_reset} | ({} if clip is None else {"clip": clip})
    check_against("onnxruntime", "GRU", stored, inputs_of("GRU"), hidden_size=H, **said)


def test_rnn_clip():
    check_against("onnxruntime", "RNN", weights("RNN", scale=2.0), inputs_of("RNN"), clip=0.3, hidden_size=H)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("op", GATES)
def test_every_activation(op, name, monkeypatch):
    monkeypatch.setenv("WOLFDOG_BACKEND", "eager")  # compiling each takes a second; below, some are
    places = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}[op]
    for place in range(len(places)):
        said = {"activations": [*places[:place], name, *places[place + 1 :]]}
        if ACTIVATIONS[name].alpha is not None:
            said["activation_alpha"] = [0.7]
        if ACTIVATIONS[name].beta is not None:
            said["activation_beta"] = [0.4]
        feeds = inputs_of(op)
        check_against("onnxruntime", op, weights(op, scale=0.3), feeds, hidden_size=H, **said)


COMPILED = [
    ("LSTM", ["HardSigmoid", "Softsign", "Elu"]),
    ("LSTM", ["Sigmoid", "ThresholdedRelu", "LeakyRelu"]),
    ("GRU", ["Affine", "ScaledTanh"]),
    ("RNN", ["Softplus"]),
]


@pytest.mark.parametrize(("op", "names"), COMPILED, ids=str)
def test_activations_compile(op, names):
    constants = {
        f"activation_{which}": [0.3 for name in names if getattr(ACTIVATIONS[name], which) is not None]
        for which in ("alpha", "beta")
    }
    said = {"activations": names, "clip": 1.5} | {key: value for key, value in constants.items() if value}
    layer = check_against("onnxruntime", op, weights(op, scale=0.3), inputs_of(op), hidden_size=H, **said)
    assert layer.forwards.backend == "llvm"


def test_constants_go_to_the_activations_that_have_them(monkeypatch):
    monkeypatch.setenv("WOLFDOG_BACKEND", "eager")
    said = {
        "activations": ["HardSigmoid", "Elu", "ScaledTanh", "Sigmoid", "LeakyRelu", "Affine"],
        "activation_alpha": [0.3, 0.9, 1.5, 0.2, 0.6],
        "activation_beta": [0.4, 0.7, 0.1],
    }
    stored, feeds = weights("LSTM", ways=2, scale=0.3), inputs_of("LSTM", ways=2)
    check_against("onnxruntime", "LSTM", stored, feeds, hidden_size=H, direction="bidirectional", **said)


@pytest.mark.parametrize("name", ["HardSigmoid", "LeakyRelu", "Elu"])
def test_constants_that_are_not_said(name):
    said = {"activations": [name]}
    check_against("onnxruntime", "RNN", weights("RNN", scale=0.3), inputs_of("RNN"), hidden_size=H, **said)


def test_wrong_weights_are_seen():
    stored, feeds = weights("LSTM"), inputs_of("LSTM")
    [layer] = wd.from_onnx(model("LSTM", stored, tuple(feeds), hidden_size=H))
    stored["P"] = stored["P"][:, [4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11]]  # peepholes of i and o swapped
    theirs = session(model("LSTM", stored, tuple(feeds), hidden_size=H)).run(None, feeds)
    state = tuple(torch.tensor(feeds[name]) for name in ("initial_h", "initial_c"))
    with pytest.raises(AssertionError):
        assert_agree(
            outputs_as_onnx(layer, torch.tensor(feeds["X"]), state)[0].detach(), torch.tensor(theirs[0])
        )


UNITS = [
    ("LSTM", (), {}, wd.cells.PeepholeLSTMCell),
    ("LSTM", ("P",), {}, wd.cells.LSTMCell),
    ("LSTM", ("P",), {"clip": 1.0}, wd.cells.LSTMCell),
    ("LSTM", ("P",), {"input_forget": 1}, wd.cells.CoupledLSTMCell),
    ("GRU", (), {}, wd.cells.GRUCell),
    ("RNN", (), {"activations": ["relu"]}, wd.cells.ElmanCell),
]


@pytest.mark.parametrize(("op", "left_out", "said", "unit"), UNITS)
def test_units_of_our_own_are_told(op, left_out, said, unit):
    stored = {name: array for name, array in weights(op).items() if name not in left_out}
    [layer] = wd.from_onnx(model(op, stored, **said))
    assert type(layer.forwards.cell) is unit
    assert layer.forwards.backend == "llvm"


@pytest.mark.parametrize("op", GATES)
def test_it_trains(op):
    said = {"clip": 0.5, "activations": ["Sigmoid", "Softsign", "Elu"][: {"RNN": 1, "GRU": 2, "LSTM": 3}[op]]}
    [layer] = wd.from_onnx(model(op, weights(op, ways=2), direction="bidirectional", **{
        **said, "activations": said["activations"] * 2
    }))  # fmt: skip
    y, _ = layer(torch.randn(T, B, E))
    y.square().sum().backward()
    grads = {name: parameter.grad for name, parameter in layer.named_parameters()}
    assert all(grad is not None and bool(grad.any()) for grad in grads.values()), grads


def test_starts_and_lengths_that_the_file_says():
    feeds = inputs_of("LSTM")
    stored = weights("LSTM") | {name: feeds.pop(name) for name in ("initial_h", "initial_c")}
    layer = check_against("onnxruntime", "LSTM", stored, feeds, (2, 5, 1), hidden_size=H)
    assert {"start_h", "start_c"} <= dict(layer.named_parameters()).keys()
    with pytest.raises(ShapeError, match="3 examples: pass a state for 2"):
        layer(torch.zeros(T, 2, E), lengths=[1, 1])
    with pytest.raises(ShapeError, match=r"lengths must be .* \[2\]"):
        layer(torch.zeros(T, 2, E), (torch.zeros(1, 2, H), torch.zeros(1, 2, H)))


def test_zeros_to_start_from_need_no_batch():
    stored = weights("GRU") | {"initial_h": np.zeros((1, B, H), np.float32)}
    [layer] = wd.from_onnx(model("GRU", stored))
    assert layer(torch.zeros(T, 7, E))[0].shape == (T, 7, H)


def test_single_steps_and_no_batch():
    [layer] = wd.from_onnx(model("LSTM", weights("LSTM")))
    x = torch.randn(T, B, E)
    y, last = layer(x)
    state = None
    for x_t, y_t in zip(x, y, strict=True):
        found, state = layer.step(x_t, state)
        assert_agree(found, y_t)
    assert_agree(state, last)
    alone, last_alone = layer(x[:, 1])
    assert_agree(alone, y[:, 1])
    assert_agree(last_alone, tuple(memory[:, 1] for memory in last))


@pytest.mark.parametrize(
    "unit", [wd.cells.GRUCell, wd.cells.PeepholeLSTMCell, wd.cells.CoupledLSTMCell, wd.cells.ElmanCell]
)
def test_there_and_back(unit, tmp_path):
    layer = wd.Recurrent(unit(E, H))
    wd.export_onnx(layer, tmp_path / "layer.onnx")
    [back] = wd.from_onnx(tmp_path / "layer.onnx")
    assert type(back.forwards.cell) is unit
    for name, parameter in layer.cell.state_dict().items():
        assert torch.equal(back.forwards.cell.state_dict()[name], parameter)


def test_several_nodes_and_constants():
    first, second = weights("GRU"), weights("LSTM", inputs=H, seed=1)
    stored = {f"first_{name}": array for name, array in first.items()}
    squeeze = helper.make_node("Squeeze", ["between", "axis"], ["rows"])
    one = helper.make_node("GRU", ["X", *stored], ["between"], name="one", hidden_size=H)
    constants = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))
        for name, array in second.items()
        if name != "P"
    ]
    same = helper.make_node("Identity", ["W"], ["same_W"])
    two = helper.make_node("LSTM", ["rows", "same_W", "R", "B"], ["Y"], name="two", hidden_size=H)
    whole = of_nodes([one, squeeze, *constants, same, two], stored | {"axis": np.array([1])})
    layers = wd.from_onnx(whole)
    assert [(layer.name, layer.op) for layer in layers] == [("one", "GRU"), ("two", "LSTM")]
    x = np.random.default_rng(0).normal(size=(T, B, E)).astype(np.float32)
    y, _ = layers[1](layers[0](torch.tensor(x))[0])
    [theirs] = session(whole).run(None, {"X": x})
    assert_agree(y.detach(), torch.tensor(theirs[:, 0]))


def test_calls_that_do_not_fit_are_told():
    [layer] = wd.from_onnx(model("LSTM", weights("LSTM", ways=2), direction="bidirectional"))
    with pytest.raises(InputError, match="cannot run single steps"):
        layer.step(torch.zeros(B, E))
    with pytest.raises(ShapeError, match="2 features"):
        layer(torch.zeros(T, B, 3))
    with pytest.raises(ShapeError, match="h and c"):
        layer(torch.zeros(T, B, E), torch.zeros(2, B, H))
    with pytest.raises(ShapeError, match=r"h must be \[2, 3, 4\]"):
        layer(torch.zeros(T, B, E), (torch.zeros(2, 1, H), torch.zeros(2, 1, H)))
    with pytest.raises(InputError, match=r"0\.\.5"):
        layer(torch.zeros(T, B, E), lengths=[1, 2, 6])
    with pytest.raises(ONNXError, match=r"path or an onnx\.ModelProto"):
        wd.from_onnx(Tensor())
