"""Layers under torch.func's transforms, torch.compile(dynamic=True) and torch.export with a dynamic time dimension."""

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

import wolfdog as wd
from tolerances import assert_agree
from wolfdog.layers.cell.state import tensors
from wolfdog.layers.cell.torch_cells import vmappable

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"
)

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "four gates": lambda: wd.Recurrent(wd.cells.FourGateLSTMCell(3, 4)),
    "torch's LSTM": lambda: wd.Recurrent(nn.LSTMCell(3, 4)),
    "torch's GRU without biases": lambda: wd.Recurrent(nn.GRUCell(3, 4, bias=False)),
    "torch's RNN": lambda: wd.Recurrent(nn.RNNCell(3, 4, nonlinearity="relu")),
    "a stack": lambda: wd.Stack(
        wd.Bidirectional(nn.GRUCell(3, 4)), wd.LearnedState(nn.LSTMCell(8, 5)), skip="highway"
    ),
    "a memory": lambda: wd.Recurrent(wd.memory.NTMCell(3, 4, slots=5, slot_size=2)),
}


def make(name: str) -> nn.Module:
    return LAYERS[name]().double().eval()


def events(*shape: int) -> Tensor:
    return torch.randn(*shape, 3, dtype=torch.float64)


def output(layer: nn.Module, *arguments: Any, **options: Any) -> Tensor:
    return layer(*arguments, **options)[0]


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_each_sample(name: str) -> None:
    layer, x = make(name), events(3, 5, 1)
    parameters = dict(layer.named_parameters())

    def loss(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        y: Tensor = functional_call(layer, parameters, (x,))[0]
        return y.square().sum()

    found = vmap(grad(loss), (None, 0))(parameters, x)
    for number, one in enumerate(x):
        expected = torch.autograd.grad(output(layer, one).square().sum(), list(parameters.values()))
        for name_, right in zip(parameters, expected, strict=True):
            assert_agree(found[name_][number], right)


@pytest.mark.parametrize("name", LAYERS)
def test_ensembles(name: str) -> None:
    layers, x = [make(name) for _ in range(3)], events(5, 2)
    parameters, buffers = stack_module_state(layers)  # type: ignore[arg-type]
    template = copy.deepcopy(layers[0]).to("meta")

    def call(parameters: Any, buffers: Any) -> Tensor:
        y: Tensor = functional_call(template, (parameters, buffers), (x,))[0]
        return y

    assert_agree(vmap(call)(parameters, buffers), torch.stack([output(layer, x) for layer in layers]))


@pytest.mark.parametrize("name", LAYERS)
def test_vmap_over_events_lengths_and_resets(name: str) -> None:
    layer, x = make(name), events(4, 5, 2)
    lengths, resets = torch.tensor([[5, 2], [0, 3], [5, 5], [1, 4]]), torch.rand(4, 5, 2) < 0.3
    assert_agree(vmap(lambda x: output(layer, x))(x), torch.stack([output(layer, one) for one in x]))
    found = vmap(lambda x, n, r: output(layer, x, lengths=n, resets=r))(x, lengths, resets)
    rows = zip(x, lengths, resets, strict=True)
    assert_agree(found, torch.stack([output(layer, one, lengths=n, resets=r) for one, n, r in rows]))


def test_vmap_over_attention() -> None:
    attention = wd.memory.MultiHeadAttention(3, heads=1, window=4, position=wd.memory.RelativeTime()).double()
    x, times = events(4, 5, 2), torch.rand(4, 5, 2).cumsum(1)
    found = vmap(lambda x, t: output(attention, x, times=t))(x, times)
    assert_agree(
        found, torch.stack([output(attention, one, times=t) for one, t in zip(x, times, strict=True)])
    )


def test_operators_of_torch_cells_outside_of_transforms_are_torch_own() -> None:
    cell, x = nn.LSTMCell(3, 4), torch.randn(2, 3)
    with vmappable():
        h, c = cell(x)
    assert torch.equal(h, cell(x)[0])
    assert torch.equal(c, cell(x)[1])


@pytest.mark.parametrize("name", ["torch's GRU without biases", "a stack"])
def test_compile_with_dynamic_sizes_makes_one_graph(name: str) -> None:
    torch._dynamo.reset()
    graphs: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> object:
        graphs.append(graph.code)
        return graph.forward

    layer = make(name)
    compiled = torch.compile(layer, dynamic=True, fullgraph=True, backend=backend)
    for steps, batch in ((6, 2), (9, 3), (4, 5)):
        x = events(steps, batch)
        assert_agree(output(compiled, x), output(layer, x))
    assert len(graphs) == 1
    assert "wolfdog.recurrence" in graphs[0]


@pytest.mark.parametrize(
    ("name", "options"),
    [("four gates", ("lengths", "resets")), pytest.param("a stack", (), marks=pytest.mark.slow)],
)
def test_export_with_dynamic_time(name: str, options: tuple[str, ...]) -> None:
    layer = make(name)
    sizes = {0: torch.export.Dim("T", min=2, max=1000), 1: torch.export.Dim("B", min=2, max=1000)}

    def drawn(steps: int, batch: int) -> tuple[Tensor, dict[str, Tensor]]:
        both = {"lengths": torch.randint(steps + 1, (batch,)), "resets": torch.rand(steps, batch) < 0.4}
        return events(steps, batch), {key: both[key] for key in options}

    x, given = drawn(6, 3)
    dynamic = {"x": sizes, **({"lengths": {0: sizes[1]}, "resets": sizes} if options else {})}
    program = torch.export.export(layer, (x,), given, dynamic_shapes=dynamic, strict=False)
    assert "scan" in str(program.graph)
    assert "wolfdog" not in str(program.graph)
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    again = torch.export.load(file).module()
    for steps, batch in ((9, 2), (2, 5), (30, 4)):
        x, given = drawn(steps, batch)
        assert_agree(again(x, **given)[0], output(layer, x, **given))


TIMED: dict[str, Callable[[], nn.Module]] = {
    "LSTM": lambda: wd.LSTM(3, 4, 2, bidirectional=True, proj_size=2),
    "GRU": lambda: wd.GRU(3, 4, batch_first=True),
    "RNN": lambda: wd.RNN(3, 4, nonlinearity="relu"),
    "Recurrent": lambda: wd.Recurrent(nn.GRUCell(3, 4)),
    "Attention": lambda: wd.memory.MultiHeadAttention(3, heads=1, window=4, batch_first=True),
}


@pytest.mark.parametrize(
    ("name", "strict"),
    [
        pytest.param("LSTM", False, marks=pytest.mark.slow),
        pytest.param("GRU", True, marks=pytest.mark.slow),
        ("RNN", False),
        ("Recurrent", True),
        ("Attention", False),
    ],
)
def test_export_with_dynamic_time_where_torch_nn_fixes_it(name: str, strict: bool) -> None:
    layer, x = TIMED[name]().double().eval(), events(6, 3)
    time = 1 if getattr(layer, "batch_first", False) else 0
    dynamic = ({time: torch.export.Dim("T", min=2, max=1000)},)
    program = torch.export.export(layer, (x,), dynamic_shapes=dynamic, strict=strict).module()
    for steps in (2, 9, 30):
        x = events(3, steps).transpose(0, 1) if time == 0 else events(6, steps)
        found, expected = program(x), layer(x)
        assert_agree(found[0], expected[0])
        assert_agree(tuple(tensors(found[1])), tuple(tensors(expected[1])))


def test_export_of_a_known_time_keeps_torch_nn_operator() -> None:
    program = torch.export.export(wd.GRU(3, 4), (torch.randn(6, 3, 3),))
    assert "gru" in str(program.graph)
    assert "scan" not in str(program.graph)
