"""Traces of cells whose source is odd, or is not there: names that are sensible all the same."""

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from tolerances import assert_agree


class Unit(nn.Module):
    """What the cells below have in common."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(7, 4)
        self.squash = lambda value: torch.tanh(value)

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 4)

    def joined(self, x: Tensor, h: Tensor) -> Tensor:
        return self.mix(torch.cat((x, h), -1))


class Lambdas(Unit):
    def opened(self, value: Tensor) -> Tensor:
        gate = torch.sigmoid(value)
        return gate * 2

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return (lambda value: self.squash(value) * self.opened(value))(self.joined(x, h))


class Chained(Unit):
    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.joined(x, h)).mul(0.5).add(h)


class Rebound(Unit):
    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        x = torch.tanh(self.joined(x, h))
        h = x * 2
        return h  # noqa: RET504


class InAnExpression(Unit):
    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        parts = [(whole := torch.tanh(self.joined(x, h))), *whole.chunk(2, -1)]
        return parts[0] * 3


class OfAGenerator(Unit):
    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        def gates() -> object:
            gate = torch.sigmoid(self.joined(x, h))
            yield gate

        new = next(iter([value * 2 for value in gates()]))
        return new  # noqa: RET504


WITHOUT_SOURCE = """
class Typed(Unit):
    def forward(self, x, h):
        gate = torch.sigmoid(self.joined(x, h))
        return gate * h + (1 - gate)
"""

NAMES = {
    Lambdas: ["gate", "state"],
    Chained: ["state"],
    Rebound: ["x", "h", "state"],
    InAnExpression: ["whole", "parts.0", "parts.1", "parts.2", "state"],
    OfAGenerator: ["new", "gates.gate", "state"],
}


@pytest.mark.parametrize("kind", NAMES, ids=lambda kind: kind.__name__)
def test_names(kind: type[Unit]) -> None:
    layer, x = wd.Recurrent(kind()), torch.randn(6, 2, 3)
    activations = layer.activations(x)
    assert list(activations) == NAMES[kind]
    assert layer.backend == "llvm"
    assert_agree(activations["state"], layer(x)[0].detach())


def test_a_cell_typed_at_a_prompt() -> None:
    names = {"Unit": Unit, "torch": torch}
    exec(WITHOUT_SOURCE, names)
    activations = wd.Recurrent(names["Typed"]()).activations(torch.randn(6, 2, 3))
    assert list(activations) == ["gate", "state"]


def test_a_cell_of_torch_compile_has_the_names_of_its_own_source() -> None:
    cell = wd.cells.LSTMCell(3, 4)
    traced = wd.Recurrent(torch.compile(cell, backend="eager")).activations(torch.randn(6, 2, 3))
    assert list(traced) == ["i", "f", "g", "o", "stm", "ltm"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_program_of_torchscript_runs_and_has_states_alone() -> None:
    cell, x = nn.LSTMCell(3, 4), torch.randn(6, 2, 3)
    layer = wd.Recurrent(torch.jit.script(cell), returns="state")
    assert layer.backend == "eager"
    assert "TorchScript" in layer.fallback_reason
    assert_agree(layer(x)[0], wd.Recurrent(cell)(x)[0])
    assert list(layer.activations(x)) == ["state.0", "state.1"]
