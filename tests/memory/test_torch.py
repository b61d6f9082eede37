"""Multi-head attention against torch.nn.MultiheadAttention with the same weights; the fast path against the slow."""

import pytest
import torch
from torch import Tensor, nn

from attention_cases import PAIRS, clock, drawn, make, plain, timed
from tolerances import assert_agree
from wolfdog import memory as m


def both(
    entry_size: int = 8, bias: bool = True, **options: object
) -> tuple[nn.MultiheadAttention, m.Attention]:
    sizes = {} if entry_size == 8 else {"kdim": entry_size, "vdim": entry_size}
    theirs = nn.MultiheadAttention(8, 2, bias=bias, dtype=torch.float64, **sizes)
    ours = m.MultiHeadAttention(8, 2, entry_size=entry_size, bias=bias, dtype=torch.float64, **options)
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    return theirs, ours


def gradients(y: Tensor, module: nn.Module, *inputs: Tensor) -> tuple[Tensor, ...]:
    weight = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    parameters = [p for p in module.parameters() if p is not None]
    return torch.autograd.grad((y * weight).sum(), [*inputs, *parameters])


@pytest.mark.parametrize("window", [1, 3, 9])
@pytest.mark.parametrize("bias", [True, False])
def test_over_its_own_past_it_is_torch_s_with_a_mask(window: int, bias: bool) -> None:
    theirs, ours = both(bias=bias, window=window)
    x = drawn(6, 2, 8).requires_grad_()
    age = torch.arange(6)[:, None] - torch.arange(6)
    right, shares = theirs(x, x, x, attn_mask=(age < 0) | (age >= window), average_attn_weights=False)
    y, _ = ours(x)
    assert_agree(y, right)
    assert_agree(gradients(y, ours, x), gradients(right, theirs, x))
    slow, _, weights = ours(x, need_weights=True)  # by age
    assert_agree(slow, right)
    for t in range(6):
        for s in range(max(0, t - window + 1), t + 1):
            assert_agree(weights[t, :, :, t - s], shares[:, :, t, s])


@pytest.mark.parametrize("entry_size", [8, 5])
@pytest.mark.parametrize("need_weights", [True, False])
def test_over_another_sequence_it_is_torch_s_with_padded_keys(entry_size: int, need_weights: bool) -> None:
    theirs, ours = both(entry_size)
    x, memory = drawn(4, 3, 8).requires_grad_(), drawn(5, 3, entry_size, seed=1).requires_grad_()
    padded = torch.arange(5) >= torch.tensor([5, 2, 3])[:, None]
    right, shares = theirs(x, memory, memory, key_padding_mask=padded, average_attn_weights=False)
    found = ours.over(x, memory, memory_lengths=[5, 2, 3], need_weights=need_weights)
    y = found[0] if need_weights else found
    assert_agree(y, right)
    assert_agree(gradients(y, ours, x, memory), gradients(right, theirs, x, memory))
    if need_weights:
        assert_agree(found[1], shares.permute(2, 0, 1, 3))


@pytest.mark.parametrize("position", [None, "rotary", "time"])
def test_the_fast_path_is_the_slow_one(position: str | None) -> None:
    fast, slow = (make("multi_head", position, window=4, fast=fast) for fast in (True, False))
    resets = torch.tensor([[t == 5, False] for t in range(9)])
    results = []
    for attention in (fast, slow):
        attention.block = 4
        x, held = drawn(9, 2, 4).requires_grad_(), timed(position, clock(9, 2))
        y, past = attention(x, lengths=[9, 6], resets=resets, **held)
        y = torch.cat((y, attention(x, past, **timed(position, clock(9, 2, 1) + 500))[0]))
        results.append((y, plain(past), gradients(y, attention, x)))
    assert_agree(*results)
    results = []
    for attention in (fast, slow):
        x, memory = drawn(3, 2, 4).requires_grad_(), drawn(5, 2, 4, seed=1).requires_grad_()
        held = {**timed(position, clock(3, 2) + 400), **timed(position, clock(5, 2), "memory_times")}
        y = attention.over(x, memory, memory_lengths=[4, 0], **held)
        results.append((y, gradients(y, attention, x, memory)))
    assert_agree(*results)


@pytest.mark.parametrize(("name", "position"), PAIRS)
def test_gradients(name: str, position: str | None) -> None:
    attention = make(name, position, window=2)
    x, memory = drawn(3, 2, 4).requires_grad_(), drawn(2, 2, 4, seed=1).requires_grad_()
    resets = torch.tensor([[False, False], [False, True], [False, False]])
    own = timed(position, clock(3, 2))
    other = {**timed(position, clock(3, 2) + 90), **timed(position, clock(2, 2), "memory_times")}
    parameters = list(attention.parameters())

    def outputs(x: Tensor, memory: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
        y, past = attention(x, lengths=[3, 2], resets=resets, **own)
        return torch.cat((y, attention(x[:1], past, **timed(position, clock(1, 2) + 99))[0])), attention.over(
            x, memory, memory_lengths=[2, 0], **other
        )

    assert torch.autograd.gradcheck(outputs, (x, memory, *parameters), fast_mode=True)
