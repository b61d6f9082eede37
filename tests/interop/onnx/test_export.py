"""Layers written to ONNX: ONNX Runtime gives wolfdog's numbers."""

import json
from functools import partial

import onnx
import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from cases import CELLS, CellCase, random_state, scrambled
from foreign_cells import LearnedStart, Nested, OutputAndPair, OwnZero
from onnx_runtime import assert_gives, check_file, run
from wolfdog.errors import InputError, ONNXError
from wolfdog.layers.cell.state import tensors

T, B, E, H = 5, 3, 2, 4  # steps, batch, event size, hidden size


def layer_of(case: CellCase, dtype: torch.dtype = torch.float32, **options: object) -> wd.Recurrent:
    return wd.Recurrent(scrambled(case.make(E, H, dtype=dtype)), backend="eager", **options)


def notes(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def named(layer: wd.Recurrent, state: object) -> dict[str, Tensor]:
    return dict(zip(layer.cell.state_names, tensors(state), strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("case", CELLS, ids=str)
def test_every_unit_over_sequences(case: CellCase, dtype: torch.dtype, tmp_path) -> None:
    layer, path = layer_of(case, dtype), tmp_path / "layer.onnx"
    wd.export_onnx(layer, path, states=True, lengths=True)
    check_file(path)
    for steps, batch, lengths in ((T, B, [T, 0, 2]), (1, 1, [1]), (9, 2, [3, 9])):
        x, state = torch.randn(steps, batch, E, dtype=dtype), random_state(layer.cell, batch, dtype)
        y, last = layer(x, state, lengths)
        inputs = {"x": x, "lengths": torch.tensor(lengths)} | named(layer, state)
        assert_gives(path, inputs, [y, *tensors(last)])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("case", CELLS, ids=str)
def test_every_unit_step_by_step(case: CellCase, dtype: torch.dtype, tmp_path) -> None:
    layer, path = layer_of(case, dtype), tmp_path / "step.onnx"
    wd.export_onnx(layer, path, mode="step")
    model = check_file(path)
    assert [value.name for value in model.graph.input] == ["x", *layer.cell.state_names]
    assert [v.name for v in model.graph.output] == ["y", *(f"{name}_next" for name in layer.cell.state_names)]
    assert not {node.op_type for node in model.graph.node} & {"LSTM", "GRU", "RNN", "Scan"}
    for batch in (1, B):
        x, state = torch.randn(batch, E, dtype=dtype), random_state(layer.cell, batch, dtype)
        y, after = layer.step(x, state)
        assert_gives(path, {"x": x} | named(layer, state), [y, *tensors(after)])


@pytest.mark.parametrize("case", CELLS, ids=str)
def test_batch_first_and_its_own_start(case: CellCase, tmp_path) -> None:
    layer, path = layer_of(case, batch_first=True), tmp_path / "layer.onnx"
    wd.export_onnx(layer, path)
    x = torch.randn(B, T, E)
    y, last = layer(x)
    assert_gives(path, {"x": x}, [y, *tensors(last)])


OPERATORS = {
    "elman": "RNN", "elman_relu": "RNN", "lstm": "LSTM", "peephole_diagonal": "LSTM", "gru": "GRU",
    "gru_reset_before": "GRU", "coupled_lstm": "LSTM",
}  # fmt: skip


@pytest.mark.parametrize("case", CELLS, ids=str)
def test_units_that_onnx_has_become_its_operators(case: CellCase, tmp_path) -> None:
    wd.export_onnx(layer_of(case), tmp_path / "layer.onnx")
    found = {node.op_type for node in onnx.load(tmp_path / "layer.onnx").graph.node}
    assert found & {"LSTM", "GRU", "RNN", "Scan"} == {OPERATORS.get(case.name, "Scan")}


def test_clipped_gates_are_the_operators_own(tmp_path) -> None:
    layer = wd.Recurrent(scrambled(wd.cells.LSTMCell(E, H, clip_gates=0.4)), backend="eager")
    wd.export_onnx(layer, tmp_path / "layer.onnx")
    [node] = [node for node in onnx.load(tmp_path / "layer.onnx").graph.node if node.op_type == "LSTM"]
    assert "clip" in {attribute.name for attribute in node.attribute}
    x = torch.randn(T, B, E)
    y, last = layer(x)
    assert_gives(tmp_path / "layer.onnx", {"x": x}, [y, *last])


def test_a_swapped_gate_is_seen(tmp_path) -> None:
    layer = wd.Recurrent(scrambled(wd.cells.LSTMCell(E, H)), backend="eager")
    wd.export_onnx(layer, tmp_path / "layer.onnx")
    x = torch.randn(T, B, E)
    with torch.no_grad():
        i, f, g, o = layer.cell.weight_hh.chunk(4)
        layer.cell.weight_hh.copy_(torch.cat((f, i, g, o)))
    y, last = layer(x)
    with pytest.raises(AssertionError):
        assert_gives(tmp_path / "layer.onnx", {"x": x}, [y, *last])


TORCH = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN, "RNN, relu": partial(nn.RNN, nonlinearity="relu")}
TORCH |= {
    "LSTM, projected": partial(nn.LSTM, proj_size=3),
    "wd.LSTM": wd.LSTM,
    "wd.GRU": wd.GRU,
    "wd.RNN": wd.RNN,
}


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", TORCH)
def test_layers_of_torch(kind: str, bidirectional: bool, tmp_path) -> None:
    layer = TORCH[kind](E, H, num_layers=2, bidirectional=bidirectional, batch_first=bidirectional)
    wd.export_onnx(layer, tmp_path / "layer.onnx", states=True, lengths=True)
    check_file(tmp_path / "layer.onnx")
    x = torch.randn(*((B, T) if bidirectional else (T, B)), E)
    depth, sizes = 4 if bidirectional else 2, [3 if "projected" in kind else H, *[H] * ("LSTM" in kind)]
    state = [torch.randn(depth, B, size) for size in sizes]
    lengths = torch.tensor([T, 1, 3])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, bidirectional, enforce_sorted=False)
    y, last = layer(packed, tuple(state) if len(state) == 2 else state[0])
    y, _ = nn.utils.rnn.pad_packed_sequence(y, bidirectional, total_length=T)
    inputs = {"x": x, "lengths": lengths} | dict(zip(("stm", "ltm"), state, strict=False))
    assert_gives(tmp_path / "layer.onnx", inputs, [y, *tensors(last)])


def test_weights_that_torch_computes_from_others(tmp_path) -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.GRU(E, H), "weight_hh_l0")
    wd.export_onnx(layer, tmp_path / "layer.onnx")
    x = torch.randn(T, B, E)
    assert_gives(tmp_path / "layer.onnx", {"x": x}, layer(x))


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("kind", TORCH)
def test_layers_of_torch_step_by_step(kind: str, tmp_path) -> None:
    layer = TORCH[kind](E, H, num_layers=2)
    wd.export_onnx(layer, tmp_path / "step.onnx", mode="step")
    x = torch.randn(1, B, E)
    _, state = layer(torch.randn(2, B, E))
    y, last = layer(x, state)
    inputs = {"x": x[0]} | dict(zip(("stm", "ltm"), tensors(state), strict=False))
    assert_gives(tmp_path / "step.onnx", inputs, [y[0], *tensors(last)])


