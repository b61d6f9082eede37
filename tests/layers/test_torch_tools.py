"""Tools of PyTorch that look at a model: symbolic traces, dynamic quantization, and counts of operations."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.ao.quantization import quantize_dynamic
from torch.fx import symbolic_trace
from torch.fx.proxy import TraceError
from torch.utils.flop_counter import FlopCounterMode

import wolfdog as wd
from tolerances import assert_same
from wolfdog.memory import Attending, MultiHeadAttention

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "LSTM": lambda: wd.LSTM(3, 4),
    "GRU": lambda: wd.GRU(3, 4, num_layers=2),
    "RNN": lambda: wd.RNN(3, 2, bidirectional=True),
    "Recurrent": lambda: wd.Recurrent(wd.cells.GRUCell(3, 4)),
    "Stack": lambda: wd.Stack(nn.GRUCell(3, 3), nn.LSTMCell(3, 4)),
    "Bidirectional": lambda: wd.Bidirectional(nn.GRUCell(3, 2)),
    "Checkpointed": lambda: wd.Checkpointed(wd.Recurrent(nn.GRUCell(3, 4)), every=2),
    "attention": lambda: MultiHeadAttention(4, 2, window=3),
    "Attending": lambda: Attending(wd.Recurrent(nn.GRUCell(3, 2)), MultiHeadAttention(2, 1, window=3)),
}


class _Model(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(4, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        y, state = self.layer(x)
        return self.head(y), state


class _Steps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = wd.Stack(nn.GRUCell(3, 3), wd.Recurrent(wd.cells.GRUCell(3, 4)))
        self.other = wd.Recurrent(nn.GRUCell(4, 4))

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Any]:
        y, state = self.layer(x, lengths=lengths)
        z, _ = self.other.step(y[0])
        return z, self.layer.step(x[0], state)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_one_node_of_a_symbolic_trace(name: str) -> None:
    model, x = _Model(LAYERS[name]()).eval(), torch.randn(5, 2, 4 if name == "attention" else 3)
    graph = symbolic_trace(model)
    assert [node.target for node in graph.graph.nodes if node.op == "call_module"] == ["layer", "head"]
    assert_same(graph(x), model(x))
    with pytest.raises(TraceError):  # as of torch.nn's layers
        symbolic_trace(model.layer)


def test_steps_and_arguments_within_a_symbolic_trace() -> None:
    model, given = _Steps(), (torch.randn(5, 2, 3), torch.tensor([5, 2]))
    assert_same(symbolic_trace(model)(*given), model(*given))


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
@pytest.mark.parametrize("chosen", ["by default", "torch.nn's", "ours"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_dynamic_quantization_is_that_of_torch_nn(name: str, chosen: str) -> None:
    options = {"num_layers": 2, "bidirectional": True, "batch_first": True}
    own, layer = getattr(nn, name)(3, 4, **options), getattr(wd, name)(3, 4, **options)
    layer.load_state_dict(own.state_dict())
    kinds = {"by default": None, "torch.nn's": {getattr(nn, name)}, "ours": {getattr(wd, name)}}[chosen]
    found = quantize_dynamic(nn.Sequential(layer), kinds)
    expected = quantize_dynamic(nn.Sequential(own))
    assert type(found[0]) is type(expected[0])
    x = torch.randn(2, 5, 3)
    assert_same(found(x), expected(x))
    assert not hasattr(layer, "qconfig")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_layers_that_are_not_chosen_stay_as_they_are() -> None:
    model = nn.Sequential(wd.LSTM(3, 4), wd.RNN(3, 4))
    assert [type(part) for part in quantize_dynamic(model, {nn.Linear})] == [wd.LSTM, wd.RNN]


def _operations(run: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


@pytest.mark.parametrize("inside", ["forwards", "backwards", "both"])
@pytest.mark.parametrize("name", ["four gates", "LSTM", "GRU", "wd.LSTM", "wd.GRU"])
def test_operations_are_counted_as_those_of_the_loop(name: str, inside: str) -> None:
    cells = {"four gates": wd.cells.FourGateLSTMCell, "LSTM": nn.LSTMCell, "GRU": nn.GRUCell}
    if name in cells:
        layer: nn.Module = wd.Recurrent(cells[name](3, 4))
        twin: nn.Module = wd.Recurrent(layer.cell, backend="eager")
    else:
        layer = getattr(wd, name[3:])(3, 4)
        twin = getattr(nn, name[3:])(3, 4)
    counts, gradients, x = [], [], torch.randn(6, 2, 3)
    for one in (layer, layer, layer, twin):  # what runs again, too
        one.zero_grad()
        if inside == "forwards":
            counts.append(_operations(lambda one=one: one(x)))
        elif inside == "backwards":
            y = one(x)[0]
            counts.append(_operations(lambda y=y: y.sum().backward()))
        else:
            counts.append(_operations(lambda one=one: one(x)[0].sum().backward()))
        gradients.append([p.grad.clone() for p in one.parameters() if p.grad is not None])
    if name == "wd.LSTM" and inside == "backwards":  # torch.nn's operator has no formula
        loop = wd.Recurrent(nn.LSTMCell(3, 4), backend="eager")
        y = loop(x)[0]
        counts[-1] = _operations(lambda: y.sum().backward())
    if name == "four gates" and inside == "backwards":  # whose program joins products of the loop
        assert 0.85 < counts[0] / counts[-1] < 1.15
        counts = counts[:-1]
    assert len(set(counts)) == 1
    if name not in ("wd.LSTM", "wd.GRU"):
        assert counts[0] > 0
        torch.testing.assert_close(gradients[0], gradients[-1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_operations_of_a_graph_are_counted_as_those_of_the_loop() -> None:
    graphs: list[Any] = []

    def backend(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        graphs.append((graph, inputs))
        return graph.forward

    layer, x = wd.Recurrent(nn.GRUCell(3, 4)), torch.randn(6, 2, 3)
    torch.compile(layer, backend=backend, dynamic=False)(x)  # sizes may have been others in this process
    ((graph, inputs),) = graphs
    loop = wd.Recurrent(layer.cell, backend="eager")

    def train(run: Callable[[], Any]) -> None:
        run()[0].sum().backward()

    product = 2 * 2 * 4 * 12  # of one step, for the gradient of the first state, which the loop leaves out
    expected = product + _operations(lambda: train(lambda: loop(x)))
    assert _operations(lambda: train(lambda: graph(*inputs))) == expected
