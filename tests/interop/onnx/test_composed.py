"""Stacks and directions written to ONNX: nodes where ONNX has them, and the same numbers either way."""

import pytest
import torch
from torch import nn

import wolfdog as wd
from cases import scrambled
from onnx_files import GATES
from onnx_runtime import assert_gives, check_file
from wolfdog.errors import ONNXError
from wolfdog.layers.cell.state import tensors

T, B, E, H = 5, 3, 4, 6  # steps, batch, event size, hidden size


def cell(name: str, inputs: int = E, units: int = H) -> nn.Module:
    return scrambled(getattr(wd.cells, f"{name}Cell")(inputs, units))


def both(*names: str, **options: object) -> wd.Bidirectional:
    return wd.Bidirectional(*map(cell, names), **options)


COMPOSED = {
    "stack": (lambda: wd.Stack(cell("GRU"), cell("FourGateLSTM", H), cell("Elman", H)), ["GRU", "Scan", "RNN"]),
    "residual": (lambda: wd.Stack(cell("LSTM"), cell("GRU", H), skip="residual"), ["LSTM", "GRU"]),
    "highway": (lambda: wd.Stack(cell("GRU"), cell("GRU", H), skip="highway", batch_first=True), ["GRU", "GRU"]),
    "both": (lambda: both("LSTM", "LSTM"), ["LSTM"]),
    "both, scans": (lambda: both("FourGateLSTM", "FourGateLSTM", batch_first=True), ["Scan", "Scan"]),
    "both, of two kinds": (lambda: both("GRU", "FourGateLSTM"), ["GRU", "Scan"]),
    "both, of two sizes": (lambda: wd.Bidirectional(cell("GRU"), cell("GRU", E, 2)), ["GRU", "GRU"]),
    "sum": (lambda: both("GRU", "Elman", merge="sum"), ["GRU", "RNN"]),
    "mean": (lambda: both("GRU", "GRU", merge="mean"), ["GRU", "GRU"]),
    "product": (lambda: both("Elman", "FourGateLSTM", merge="product"), ["RNN", "Scan"]),
    "both, of stacks": (
        lambda: wd.Bidirectional(
            wd.Stack(cell("GRU"), cell("LSTM", H)), wd.Stack(cell("Elman"), cell("GRU", H), skip="residual")
        ),
        ["GRU", "LSTM", "RNN", "GRU"],
    ),
    "stack of both": (
        lambda: wd.Stack(both("GRU", "GRU"), cell("LSTM", 2 * H)),
        ["GRU", "LSTM"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("lengths", [None, [T, 0, 2]], ids=["whole", "lengths"])
@pytest.mark.parametrize("kind", COMPOSED)
def test_sequences(kind: str, lengths: list[int] | None, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WOLFDOG_BACKEND", "eager")
    make, operators = COMPOSED[kind]
    layer, path = make(), tmp_path / "layer.onnx"
    wd.export_onnx(layer, path, states=True, lengths=lengths is not None)
    graph = check_file(path).graph
    assert [node.op_type for node in graph.node if node.op_type in (*GATES, "Scan")] == operators
    for steps in (T, 8):
        x = torch.randn(B, steps, E) if layer.batch_first else torch.randn(steps, B, E)
        _, state = layer(torch.randn_like(x))
        y, last = layer(x, state, lengths)
        inputs = {} if lengths is None else {"lengths": torch.tensor(lengths)}
        names = [value.name for value in graph.input[1 + len(inputs) :]]
        inputs |= {"x": x} | dict(zip(names, tensors(state), strict=True))
        assert_gives(path, inputs, [y, *tensors(last)])


@pytest.mark.parametrize("skip", [None, "residual", "highway"])
def test_steps_of_stacks(skip: str | None, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WOLFDOG_BACKEND", "eager")
    layer = wd.Stack(cell("LSTM"), cell("PeepholeLSTM", H), skip=skip, checkpoint_every=2, dropout=0.5)
    wd.export_onnx(layer, tmp_path / "step.onnx", mode="step")
    names = [value.name for value in check_file(tmp_path / "step.onnx").graph.input]
    assert names == ["x", *(f"layers_{number}_{name}" for number in (0, 1) for name in ("stm", "ltm"))]
    layer.eval()
    _, state = layer(torch.randn(T, B, E))
    x = torch.randn(B, E)
    y, after = layer.step(x, state)
    inputs = {"x": x} | dict(zip(names[1:], tensors(state), strict=True))
    assert_gives(tmp_path / "step.onnx", inputs, [y, *tensors(after)])


def test_what_reads_ahead_has_no_steps(tmp_path) -> None:
    for layer in (both("GRU", "GRU"), wd.Stack(both("GRU", "GRU"))):
        with pytest.raises(ONNXError, match="cannot run single steps"):
            wd.export_onnx(layer, tmp_path / "step.onnx", mode="step")
    assert list(tmp_path.iterdir()) == []


def test_within_a_model(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WOLFDOG_BACKEND", "eager")

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(9, E)
            self.memory = wd.Stack(both("GRU", "LSTM"), cell("GRU", 2 * H))
            self.head = nn.Linear(H, 2)

        def forward(self, words: torch.Tensor) -> torch.Tensor:
            y, ((_one, (_h, _c)), _last) = self.memory(self.table(words))
            return self.head(y)

    model = Tagger()
    wd.export_onnx(model, tmp_path / "tagger.onnx")
    words = torch.randint(9, (7, 2))
    y, (one, (h, c)), last = model(words), *model.memory(model.table(words))[1]
    check_file(tmp_path / "tagger.onnx")
    assert_gives(tmp_path / "tagger.onnx", {"x": words}, [y, one, h, c, last])
