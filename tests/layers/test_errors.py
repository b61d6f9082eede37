"""Each mistake is one message that says what was expected and what was got."""

import pytest
import torch
from torch import nn

import wolfdog as wd
from foreign_cells import LearnedStart
from wolfdog.errors import InputError, ShapeError


def lstm(**options: object) -> wd.Recurrent:
    return wd.Recurrent(wd.cells.LSTMCell(3, 4), **options)


@pytest.mark.parametrize("x", [torch.zeros(3), [[1.0]], None])
def test_events(x: object) -> None:
    with pytest.raises(ShapeError, match=r"x must be \[T, B, ...\], or \[T, I\] without a batch; got"):
        lstm()(x)
    with pytest.raises(ShapeError, match=r"\[B, T, ...\]"):
        lstm(batch_first=True)(x)


@pytest.mark.parametrize("x", [torch.tensor(1.0), None])
def test_one_event(x: object) -> None:
    with pytest.raises(ShapeError, match=r"an event must be \[B, ...\]"):
        lstm().step(x)


def test_events_of_the_wrong_size() -> None:
    with pytest.raises(ShapeError, match=r"an event must be \[B, 3\].*got \[2, 5\]"):
        lstm()(torch.zeros(4, 2, 5))


@pytest.mark.parametrize("lengths", [[4], [1, 2, 3], torch.tensor([1.0, 2.0]), torch.tensor([True, True]), 3])
def test_lengths_of_the_wrong_form(lengths: object) -> None:
    with pytest.raises(ShapeError, match=r"lengths must be whole numbers of shape \[2\]; got"):
        lstm()(torch.zeros(4, 2, 3), lengths=lengths)


@pytest.mark.parametrize("lengths", [[5, 1], [-1, 4]])
def test_lengths_out_of_range(lengths: list[int]) -> None:
    with pytest.raises(InputError, match=r"lengths must lie in 0..4, .*got \[" + str(lengths[0])):
        lstm()(torch.zeros(4, 2, 3), lengths=lengths)


@pytest.mark.parametrize("resets", [torch.zeros(4, 2), torch.zeros(2, 4, dtype=torch.bool), [True]])
def test_resets(resets: object) -> None:
    with pytest.raises(ShapeError, match=r"resets must be booleans of shape \[4, 2\]; got"):
        lstm()(torch.zeros(4, 2, 3), resets=resets)
    if not isinstance(resets, list):
        with pytest.raises(ShapeError, match=r"resets must be booleans of shape \[4\]"):
            lstm()(torch.zeros(4, 3), resets=resets)


def test_resets_lie_as_the_events() -> None:
    with pytest.raises(ShapeError, match=r"shape \[2, 4\]; got \[4, 2\]"):
        lstm(batch_first=True)(torch.zeros(2, 4, 3), resets=torch.zeros(4, 2, dtype=torch.bool))


def test_states() -> None:
    x = torch.zeros(4, 2, 3)
    with pytest.raises(ShapeError, match=r"must have 2 rows, as the events have; got \[3, 4\]"):
        lstm()(x, (torch.zeros(2, 4), torch.zeros(3, 4)))
    with pytest.raises(ShapeError, match="a state is a tensor or a tuple of states; got list"):
        lstm()(x, [torch.zeros(2, 4), torch.zeros(2, 4)])
    with pytest.raises(ShapeError, match=r"must be a pair \(stm, ltm\); got one tensor"):
        lstm()(x, torch.zeros(2, 4))
    with pytest.raises(ShapeError, match=r"got \(tensor, NoneType\)"):
        lstm()(torch.zeros(4, 3), (torch.zeros(4), None))


def test_an_initial_state_of_a_cell_s_own_is_checked() -> None:
    cell = LearnedStart()
    cell.initial_state = lambda batch: cell.start
    with pytest.raises(ShapeError, match=r"must have 2 rows"):
        wd.Recurrent(cell)(torch.zeros(5, 2, 3))


@pytest.mark.parametrize("cell", [nn.LSTM(3, 4), len, wd.cells.LSTMCell])
def test_what_is_no_cell(cell: object) -> None:
    with pytest.raises(InputError, match="one step of a unit"):
        wd.Recurrent(cell)


class TestMistakes:
    """Mistakes that are told by what to write instead."""

    def test_a_packed_sequence(self) -> None:
        packed = nn.utils.rnn.pack_padded_sequence(torch.zeros(5, 2, 3), [5, 3])
        with pytest.raises(ShapeError, match=r"PackedSequence.*lengths="):
            wd.Recurrent(nn.GRUCell(3, 4))(packed)  # type: ignore[arg-type]

    def test_one_tensor_for_a_pair(self) -> None:
        layer = wd.Recurrent(nn.LSTMCell(3, 4))
        for call in (lambda: layer(torch.zeros(5, 2, 3), torch.zeros(2, 4)),
                     lambda: layer.step(torch.zeros(2, 3), torch.zeros(2, 4))):  # fmt: skip
            with pytest.raises(ShapeError, match=r"must be a pair \(h, c\)"):
                call()

    def test_a_list_for_a_state(self) -> None:
        class Listing(nn.Module):
            def forward(self, x: torch.Tensor, state: object) -> list[torch.Tensor]:
                return [x, x]

        pair = (torch.zeros(2, 3), torch.zeros(2, 3))
        with pytest.raises(InputError, match="returned a list"):
            wd.Recurrent(Listing())(torch.zeros(5, 2, 3), pair)
