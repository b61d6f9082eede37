"""Layouts, empty input, and mistakes, each one message that says what was expected and what was got."""

import pytest
import torch

from attention_cases import CASES, clock, drawn, make, timed
from tolerances import assert_same
from wolfdog import memory as m
from wolfdog.errors import InputError, ShapeError


@pytest.mark.parametrize("position", [None, "time"])
@pytest.mark.parametrize("name", CASES)
def test_layouts(name: str, position: str | None) -> None:
    attention, flipped = make(name, position), make(name, position, batch_first=True)
    x, times = drawn(5, 2, 4), clock(5, 2)
    resets = torch.tensor([[t == 2, t == 3] for t in range(5)])
    y, state, w = attention(x, lengths=[5, 4], resets=resets, need_weights=True, **timed(position, times))
    turned = flipped(
        x.transpose(0, 1), lengths=[5, 4], resets=resets.T, need_weights=True, **timed(position, times.T)
    )
    assert_same(
        (turned[0].transpose(0, 1), tuple(turned[1]), turned[2].transpose(0, 1)), (y, tuple(state), w)
    )
    alone = attention(
        x[:, 1], lengths=4, resets=resets[:, 1], need_weights=True, **timed(position, times[:, 1])
    )
    torch.testing.assert_close(
        (alone[0], tuple(alone[1]), alone[2]), (y[:, 1], tuple(p[1] for p in state), w[:, 1])
    )
    now = {"time": 2e9} if position == "time" else {}
    one, after, v = attention.step(x[0, 1], alone[1], need_weights=True, **now)
    batch, states, u = attention.step(x[0], state, need_weights=True, **now)
    torch.testing.assert_close((one, tuple(after), v), (batch[1], tuple(p[1] for p in states), u[1]))
    held = {**timed(position, times), **timed(position, times, "memory_times")}
    over, shares = attention.over(x, x, memory_lengths=[5, 3], need_weights=True, **held)
    held = {name: value.T for name, value in held.items()}
    turned = flipped.over(
        x.transpose(0, 1), x.transpose(0, 1), memory_lengths=[5, 3], need_weights=True, **held
    )
    assert_same((turned[0].transpose(0, 1), turned[1].transpose(0, 1)), (over, shares))
    held = {name: value[1] for name, value in held.items()}
    torch.testing.assert_close(attention.over(x[:, 1], x[:, 1], memory_lengths=3, **held), over[:, 1])


@pytest.mark.parametrize("name", CASES)
def test_nothing_comes_of_nothing(name: str) -> None:
    attention = make(name)
    for steps, batch in ((0, 2), (3, 0), (0, 0)):
        y, state, w = attention(drawn(steps, batch, 4), lengths=[0] * batch, need_weights=True)
        assert y.shape == (steps, batch, attention.output_size)
        assert w.shape == (steps, batch, attention.heads, 3)
        assert [len(part) for part in state] == [batch] * 4
        assert attention.over(drawn(steps, batch, 4), drawn(2, batch, 4)).shape == y.shape
    assert not attention.over(drawn(2, 1, 4), drawn(0, 1, 4), need_weights=True)[1].any()


