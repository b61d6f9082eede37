"""Whole sequences, chunks and steps give the same; states are bounded, can be saved, and can be cut from the graph."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import wolfdog as wd
from attention_cases import PAIRS, clock, drawn, make, plain, stepped, timed
from tolerances import assert_agree, assert_same
from wolfdog import memory as m
from wolfdog.layers import detach


@pytest.mark.parametrize(("name", "position"), PAIRS)
@settings(max_examples=5)
@given(data=st.data(), window=st.integers(1, 6), steps=st.integers(1, 8), block=st.sampled_from([2, 3, 128]))
def test_whole_chunks_and_steps_agree(
    name: str, position: str | None, data: st.DataObject, window: int, steps: int, block: int
) -> None:
    attention = make(name, position, window)
    attention.block = block
    x, times = drawn(steps, 2, 4), clock(steps, 2)
    held = timed(position, times)
    resets = torch.tensor(
        data.draw(st.lists(st.tuples(st.booleans(), st.just(False)), min_size=steps, max_size=steps))
    )
    before = attention(drawn(3, 2, 4, seed=5), **timed(position, clock(3, 2) - 300))[1]
    start = data.draw(st.sampled_from([None, before]))
    whole = attention(x, start, resets=resets, need_weights=True, **held)
    cut = data.draw(st.integers(0, steps))
    y, state, w = attention(
        x[:cut], start, resets=resets[:cut], need_weights=True, **timed(position, times[:cut])
    )
    more, state, v = attention(
        x[cut:], state, resets=resets[cut:], need_weights=True, **timed(position, times[cut:])
    )
    assert_agree((torch.cat((y, more)), plain(state), torch.cat((w, v))), plain(whole))
    if not resets.any():
        assert_agree(plain(stepped(attention, x, start, held.get("times"))), plain(whole))
    lengths = [steps, data.draw(st.integers(0, steps))]
    y, state = attention(x, start, lengths=lengths, resets=resets, **held)
    short = lengths[1]
    alone, after = attention(
        x[:short, 1:],
        None if start is None else m.Past(*(part[1:] for part in start)),
        resets=resets[:short, 1:],
        **timed(position, times[:short, 1:]),
    )
    assert_agree((y[:short, 1:], tuple(part[1:].double() for part in state)), (alone, plain(after)))


@pytest.mark.parametrize("position", [None, "rotary", "sinusoidal"])
def test_a_step_in_single_precision_is_the_sequence_after_many_events(position: str | None) -> None:
    attention = make("multi_head", position, window=16).float()
    x = drawn(300, 1, 4).float()
    with torch.no_grad():
        y, state, _ = stepped(attention, x, None, None)
        torch.testing.assert_close(attention(x)[0], y, rtol=0, atol=1e-5)
    assert [list(part.shape) for part in state] == [[1], [1, 16, 4], [1, 16, 4], [1, 0]]


@pytest.mark.parametrize("position", [None, "time"])
def test_a_state_is_saved_and_restored(position: str | None, tmp_path: Path) -> None:
    attention, x, times = make("additive", position), drawn(9, 2, 4), clock(9, 2)
    _, state = attention(x[:5], **timed(position, times[:5]))
    save_file(state._asdict(), tmp_path / "state.safetensors")
    restored = m.Past(**load_file(tmp_path / "state.safetensors"))
    held = timed(position, times[5:])
    assert_same(attention(x[5:], restored, **held)[0], attention(x[5:], state, **held)[0])


def test_a_step_leaves_the_state_that_it_was_given() -> None:
    attention, x = make("dot"), drawn(6, 2, 4)
    _, state = attention(x)
    kept = m.Past(*(part.clone() for part in state))
    first, second = (attention.step(x[0], state)[0] for _ in range(2))
    assert_same(tuple(state), tuple(kept))
    assert_same(first, second)


def test_gradients_end_at_detach_at_resets_at_the_window_and_at_ends() -> None:
    attention, x = make("multi_head", window=3), drawn(6, 3, 4).requires_grad_()
    resets = torch.zeros(6, 3, dtype=torch.bool)
    resets[4, 1] = True
    y, state = attention(x, lengths=[6, 6, 2], resets=resets)
    (y[5].sum() + y[1].sum()).backward(retain_graph=True)
    reached = x.grad.abs().sum(-1) > 0
    assert reached.T.tolist() == [
        [True] * 2 + [False] + [True] * 3,
        [True] * 2 + [False] * 2 + [True] * 2,
        [True] * 2 + [False] * 4,
    ]
    x.grad = None
    attention(x[:1], detach(state))[0].sum().backward()
    assert not x.grad[1:].any()


def test_what_lies_past_the_ends_does_not_matter() -> None:
    attention, x, times = make("additive", "time"), drawn(4, 2, 4), clock(4, 2)
    right = attention(x, lengths=[4, 2], times=times, need_weights=True)
    memory = attention.over(x, x, memory_lengths=[4, 2], times=times, memory_times=times)
    x[2:, 1], times[2:, 1] = torch.nan, torch.nan
    x.requires_grad_()
    found = attention(x, lengths=[4, 2], times=times, need_weights=True)
    assert_same(plain(found), plain(right))
    found[0].sum().backward()
    assert x.grad.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in attention.parameters())
    again = attention.over(x, x, lengths=[4, 2], memory_lengths=[4, 2], times=times, memory_times=times)
    assert_same(again[:, 0], memory[:, 0])
    assert_same(again[:2, 1], memory[:2, 1])


def test_learning_from_a_stream_in_chunks() -> None:
    attention = make("multi_head", "rotary", window=5)
    whole = attention(torch.cat([drawn(7, 2, 4, seed=s) for s in range(3)]))[0]
    stream = wd.TruncatedBPTT(attention, (drawn(7, 2, 4, seed=s) for s in range(3)))
    assert_agree(torch.cat([y for y, _, _ in stream]), whole)
