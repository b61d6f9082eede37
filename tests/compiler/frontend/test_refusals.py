"""What cannot be compiled runs eagerly, with one warning; what is subtle is compiled rightly."""

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd


class Own(nn.Module):
    """A cell by a function of the event and the state."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function, self.input_size = function, 4
        self.linear = nn.Linear(4, 4)

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.function(self, x, h)


def sorts(cell: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.sort(x + h).values


def looks(cell: Own, x: Tensor, h: Tensor) -> Tensor:
    return x if float(cell.linear.bias.detach().sum()) > 0 else h


def decides(cell: Own, x: Tensor, h: Tensor) -> Tensor:
    return x if bool((h > 0).any()) else h


def draws(cell: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(cell.linear(x) + torch.bernoulli(torch.sigmoid(h)))


def mixes(cell: Own, x: Tensor, h: Tensor) -> Tensor:
    return h + x - x.mean(0)


def counts(cell: Own, x: Tensor, h: Tensor) -> Tensor:
    return h + x / len(x)


@pytest.mark.parametrize(
    ("function", "says"),
    [(sorts, "sort"), (looks, "number is read"), (decides, "any|number"), (draws, "random|bernoulli"), (mixes, "batch"),
     (counts, "size of the batch")],
)  # fmt: skip
def test_one_warning_names_the_operation_and_the_line(function: Callable[..., Tensor], says: str) -> None:
    layer, x = wd.Recurrent(Own(function)), torch.randn(3, 2, 4)
    torch.manual_seed(3)
    with pytest.warns(RuntimeWarning, match="runs as an eager loop") as caught:
        y, _ = layer(x)
    assert len(caught) == 1
    assert layer.backend == "eager"
    assert layer.fallback_reason is not None
    if function is not counts:
        assert (
            f"test_refusals.py:{function.__code__.co_firstlineno + 1}, in {function.__name__}"
            in layer.fallback_reason
        )
    torch.manual_seed(3)
    torch.testing.assert_close(y, wd.Recurrent(layer.cell, backend="eager")(x)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(x)


def attribute(cell: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(cell.linear(x) + cell.mask * h)


def test_a_tensor_that_is_an_attribute_may_change() -> None:
    cell = Own(attribute)
    layer, x = wd.Recurrent(cell), torch.randn(3, 2, 4)
    for _ in range(3):  # as a mask that is drawn for every sequence
        cell.mask = torch.bernoulli(torch.full((4,), 0.5)) * 2
        torch.testing.assert_close(layer(x)[0], wd.Recurrent(cell, backend="eager")(x)[0])
    assert layer.backend == "llvm"


def test_the_cell_s_own_complaint_is_heard() -> None:
    with pytest.raises(wd.errors.ShapeError):
        wd.Recurrent(wd.cells.LSTMCell(3, 4))(torch.randn(5, 2, 7))


def test_unused_parameters_and_frozen_ones() -> None:
    cell = wd.cells.GRUCell(3, 4, dtype=torch.float64)
    cell.weight_hh.requires_grad_(False)
    cell.extra = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    layer, x = wd.Recurrent(cell), torch.randn(5, 2, 3, dtype=torch.float64)
    layer(x)[0].sum().backward()
    assert cell.weight_hh.grad is None
    assert cell.extra.grad is None
    assert cell.weight_ih.grad is not None