def test_events_memories_and_states_of_wrong_shapes() -> None:
    attention, x = make("multi_head"), drawn(5, 2, 4)
    for wrong in (drawn(5, 2, 3), x.long(), drawn(5, 2, 4, 1)):
        with pytest.raises(ShapeError, match=r"each event must be 4 floating point numbers.*got"):
            attention(wrong)
    with pytest.raises(
        ShapeError, match=r"an event must be \[B, I\], or \[I\] without a batch; got \[5, 2, 4\]"
    ):
        attention.step(x)
    with pytest.raises(ShapeError, match=r"x must be \[T, B, ...\]"):
        attention(None)
    for wrong in (drawn(5, 3, 4), drawn(5, 2, 3), drawn(5, 4), x.long(), None):
        with pytest.raises(ShapeError, match=r"memory must be floating point numbers \[S, 2, 4\].*got"):
            attention.over(x, wrong)
    with pytest.raises(ShapeError, match=r"memory must be floating point numbers \[S, 4\]"):
        attention.over(x[:, 0], x)
    with pytest.raises(InputError, match=r"memory_lengths must lie in 0..5"):
        attention.over(x, x, memory_lengths=[6, 1])
    with pytest.raises(InputError, match=r"lengths must lie in 0..5"):
        attention(x, lengths=[6, 1])
    for other in (make("multi_head", window=4), make("additive")):
        with pytest.raises(
            ShapeError, match=r"state must be a Past\(seen, keys, values, times\).*\[2, 3, 4\].*got"
        ):
            attention(x, other(x)[1])
    with pytest.raises(ShapeError, match="a state is a tensor or a tuple of states"):
        attention(x, {"seen": 1})


def test_times() -> None:
    timed, untimed, x = make("dot", "time"), make("dot"), drawn(5, 2, 4)
    for call in (lambda: timed(x), lambda: timed.step(x[0]), lambda: timed.over(x, x, times=clock(5, 2))):
        with pytest.raises(InputError, match=r"RelativeTime\(\) needs the times of events"):
            call()
    for call in (lambda: untimed(x, times=clock(5, 2)), lambda: untimed.step(x[0], time=1.0)):
        with pytest.raises(InputError, match="times are not used here"):
            call()
    with pytest.raises(ShapeError, match=r"times must be seconds of shape \[5, 2\]; got \[2, 5\]"):
        timed(x, times=clock(2, 5))
    with pytest.raises(ShapeError, match=r"time must be seconds, \[2\], or one number; got \[5\]"):
        timed.step(x[0], time=torch.zeros(5))
    with pytest.raises(InputError, match="finite"):
        timed.step(x[0], time=float("nan"))


@pytest.mark.parametrize(
    ("make_wrong", "says"),
    [
        (lambda: m.MultiHeadAttention(6, 4), "a multiple of heads; got 6 and 4"),
        (lambda: m.MultiHeadAttention(6, 2, position=m.Rotary()), "must be even; got 6 / 2"),
        (lambda: m.MultiHeadAttention(5, 5, position=m.Sinusoidal()), "must be even; got 5 and 5"),
        (lambda: m.LuongAttention(5, position=m.Rotary()), "must be even; got 5"),
        (lambda: m.LuongAttention(4, score=m.Concat(3), position=m.Rotary()), "Concat adds them"),
        (lambda: m.AdditiveAttention(4, 3, position=m.Rotary()), "AdditiveAttention adds them"),
        (lambda: m.LuongAttention(4, entry_size=3, score=m.Dot()), "must be equal"),
        (lambda: m.LuongAttention(4, score="dot"), r"score must be Dot\(\)"),
        (lambda: m.LuongAttention(4, span="local"), r"span must be Global\(\)"),
        (lambda: m.AdditiveAttention(4, 3, position="rotary"), r"position must be Sinusoidal\(\)"),
        (lambda: m.AdditiveAttention(4, 3, window=0), "window must be a positive whole number; got 0"),
        (lambda: m.Concat(0), "hidden_size must be a positive"),
        (lambda: m.LocalP(2.5, 3), "half_width must be a positive"),
        (lambda: m.AdditiveAttention(4, 3)(torch.zeros(2, 1, 4)), "without a window"),
    ],
)
def test_options_that_cannot_be(make_wrong: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        make_wrong()


def test_what_it_is_made_of_can_be_read() -> None:
    text = repr(
        m.LuongAttention(4, window=9, score=m.Concat(3), span=m.LocalP(2, 5), position=m.Sinusoidal())
    )
    assert "4, heads=1, window=9, Sinusoidal(base=10000.0), score=Concat(hidden_size=3), span=LocalP" in text
