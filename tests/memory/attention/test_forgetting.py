"""Forget gates of attention."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wolfdog.errors import InputError, ShapeError
from wolfdog.memory import EntryHops, Forgetting, LayerWise


def by_loops(forgetting: Forgetting, entries: torch.Tensor, last: torch.Tensor) -> np.ndarray:
    """The equations, entry by entry, in NumPy."""
    W, b = forgetting.W_f.detach().numpy(), forgetting.b_f.detach().numpy()
    m, last = entries.numpy(), last.numpy()
    B, S, _ = m.shape
    biases = np.zeros((B, len(b), last.shape[1], S))
    for example in range(B):
        for head in range(len(b)):
            for query, newest in enumerate(last[example]):
                for s in range(newest):
                    for between in range(s + 1, newest + 1):
                        gate = 1 / (1 + np.exp(-(W[head] @ m[example, between] + b[head])))
                        biases[example, head, query, s] += np.log(gate)
    return biases


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(1, 9), st.integers(0, 4), st.integers(1, 3), st.integers(0, 99))
def test_against_loops(batch, count, queries, heads, seed):
    torch.manual_seed(seed)
    forgetting = Forgetting(4, heads=heads, span=20.0, dtype=torch.float64)
    torch.nn.init.normal_(forgetting.W_f)
    entries = torch.randn(batch, count, 4, dtype=torch.float64)
    last = torch.randint(0, count, (batch, queries))
    found = forgetting(entries, last).detach().numpy()
    assert found.shape == (batch, heads, queries, count)
    np.testing.assert_allclose(found, by_loops(forgetting, entries, last), atol=1e-12)


def test_gates_begin_open():
    bias = Forgetting(3, span=100.0)(torch.randn(2, 101, 3), torch.tensor([[100]] * 2))
    torch.testing.assert_close(bias[:, :, 0, 0], torch.full((2, 1), -1.0), atol=1e-4, rtol=0)


def test_long_pasts_do_not_round_recent_differences():
    forgetting = Forgetting(2, span=3.0)
    bias = forgetting(torch.zeros(1, 100_000, 2), torch.tensor([[99_999]]))
    expected = -torch.arange(5, -1, -1) / 3
    torch.testing.assert_close(bias[0, 0, 0, -6:], expected, atol=1e-6, rtol=1e-6)


def test_gradients():
    forgetting = Forgetting(3, heads=2, span=5.0, dtype=torch.float64)
    entries = torch.randn(2, 6, 3, dtype=torch.float64, requires_grad=True)
    last = torch.tensor([[2, 5], [0, 4]])
    assert torch.autograd.gradcheck(lambda entries: forgetting(entries, last), (entries,))


@torch.no_grad()
def test_a_closed_gate_leaves_the_later_of_two_alike():
    """Of ninety old entries and one new one, which differ in their value only, hops read the new one."""
    hops = EntryHops(2, 3, hops=1, tying=LayerWise(), dtype=torch.float64)
    forgetting = Forgetting(3, dtype=torch.float64)
    hops.A[0].zero_()
    forgetting.W_f.copy_(torch.tensor([[0.0, -30.0, 0.0]]))
    forgetting.b_f.fill_(8.0)
    entries = torch.zeros(1, 92, 3, dtype=torch.float64)
    entries[:, 90, 1] = 1.0  # closes the gate
    last = torch.tensor([[91]])
    query = torch.randn(1, 1, 2, dtype=torch.float64)
    memories = hops.embed(entries)
    _, without = hops.read(query, memories)
    _, with_gate = hops.read(query, memories, bias=forgetting(entries, last)[:, 0])
    assert float(without[0, 0, 0, 90:].sum()) < 0.05
    assert float(with_gate[0, 0, 0, 90:].sum()) > 0.999


def test_wrong_arguments():
    with pytest.raises(InputError, match="span"):
        Forgetting(3, span=1.0)
    with pytest.raises(ShapeError, match="Forgetting takes"):
        Forgetting(3)(torch.zeros(2, 5, 4), torch.zeros(2, 1, dtype=torch.long))
    with pytest.raises(ShapeError, match="bias must expand"):
        EntryHops(2, 3)(torch.zeros(1, 2, 2), torch.zeros(1, 4, 3)) and EntryHops(2, 3).read(
            torch.zeros(1, 2, 2), [torch.zeros(1, 4, 2)] * 4, bias=torch.zeros(3, 5)
        )
