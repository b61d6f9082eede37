"""Key-value memory networks: against their equations, what padding changes, files, and mistakes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from cases import scrambled
from hops_equations import encoded, read
from tolerances import assert_agree, assert_same
from wolfdog import memory as m
from wolfdog.errors import InputError, ShapeError

V, D = 9, 4
ENCODINGS = {"bag": m.BagOfWords(), "position": m.PositionEncoding()}
KEYS = torch.tensor([[[1, 2], [0, 0], [4, 0], [5, 2]], [[7, 8], [1, 4], [0, 0], [0, 0]], [[0, 0]] * 4])
VALUES = torch.tensor([[[6], [2], [3], [1]], [[5], [4], [0], [1]], [[1], [1], [1], [1]]])
QUESTIONS = torch.tensor([[2, 5], [3, 0], [8, 1]])


def make(encoding: str = "bag", **options: object) -> m.KeyValueMemoryNetwork:
    network = m.KeyValueMemoryNetwork(V, D, encoding=ENCODINGS[encoding], dtype=torch.float64, **options)
    return scrambled(network)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "options", [{}, {"answers": 3, "hops": 3, "activation": torch.tanh}, {"linear": True}]
)
def test_equations(encoding: str, options: dict) -> None:
    network = make(encoding, **options)
    logits, weights = network(KEYS, VALUES, QUESTIONS, need_weights=True)
    assert_agree(network(KEYS, VALUES, QUESTIONS), logits)
    p = {name.removeprefix("hops."): value.detach().numpy() for name, value in network.state_dict().items()}
    A, activation = p["entries.E"][0], np.tanh if network.hops.activation else (lambda a: a)
    for b, story in enumerate(KEYS):
        there = [s for s in range(4) if story[s].any()]
        embedded = [[encoded(text[b, s].tolist(), A, encoding) for text in (KEYS, VALUES)] for s in there]
        u = encoded(QUESTIONS[b].tolist(), A, encoding)
        weighting = "linear" if network.linear else "softmax"
        u, shares = read(u, embedded, None, network.hops.hops, p, "key-value", activation, weighting)
        assert_agree(logits[b], torch.from_numpy(p["B"] @ u))
        for hop, share in zip(weights[b], shares, strict=True):
            assert_agree(hop[there], torch.from_numpy(share))
            assert_agree(hop.abs().sum(), torch.from_numpy(np.abs(share)).sum())
    logits.square().sum().backward()
    assert all(bool(parameter.grad.any()) for parameter in network.parameters())


@given(order=st.permutations(range(4)), wide=st.integers(0, 2))
def test_neither_order_nor_padding_matters(order: list[int], wide: int) -> None:
    network = make("position")
    padded = [torch.nn.functional.pad(text[:, order], (wide, 1, 1, 0)) for text in (KEYS, VALUES)]
    assert_agree(network(*padded, QUESTIONS), network(KEYS, VALUES, QUESTIONS))


def test_saved_and_loaded(tmp_path: Path) -> None:
    network = make()
    save_file(network.state_dict(), tmp_path / "network.safetensors")
    again = scrambled(make(), seed=5)
    again.load_state_dict(load_file(tmp_path / "network.safetensors"))
    assert_same(again(KEYS, VALUES, QUESTIONS), network(KEYS, VALUES, QUESTIONS))


def test_mistakes() -> None:
    network = make()
    with pytest.raises(ShapeError, match="keys and values must have the same number"):
        network(KEYS, VALUES[:, :2], QUESTIONS)
    with pytest.raises(ShapeError, match="keys and values must have the same number"):
        network(KEYS, VALUES, QUESTIONS[:2])
    with pytest.raises(ShapeError, match=r"values must be \[B, S, V\], indices of words"):
        network(KEYS, VALUES[..., 0], QUESTIONS)
    with pytest.raises(InputError, match="keys must be indices of words, from 0 to 8; got 0 to 9"):
        network(KEYS + (KEYS == 8), VALUES, QUESTIONS)
    with pytest.raises(InputError, match="encoding must be"):
        m.KeyValueMemoryNetwork(V, D, encoding="bag")
