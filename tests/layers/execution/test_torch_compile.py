"""Layers inside torch.compile and torch.export: one graph, kernels in it, the same numbers and the same errors."""

import io
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from tolerances import assert_agree
from torch_nn_cases import NAMES, flat, packed
from wolfdog.layers.torch_nn.unit_parameters import named_parameters, units_or_reason

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"
)


class Model(nn.Module):
    """A layer of ours, another, and something around them."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__()
        self.before = nn.Linear(2, 3)
        self.first = getattr(wd, name)(3, 4, bidirectional=True, **options)
        self.second = wd.Recurrent(
            wd.cells.FourGateLSTMCell(8, 5), batch_first=bool(options.get("batch_first"))
        )

    def forward(self, x: Tensor, hx: Any = None) -> tuple[Tensor, Any]:
        y, last = self.first(self.before(x), hx)
        y, _ = self.second(y)
        return y, last


def counting() -> tuple[list[str], Any]:
    """The code of each graph that a backend is given, and the backend."""
    graphs: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> object:
        graphs.append(graph.code)
        return graph.forward

    return graphs, backend


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reduced", [False, True], ids=["float32", "autocast"])
def test_one_graph_with_every_layer_in_it(name: str, reduced: bool) -> None:
    torch._dynamo.reset()
    model, (graphs, backend) = Model(name, num_layers=2, batch_first=True), counting()
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    x = torch.randn(3, 5, 2, requires_grad=True)
    h = torch.randn(4, 3, 4)
    found = []
    for run in (compiled, model):
        with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            result = flat(run(x, (h, h) if name == "LSTM" else h))
        total = sum(tensor.float().square().sum() for tensor in result)
        found.append((tuple(result), torch.autograd.grad(total, [x, *model.parameters()])))
    assert [code.count("wolfdog.recurrence") for code in graphs] == [5]
    if reduced:
        assert [t.dtype for t in found[0][0]] == [t.dtype for t in found[1][0]]
        found = [tuple(tuple(t.bfloat16() for t in part) for part in one) for one in found]
    assert_agree(*found)


def test_other_shapes_are_not_mixed_up() -> None:
    torch._dynamo.reset()
    layer = wd.GRU(3, 4)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    for shape in ((5, 2, 3), (7, 3, 3), (9, 4, 3), (5, 3)):
        x = torch.randn(shape)
        assert_agree(compiled(x), layer(x))


def test_equal_layers_are_one_number_and_others_are_not() -> None:
    from wolfdog.layers.execution.torch_compile import register

    def number(layer: Any) -> int:
        (kernel,) = units_or_reason(layer, named_parameters(layer)).kernels
        return register(kernel)

    numbers = [number(layer) for layer in (wd.GRU(3, 4), wd.GRU(3, 4), wd.GRU(3, 5), wd.GRU(3, 4).double())]
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 3


def test_a_packed_sequence_is_run_beside_the_graph() -> None:
    torch._dynamo.reset()
    layer, x = wd.LSTM(3, 4), torch.randn(6, 4, 3)

    def run(x: Tensor) -> Tensor:
        return layer(packed(x + 1, batch_first=False))[0].data * 2

    assert_agree(torch.compile(run, backend="eager")(x), run(x))


def test_mistakes_in_a_graph_get_torch_nn_s_errors() -> None:
    torch._dynamo.reset()
    layer = wd.LSTM(3, 4)
    compiled = torch.compile(layer, backend="eager")
    for wrong in (torch.zeros(5, 2, 7), torch.zeros(5), torch.zeros(5, 2, 3).double()):
        raised = []
        for run in (compiled, layer):
            with pytest.raises((RuntimeError, ValueError)) as error:
                run(wrong)
            raised.append((type(error.value), str(error.value)))
        assert raised[0] == raised[1]


LOADED = """
import io, sys, torch
file = io.BytesIO(sys.stdin.buffer.read())
x, y = torch.load(sys.argv[1])
torch.testing.assert_close(torch.export.load(file).module()(x), y)
assert "wolfdog" not in sys.modules
"""


@pytest.mark.parametrize("strict", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_exported_program_needs_pytorch_alone(strict: bool, tmp_path: Any) -> None:
    model, x = Model("GRU", num_layers=2), torch.randn(5, 3, 2)
    sizes = {"x": {1: torch.export.Dim("batch")}}
    with torch.no_grad():
        program = torch.export.export(
            nn.Sequential(model),
            (x,),
            strict=strict,
            dynamic_shapes=None if strict else ({1: sizes["x"][1]},),
        )
        other = x if strict else torch.randn(5, 4, 2)
        expected = model(other)
        assert_agree(tuple(flat(program.module()(other))), tuple(flat(expected)))
    if not strict:
        return
    file = io.BytesIO()
    torch.export.save(program, file)
    torch.save((x, expected), tmp_path / "expected.pt")
    command = [sys.executable, "-c", LOADED, str(tmp_path / "expected.pt")]
    done = subprocess.run(command, input=file.getvalue(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("reduced", [False, True], ids=["float32", "autocast"])
def test_export_of_recurrent_with_ends_and_resets(reduced: bool) -> None:
    layer = wd.Recurrent(wd.cells.LSTMCell(3, 4))
    x, lengths = torch.randn(5, 3, 3), torch.tensor([2, 5, 3])
    resets = torch.rand(5, 3) < 0.3

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor, lengths: Tensor, resets: Tensor) -> Any:
            return self.layer(x, lengths=lengths, resets=resets)

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=reduced):
        program = torch.export.export(Whole(), (x, lengths, resets)).module()
        again, others, never = torch.randn(5, 3, 3), torch.tensor([5, 1, 4]), torch.zeros_like(resets)
        assert_agree(program(x, lengths, resets), layer(x, lengths=lengths, resets=resets))
        assert_agree(program(again, others, never), layer(again, lengths=others, resets=never))


def test_a_change_of_numbers_of_numpy_is_seen_in_a_graph() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unit, self.input_size, self.factor = nn.GRUCell(3, 4), 3, [np.float32(0.5)]

        def initial_state(self, batch: int) -> Tensor:
            return torch.zeros(batch, 4)

        def forward(self, x: Tensor, state: Tensor) -> Tensor:
            return self.unit(x, state) * float(np.sum(self.factor))

    torch._dynamo.reset()
    cell, x = Scaled(), torch.randn(4, 2, 3)
    layer = wd.Recurrent(cell)
    compiled = torch.compile(layer, backend="eager")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled(x)
        cell.factor = [np.float32(3.0)]
        assert_agree(compiled(x)[0], wd.Recurrent(cell, backend="eager")(x)[0])
