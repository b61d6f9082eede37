"""Streams of context networks, moment by moment, beside the network over the whole sequence."""

import pytest
import torch

from tolerances import assert_agree, assert_same
from wolfdog.watch.model.context import Context
from wolfdog.watch.model.context_stream import ContextStream


@torch.no_grad()
@pytest.mark.parametrize(
    "memory", ["gru", "lstm+bank", pytest.param("lstmn", marks=pytest.mark.slow), "attention"]
)
def test_moment_by_moment_is_the_whole_sequence(memory: str) -> None:
    torch.manual_seed(0)
    context = Context(memory, classes=5, embedding=8, hidden=12).eval()
    embeddings, times = torch.randn(6, 1, 8), torch.arange(6.0, dtype=torch.float64).view(6, 1) / 5
    expected, _ = context(embeddings, times=times)
    stream = ContextStream(context)
    for _ in range(2):  # from the beginning, and again after a reset
        found = [stream.step(*moment) for moment in zip(embeddings, times.unsqueeze(1), strict=True)]
        assert_agree(torch.stack([logits for logits, _ in found]), expected)
        assert all((weights is None) == (context.memory.reach is None) for _, weights in found)
        stream.reset()


@torch.no_grad()
def test_a_state_that_was_read_does_not_change() -> None:
    stream = ContextStream(Context("gru", classes=5, embedding=8, hidden=12).eval())
    stream.step(torch.randn(1, 8), torch.zeros(1, 1))
    before = stream.state
    kept = before.clone()
    stream.step(torch.randn(1, 8), torch.ones(1, 1))
    assert_same(before, kept)