@pytest.mark.parametrize("make", [Nested, OutputAndPair, LearnedStart])
def test_cells_of_others(make: type[nn.Module], tmp_path) -> None:
    layer = wd.Recurrent(make(), backend="eager")
    x = torch.randn(T, B, 3)
    y, last = layer(x)
    wd.export_onnx(layer, tmp_path / "layer.onnx", input_size=3)
    check_file(tmp_path / "layer.onnx")
    assert_gives(tmp_path / "layer.onnx", {"x": x}, [y, *tensors(last)])


def test_a_learned_start_is_told(tmp_path) -> None:
    layer = wd.Recurrent(LearnedStart(), backend="eager")
    wd.export_onnx(layer, tmp_path / "step.onnx", mode="step", input_size=3)
    start = json.loads(notes(check_file(tmp_path / "step.onnx"))["start"])["state0"]
    x = torch.randn(B, 3)
    found = run(tmp_path / "step.onnx", {"x": x, "state0": torch.tensor(start).expand(B, -1)})
    torch.testing.assert_close(found["y"], layer.step(x)[0].detach())


def test_how_a_layer_is_trained_does_not_matter(tmp_path) -> None:
    layer = wd.Recurrent(wd.cells.GRUCell(E, H))
    for name, model in (("a.onnx", layer), ("b.onnx", wd.Checkpointed(layer))):
        wd.export_onnx(model, tmp_path / name)
    a, b = (onnx.load(tmp_path / name).graph for name in ("a.onnx", "b.onnx"))
    assert (list(a.node), list(a.initializer)) == (list(b.node), list(b.initializer))


