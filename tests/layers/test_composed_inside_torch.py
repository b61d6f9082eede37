"""Stacks and directions inside torch.compile and torch.export: one graph, the same numbers and gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from tolerances import assert_agree

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"
)


def model(dropout: float = 0.0) -> nn.Module:
    below = wd.Bidirectional(wd.cells.GRUCell(3, 4), merge="sum")
    return wd.Stack(below, wd.Recurrent(wd.cells.LSTMCell(4, 5)), dropout=dropout, skip="highway")


def counting() -> tuple[list[str], Any]:
    """The code of each graph that a backend is given, and the backend."""
    graphs: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> object:
        graphs.append(graph.code)
        return graph.forward

    return graphs, backend


def gradients(run: Any, layer: nn.Module, x: Tensor, **options: Any) -> tuple[Tensor, ...]:
    y, ((gru, _), (_, ltm)) = run(x, **options)
    total = y.square().sum() + gru.sum() + ltm.square().sum()
    return (y.detach(), *torch.autograd.grad(total, [x, *layer.parameters()]))


@pytest.mark.parametrize("marks", [(), ("lengths",), ("resets",), ("lengths", "resets")], ids="-".join)
def test_one_graph(marks: tuple[str, ...]) -> None:
    torch._dynamo.reset()
    layer, (graphs, backend) = model(), counting()
    compiled = torch.compile(layer, fullgraph=True, backend=backend)
    both = {"lengths": torch.tensor([3, 5]), "resets": torch.rand(5, 2) < 0.4}
    options = {name: both[name] for name in marks}
    x = torch.randn(5, 2, 3, requires_grad=True)
    assert_agree(gradients(compiled, layer, x, **options), gradients(layer, layer, x, **options))
    assert [code.count("wolfdog.recurrence") for code in graphs] == [3]


def test_resets_under_aot_autograd() -> None:
    torch._dynamo.reset()
    layer, x = model(), torch.randn(5, 2, 3, requires_grad=True)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    resets = torch.rand(5, 2) < 0.4
    assert_agree(gradients(compiled, layer, x, resets=resets), gradients(layer, layer, x, resets=resets))


def test_alike_but_for_what_comes_before_the_loop() -> None:
    """Two cells whose loops are the same program, and whose parameters are not."""

    class Scaled(nn.Module):
        input_size = output_size = 4

        def __init__(self, name: str, scale: float) -> None:
            super().__init__()
            self.name, self.scale = name, scale
            self.register_parameter(name, nn.Parameter(torch.randn(4, 4)))

        def initial_state(self, batch: int) -> Tensor:
            return torch.zeros(batch, 4)

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return torch.tanh(x + h @ (getattr(self, self.name) * self.scale))

    torch._dynamo.reset()
    stack, x = wd.Stack(Scaled("weight", 0.5), Scaled("matrix", 2.0)), torch.randn(5, 2, 4)
    assert_agree(torch.compile(stack, fullgraph=True, backend="eager")(x), stack(x))


def test_export() -> None:
    layer, x, lengths = model(dropout=0.5).eval(), torch.randn(5, 2, 3), torch.tensor([5, 2])
    program = torch.export.export(layer, (x,), {"lengths": lengths}).module()
    again, others = torch.randn(5, 2, 3), torch.tensor([1, 5])
    assert_agree(program(again, lengths=others), layer(again, lengths=others))
