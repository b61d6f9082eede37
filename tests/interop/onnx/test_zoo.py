"""Every cell of the package torchrecurrent, and torch.nn's, written to ONNX: the same numbers at any size."""

import pytest
import torch

import wolfdog as wd
from cases import scrambled
from cell_zoo import OTHERS, TORCH, make
from onnx_runtime import assert_gives, check_file
from wolfdog.layers.cell.state import tensors

E, H = 3, 5  # event size, hidden size


def layer_of(name: str) -> wd.Recurrent:
    """In double precision, in which a difference is one of meaning."""
    units = E if name == "IntersectionRNNCell" else H  # which has no other
    cell, returns = make(name, E, units)
    return wd.Recurrent(cell, returns=returns, backend="eager")


@pytest.mark.parametrize("name", [*TORCH, *OTHERS])
def test_sequences_and_steps(name: str, tmp_path) -> None:
    layer = layer_of(name)
    wd.export_onnx(layer, tmp_path / "sequence.onnx", states=True, lengths=True, input_size=E)
    wd.export_onnx(layer, tmp_path / "step.onnx", mode="step", input_size=E)
    sequence, step = (check_file(tmp_path / f"{mode}.onnx").graph for mode in ("sequence", "step"))
    for steps, batch, lengths in ((6, 3, [6, 1, 4]), (1, 1, [1])):
        x = torch.randn(steps, batch, E, dtype=torch.float64)
        _, state = layer(torch.randn(2, batch, E, dtype=torch.float64))
        y, last = layer(x, state, lengths)
        named = dict(zip([value.name for value in step.input[1:]], tensors(state), strict=True))
        assert [value.name for value in sequence.input] == ["x", "lengths", *named]
        inputs = {"x": x, "lengths": torch.tensor(lengths)} | named
        assert_gives(tmp_path / "sequence.onnx", inputs, [y, *tensors(last)])
        y, after = layer.step(x[0], state)
        assert_gives(tmp_path / "step.onnx", {"x": x[0]} | named, [y, *tensors(after)])


@pytest.mark.parametrize(
    "cell",
    [
        wd.memory.LSTMNCell(E, H, window=3),
        wd.memory.NTMCell(E, H, slots=6, slot_size=4, read_heads=2, write_heads=2),
    ],
    ids=["LSTMN", "NTM"],
)
def test_memories_with_memories(cell: torch.nn.Module, tmp_path) -> None:
    layer = wd.Recurrent(scrambled(cell.double()), backend="eager")
    wd.export_onnx(layer, tmp_path / "layer.onnx", lengths=True)
    wd.export_onnx(layer, tmp_path / "step.onnx", mode="step")
    check_file(tmp_path / "layer.onnx")
    x = torch.randn(7, 2, E, dtype=torch.float64)
    y, last = layer(x, lengths=[7, 2])
    assert_gives(tmp_path / "layer.onnx", {"x": x, "lengths": torch.tensor([7, 2])}, [y, *tensors(last)])
    names = [value.name for value in check_file(tmp_path / "step.onnx").graph.input[1:]]
    assert names == list(cell.state_names)
    y, after = layer.step(x[0], last)
    inputs = {"x": x[0]} | dict(zip(names, tensors(last), strict=True))
    assert_gives(tmp_path / "step.onnx", inputs, [y, *tensors(after)])


def test_there_are_many() -> None:
    assert len(OTHERS) > 40
