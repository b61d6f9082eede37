"""Every attention, with every position, against its equations in NumPy; and the time bias's knots."""

from functools import partial

import numpy as np
import pytest
import torch

from attention_cases import PAIRS, SIZE, clock, drawn, make, timed
from attention_equations import EQUATIONS, one_query, own_past
from tolerances import assert_agree
from wolfdog import memory as m
from wolfdog.errors import InputError

LENGTHS = [7, 5, 0]
RESETS = torch.tensor([[t == 3, t in (0, 4), False] for t in range(7)])


def ask(attention: m.Attention, name: str, position: str | None, size: int = SIZE) -> object:
    p = {key: value.detach().numpy() for key, value in attention.state_dict().items()}
    return partial(_ask, EQUATIONS[name], p, position, attention.heads, size)


def _ask(
    equations: object, p: object, position: str | None, heads: int, size: int, x: object, seen: object
) -> object:
    return one_query(equations, p, position, heads, x, seen, size)


@pytest.mark.parametrize(("name", "position"), PAIRS)
def test_over_its_own_past(name: str, position: str | None) -> None:
    attention = make(name, position)
    x, times = drawn(7, 3, SIZE), clock(7, 3)
    y, _, weights = attention(x, lengths=LENGTHS, resets=RESETS, need_weights=True, **timed(position, times))
    right = own_past(ask(attention, name, position), x.numpy(), 3, LENGTHS, RESETS.numpy(), times.numpy())
    for b, length in enumerate(LENGTHS):
        for t in range(length):
            assert_agree(y[t, b], torch.from_numpy(right[0][b][t]))
            assert_agree(weights[t, b], torch.from_numpy(right[1][b][t].copy()))
        assert not y[length:, b].any()
        assert not weights[length:, b].any()
    if "local" not in name and name != "stick_breaking":
        assert_agree(weights[:5, :2].sum(-1), torch.ones(5, 2, attention.heads, dtype=torch.float64))


@pytest.mark.parametrize(("name", "position"), PAIRS)
def test_over_another_sequence(name: str, position: str | None) -> None:
    size = SIZE if "dot" in name else 6
    attention = make(name, position, window=None, entry_size=size)
    x, memory, times, then = drawn(3, 3, SIZE), drawn(5, 3, size, seed=1), clock(3, 3, 2) + 200, clock(5, 3)
    held = {**timed(position, times), **timed(position, then, "memory_times")}
    y, weights = attention.over(
        x, memory, lengths=[3, 2, 3], memory_lengths=[5, 4, 0], need_weights=True, **held
    )
    judge = ask(attention, name, position, size)
    for b, (queries, entries) in enumerate(((3, 5), (2, 4), (3, 0))):
        seen = [(memory[s, b].numpy(), s, then[s, b].item()) for s in range(entries)]
        for t in range(queries):
            right, shares = judge((x[t, b].numpy(), t, times[t, b].item()), seen)
            assert_agree(y[t, b], torch.from_numpy(right))
            assert_agree(weights[t, b, :, :entries], torch.from_numpy(np.array(shares)))
        assert not y[queries:, b].any()
        assert not weights[:, b, :, entries:].any()


def test_the_judge_sees_a_wrong_window_a_wrong_reset_and_a_wrong_place() -> None:
    attention, x = make("multi_head", "rotary"), drawn(7, 1, SIZE)
    y, _ = attention(x)
    nothing, times = np.zeros((7, 1), bool), np.zeros((7, 1))
    some = nothing.copy()
    some[4] = True
    judge = ask(attention, "multi_head", "rotary")
    assert_agree(y[6, 0], torch.from_numpy(own_past(judge, x.numpy(), 3, [7], nothing, times)[0][0][6]))
    wrong = [
        own_past(judge, x.numpy(), 2, [7], nothing, times),
        own_past(ask(attention, "multi_head", None), x.numpy(), 3, [7], nothing, times),
    ]
    for other in wrong:
        with pytest.raises(AssertionError):
            assert_agree(y[6, 0], torch.from_numpy(other[0][0][6]))
    with pytest.raises(AssertionError):
        assert_agree(y[4, 0], torch.from_numpy(own_past(judge, x.numpy(), 3, [7], some, times)[0][0][4]))


@pytest.mark.parametrize("place", [0, 10**9])
def test_a_rotary_product_depends_on_the_distance_alone(place: int) -> None:
    q, k = drawn(1, 64), drawn(1, 64, seed=1)
    near = m.Rotary().rotated(q, torch.tensor([place + 5])) @ m.Rotary().rotated(k, torch.tensor([place])).T
    first = m.Rotary().rotated(q, torch.tensor([5])) @ k.T
    torch.testing.assert_close(near, first, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "position",
    [
        m.Sinusoidal,
        m.Rotary,
        lambda base: m.RelativeTime(shortest=base),
        lambda base: m.RelativeTime(knots=1),
    ],
)
def test_positions_that_cannot_be(position: object) -> None:
    with pytest.raises(InputError):
        position(-1.0)
