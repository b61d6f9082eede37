"""Attention on a recurrent layer: it is the two, one after the other, as a sequence and step by step."""

import pytest
import torch

import wolfdog as wd
from attention_cases import clock, drawn, make
from cases import scrambled
from tolerances import assert_agree, assert_same
from wolfdog import memory as m
from wolfdog.errors import InputError, ShapeError
from wolfdog.layers import detach


def recurrent(**options: object) -> wd.Recurrent:
    return wd.Recurrent(scrambled(wd.cells.GRUCell(3, 4, dtype=torch.float64)), backend="eager", **options)


@pytest.mark.parametrize("join", ["concatenate", "add", "context"])
def test_it_is_the_layer_and_then_attention(join: str) -> None:
    layer, attention = recurrent(), make("multi_head", "time")
    both = m.Attending(layer, attention, join=join)
    x, times = drawn(6, 2, 3), clock(6, 2)
    resets = torch.tensor([[t == 3, False] for t in range(6)])
    y, state, weights = both(x, lengths=[6, 4], resets=resets, times=times, need_weights=True)
    h, of_layer = layer(x, lengths=[6, 4], resets=resets)
    c, past, right = attention(h, lengths=[6, 4], resets=resets, times=times, need_weights=True)
    joined = {"concatenate": torch.cat((h, c), -1), "add": h + c, "context": c}
    assert_same((y, weights, state[0]), (joined[join], right, of_layer))
    assert all(map(torch.equal, state[1], past))


@pytest.mark.parametrize("batch_first", [False, True])
def test_chunks_and_steps_are_the_whole(batch_first: bool) -> None:
    both = m.Attending(recurrent(batch_first=batch_first), make("general_local", batch_first=batch_first))
    time = int(batch_first)
    x = drawn(2, 7, 3) if batch_first else drawn(7, 2, 3)
    whole, after = both(x)
    state, outputs = None, []
    for event in x.unbind(time):
        y_t, state = both.step(event, state)
        outputs.append(y_t)
    assert_agree(torch.stack(outputs, time), whole)
    assert_agree(state[0], after[0])
    first, state = both(x.narrow(time, 0, 3))
    second, _ = both(x.narrow(time, 3, 4), detach(state))
    assert_agree(torch.cat((first, second), time), whole)
    assert_agree(both(x[0] if batch_first else x[:, 0])[0], whole[0] if batch_first else whole[:, 0])


def test_it_runs_on_cells_that_attend_themselves_and_learns() -> None:
    torch.manual_seed(0)
    cell = m.LSTMNCell(3, 8, window=4, forget=wd.cells.ForgetBias(1.0))
    both = m.Attending(wd.Recurrent(cell, backend="eager"), m.LuongAttention(8, window=4), join="context")
    x = torch.randn(12, 4, 3)
    target = x.cumsum(0)[..., :1].tanh().expand(-1, -1, 8)
    adam = torch.optim.Adam(both.parameters(), lr=0.05)
    losses = []
    for _ in range(15):
        loss = (both(x)[0] - target).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_mistakes() -> None:
    attention = make("dot")
    for wrong in ((wd.cells.GRUCell(3, 4), attention), (attention, recurrent())):
        with pytest.raises(InputError, match=r"takes a wd.Recurrent and an attention of wd.memory; got"):
            m.Attending(*wrong)
    with pytest.raises(InputError, match="the same layout; got batch_first=True and False"):
        m.Attending(recurrent(batch_first=True), attention)
    with pytest.raises(InputError, match="join must be one of 'concatenate', 'add', 'context'; got 'sum'"):
        m.Attending(recurrent(), attention, join="sum")
    with pytest.raises(InputError, match="needs an attention with a window"):
        m.Attending(recurrent(), make("dot", window=None))
    with pytest.raises(ShapeError, match="the state must be a pair"):
        m.Attending(recurrent(), attention)(drawn(2, 1, 3), torch.zeros(1, 4))
    with pytest.raises(ShapeError, match=r"one size; got 4 and 3"):
        m.Attending(recurrent(), make("general"), join="add")(drawn(2, 1, 3))
