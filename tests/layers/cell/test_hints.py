"""An error of a cell that comes from the form of its events or of its state says so."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

import wolfdog as wd
from wolfdog.errors import InputError, ShapeError


class Pair(nn.Module):
    """torch.nn.LSTMCell within a cell of the user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = nn.LSTMCell(3, 4)

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        return torch.zeros(batch, 4), torch.zeros(batch, 4)

    def forward(self, x: Tensor, state: Any) -> Any:
        return self.unit(x, state)


class Listing(Pair):
    def forward(self, x: Tensor, state: Any) -> Any:
        return list(super().forward(x, state))


class ListingItsOwn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unit = nn.LSTMCell(3, 4)

    def forward(self, x: Tensor, state: Any = None) -> Any:
        return list(self.unit(x, state))


class Words(nn.Module):
    def __init__(self, squeezed: bool) -> None:
        super().__init__()
        self.table, self.unit, self.squeezed = nn.Embedding(9, 3), nn.GRUCell(3, 4), squeezed

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.unit(self.table(x.squeeze(-1) if self.squeezed else x), h)


@pytest.mark.filterwarnings("ignore:Pair runs as an eager loop")  # before the loop itself raises the error
@pytest.mark.parametrize("backend", [None, "eager"])
def test_a_state_of_another_structure(backend: str | None) -> None:
    x, h = torch.randn(5, 2, 3), torch.zeros(2, 4)
    layer = wd.Recurrent(Pair(), backend=backend)
    with pytest.raises(
        ShapeError, match=r"its state must be \(tensor, tensor\), as its initial state is; got tensor"
    ):
        layer(x, h)
    with pytest.raises(ShapeError, match=r"Pair raised TypeError: .*; its state must be \(tensor, tensor\)"):
        layer.step(x[0], h)
    with pytest.raises(ShapeError, match=r"its state must be tensor.*got \(tensor, tensor\)"):
        wd.Recurrent(nn.GRUCell(3, 4), backend=backend)(x, (h, h))


def test_an_error_of_another_kind_stays_the_cell_s_own() -> None:
    with pytest.raises(RuntimeError, match="hidden"):
        wd.Recurrent(Pair(), backend="eager")(torch.randn(5, 2, 3), (torch.zeros(2, 4), torch.zeros(2, 7)))


def test_a_list_of_states() -> None:
    x, h = torch.randn(5, 2, 3), torch.zeros(2, 4)
    for cell in (Listing(), ListingItsOwn()):
        with pytest.raises(InputError, match="returned a list: a state of several tensors is a tuple"):
            wd.Recurrent(cell)(x)
    with pytest.raises(ShapeError, match="a state is a tensor or a tuple of states; got list"):
        wd.Recurrent(Pair())(x, [h, h])


def test_a_packed_sequence() -> None:
    packed = pack_sequence([torch.randn(5, 3), torch.randn(2, 3)])
    for layer in (wd.Recurrent(nn.GRUCell(3, 4)), wd.Stack(nn.GRUCell(3, 4))):
        with pytest.raises(ShapeError, match=r"PackedSequence.*lengths="):
            layer(packed)


@pytest.mark.parametrize("backend", [None, "eager"])
@pytest.mark.parametrize("squeezed", [False, True])
def test_whole_numbers_without_a_feature_axis(squeezed: bool, backend: str | None) -> None:
    layer, x = wd.Recurrent(Words(squeezed), backend=backend), torch.randint(0, 9, (5, 2))
    with pytest.raises(
        ShapeError, match=r"\[5, 2\] are read as events of 2 features without.*x.unsqueeze\(-1\)"
    ):
        layer(x)
    with pytest.raises(ShapeError, match=r"x.unsqueeze\(-1\)"):
        layer.step(x[0], torch.zeros(2, 4))
    if squeezed:
        assert layer(x.unsqueeze(-1))[0].shape == (5, 2, 4)
    else:
        with pytest.raises(ShapeError, match=r"look up x.squeeze\(-1\)"):
            layer(x.unsqueeze(-1))
    with pytest.raises(ShapeError, match=r"pass x.long\(\)"):
        layer(torch.randn(5, 2, 1))


@pytest.mark.parametrize("wrong", [9, -2])
def test_lengths_out_of_range_within_a_graph(wrong: int) -> None:
    x, lengths = torch.randn(5, 2, 3), torch.tensor([3, 5])
    for layer in (wd.Recurrent(nn.GRUCell(3, 4)), wd.Stack(nn.GRUCell(3, 4))):
        torch._dynamo.reset()
        graph = torch.compile(layer, backend="aot_eager", fullgraph=True)
        torch.testing.assert_close(graph(x, lengths=lengths), layer(x, lengths=lengths))
        with pytest.raises(RuntimeError, match="lengths must lie between 0 and the number of events"):
            graph(x, lengths=torch.tensor([3, wrong]))