def test_the_class_names_are_carried(tmp_path) -> None:
    wd.export_onnx(wd.Recurrent(wd.cells.GRUCell(E, 2)), tmp_path / "layer.onnx", classes=["wolf", "dog"])
    said = notes(onnx.load(tmp_path / "layer.onnx"))
    assert json.loads(said["classes"]) == ["wolf", "dog"]
    assert said["mode"] == "sequence"


def test_the_layer_stays_as_it_is(tmp_path) -> None:
    layer = wd.Recurrent(wd.cells.GRUCell(E, H)).train()
    before = [parameter.clone() for parameter in layer.parameters()]
    wd.export_onnx(layer, tmp_path / "layer.onnx")
    assert layer.training
    assert all(torch.equal(a, b) for a, b in zip(before, layer.parameters(), strict=True))


def test_the_same_layer_gives_the_same_bytes(tmp_path) -> None:
    layer = wd.Recurrent(wd.cells.FourGateLSTMCell(E, H))
    for name in ("a.onnx", "b.onnx"):
        wd.export_onnx(layer, tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


class Looks(nn.Module):
    input_size = E

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(H))

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, H)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return h + 1 if self.scale.sum().item() > 0 else h


def test_mistakes_are_told_and_write_nothing(tmp_path) -> None:
    layer, path = wd.Recurrent(wd.cells.GRUCell(E, H)), tmp_path / "layer.onnx"
    with pytest.raises(InputError, match=r'mode must be "sequence" or "step"'):
        wd.export_onnx(layer, path, mode="steps")
    with pytest.raises(InputError, match="no lengths"):
        wd.export_onnx(layer, path, mode="step", lengths=True)
    with pytest.raises(ONNXError, match="got Linear"):
        wd.export_onnx(nn.Linear(2, 3), path)
    for wrong in ("a layer", None, wd.cells.GRUCell):
        with pytest.raises(InputError, match=r"layer must be an nn\.Module; got"):
            wd.export_onnx(wrong, path)
    for classes in ("abcd", [1, 2, 3, 4], ["a", "b", "c", "c"], None):
        with pytest.raises(InputError, match="classes must be distinct names"):
            wd.export_onnx(layer, path, classes=classes)
    with pytest.raises(InputError, match="there are 4 outputs; got 2 classes"):
        wd.export_onnx(layer, path, classes=["a", "b"])
    for size in (0, -1, 2.0, "2", (3, 0)):
        with pytest.raises(InputError, match="input_size must be one or more positive whole numbers"):
            wd.export_onnx(layer, path, input_size=size)
    with pytest.raises(InputError, match=r"GRU takes events of size \[2\]; got input_size=3"):
        wd.export_onnx(nn.GRU(E, H), path, input_size=3)
    for wrong in (None, 5, ""):
        with pytest.raises(InputError, match="the path of an ONNX file must be text or a Path"):
            wd.export_onnx(layer, wrong)
    with pytest.raises(ONNXError, match="weight_ih has no data: create it on a device other than meta"):
        wd.export_onnx(wd.Recurrent(wd.cells.GRUCell(E, H, device="meta")), path)
    with pytest.raises(ONNXError, match=r"1\.weight has no data: call it once"):
        wd.export_onnx(nn.Sequential(layer, nn.LazyLinear(3)), path)
    with pytest.raises(ONNXError, match=r"got torch\.complex64"):
        wd.export_onnx(wd.Recurrent(wd.cells.GRUCell(E, H)._apply(lambda tensor: tensor.cfloat())), path)
    with pytest.raises(ONNXError, match="cannot run single steps"):
        wd.export_onnx(nn.GRU(E, H, bidirectional=True), path, mode="step")
    with pytest.raises(ONNXError, match="pass input_size="):
        wd.export_onnx(wd.Recurrent(LearnedStart()), path)
    with pytest.raises(ONNXError, match="initial_state"):
        wd.export_onnx(wd.Recurrent(OwnZero()), path, input_size=3)
    with pytest.raises(ONNXError, match=r"a number is read out of a tensor, at test_export.py"):
        wd.export_onnx(wd.Recurrent(Looks()), path)
    with pytest.raises(ONNXError, match=r"layer\.float\(\)"):
        wd.export_onnx(wd.Recurrent(wd.cells.GRUCell(E, H).bfloat16()), path)
    with pytest.raises(ONNXError, match="cannot be written"):
        wd.export_onnx(layer, tmp_path / "nowhere" / "layer.onnx")
    assert list(tmp_path.iterdir()) == []
