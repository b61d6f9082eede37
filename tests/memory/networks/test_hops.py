"""Hops over entries of real numbers: against their equations, over windows, and mistakes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_cases import drawn
from cases import scrambled
from hops_equations import read
from tolerances import assert_agree, assert_same
from wolfdog import memory as m
from wolfdog.errors import InputError, ShapeError

TYINGS = {"adjacent": m.Adjacent(), "layer-wise": m.LayerWise(), "key-value": m.KeyValue()}
D, N, M, L = 3, 4, 2, 5


def make(tying: str, capacity: int | None = L, **options: object) -> m.EntryHops:
    given = {"value_size": M} if tying == "key-value" else {}
    made = m.EntryHops(D, N, tying=TYINGS[tying], capacity=capacity, dtype=torch.float64, **given, **options)
    return scrambled(made)


def asked(hops: m.EntryHops, tying: str, t: int, n: int) -> dict[str, torch.Tensor]:
    values = {"values": drawn(2, n, M, seed=3)} if tying == "key-value" else {}
    return {"queries": drawn(2, t, D), "entries": drawn(2, n, N, seed=1), **values}


def judged(
    hops: m.EntryHops, tying: str, b: int, t: int, inputs: dict, seen: list[int], ages: object
) -> object:
    p = {name.removeprefix("read."): value.detach().numpy() for name, value in hops.state_dict().items()}
    matrices = p["A"].reshape(-1, D, N)
    embedded = [[A @ inputs["entries"][b, i].numpy() for A in matrices] for i in seen]
    if tying == "key-value":
        embedded = [
            [m_i[0], p["C"] @ inputs["values"][b, i].numpy()] for m_i, i in zip(embedded, seen, strict=True)
        ]
    activation = (lambda a: np.maximum(a, 0)) if hops.read.activation else (lambda a: a)
    query = inputs["queries"][b, t].numpy()
    weighting = "linear" if hops.linear else hops.read.weighting
    return read(query, embedded, ages, hops.read.hops, p, tying, activation, weighting, hops.read.scaled)


@pytest.mark.parametrize("options", [{}, {"linear": True}, {"weighting": "stick-breaking"}, {"scaled": True}])
@pytest.mark.parametrize("activation", [None, torch.relu])
@pytest.mark.parametrize("capacity", [None, L])
@pytest.mark.parametrize("tying", TYINGS)
def test_equations(tying: str, capacity: int | None, activation: object, options: dict[str, object]) -> None:
    hops = make(tying, capacity, activation=activation, **options)
    inputs = asked(hops, tying, t=2, n=6)
    held = (
        torch.tensor([[[1, 1, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]], [[1, 1, 1, 1, 1, 1], [0, 0, 1, 0, 0, 0]]]) > 0
    )
    ages = torch.tensor([4, 2, 7, 5, 0, 1])
    u, weights = hops(**inputs, held=held, ages=None if capacity is None else ages)
    for b in range(2):
        for t in range(2):
            seen = [i for i in range(6) if held[b, t, i] and (capacity is None or ages[i] < L)]
            old = None if capacity is None else ages[seen].tolist()
            right, shares = judged(hops, tying, b, t, inputs, seen, old)
            assert_agree(u[b, t], torch.from_numpy(right))
            for k, share in enumerate(shares):
                expected = torch.zeros(6, dtype=torch.float64)
                expected[seen] = torch.from_numpy(share)
                assert_agree(weights[b, t, k], expected)


def test_the_judge_sees_another_tying_and_another_age() -> None:
    hops, inputs = make("adjacent"), asked(make("adjacent"), "adjacent", 1, 3)
    u, _ = hops(**inputs, ages=torch.tensor([2, 1, 0]))
    assert_agree(u[0, 0], torch.from_numpy(judged(hops, "adjacent", 0, 0, inputs, [0, 1, 2], [2, 1, 0])[0]))
    with pytest.raises(AssertionError):
        assert_agree(
            u[0, 0], torch.from_numpy(judged(hops, "adjacent", 0, 0, inputs, [0, 1, 2], [1, 2, 0])[0])
        )
    hops.linear = True
    with pytest.raises(AssertionError):
        assert_agree(
            u[0, 0], torch.from_numpy(judged(hops, "adjacent", 0, 0, inputs, [0, 1, 2], [2, 1, 0])[0])
        )


@pytest.mark.parametrize("options", [{}, {"weighting": "stick-breaking", "scaled": True}])
@pytest.mark.parametrize("tying", TYINGS)
def test_gradients(tying: str, options: dict[str, object]) -> None:
    hops = make(tying, activation=torch.tanh, **options)
    inputs = {name: tensor.requires_grad_() for name, tensor in asked(hops, tying, 2, 3).items()}
    ages, names = torch.tensor([[2, 0, 1], [0, 9, 1]]), list(hops.state_dict())

    def run(*tensors: torch.Tensor) -> object:
        parameters = dict(zip(names, tensors, strict=False))
        rest = dict(zip(inputs, tensors[len(names) :], strict=True))
        return torch.func.functional_call(hops, parameters, (), {**rest, "ages": ages})

    assert torch.autograd.gradcheck(run, (*hops.parameters(), *inputs.values()))


@given(steps=st.integers(0, 9), window=st.integers(1, 4), began=st.integers(0, 5))
def test_queries_over_windows_are_queries_one_by_one(steps: int, window: int, began: int) -> None:
    hops, inputs = make("adjacent", window), asked(make("adjacent"), "adjacent", steps, steps)
    at = torch.arange(steps)
    ages = at[:, None] - at
    held = (at < began)[:, None] == (at < began)  # a reset: what came before is not seen after it
    u, weights = hops(**inputs, held=held, ages=ages)
    assert weights.shape == (2, steps, 3, steps)
    memories = hops.embed(inputs["entries"])  # once, as in a stream
    for t in range(steps):
        first = max(0, t - window + 1, began if t >= began else 0)
        one, shares = hops.read(
            inputs["queries"][:, t : t + 1],
            [memory[:, first : t + 1] for memory in memories],
            ages=torch.arange(t - first, -1, -1),
        )
        assert_agree(u[:, t], one[:, 0])
        assert_agree(weights[:, t, :, first : t + 1], shares[:, 0])
        assert not weights[:, t, :, :first].any()
        assert not weights[:, t, :, t + 1 :].any()


@pytest.mark.parametrize("tying", TYINGS)
def test_entries_that_are_rows_of_shared_memories(tying: str) -> None:
    hops, rows, ages = make(tying).read, torch.tensor([[[3, 0, 3]], [[1, 1, 2]]]), torch.tensor([3, 2, 1, 0])
    memories = drawn(hops.tables, 4, D, seed=1)
    u = drawn(2, 2, D)
    spread = [memory[rows[:, 0]] for memory in memories]
    assert_agree(
        hops(u, memories.unbind(), ages=ages, empty=1, rows=rows), hops(u, spread, ages=ages, empty=1)
    )
    with pytest.raises(ShapeError, match=r"memories must be \d of \[N, 3\]"):
        hops(u, spread, ages=ages, empty=1, rows=rows)
    with pytest.raises(ShapeError, match=r"rows must be whole numbers that expand to \[2, 2, 3\]"):
        hops(u, memories.unbind(), ages=ages, empty=1, rows=rows[:, :, None])


def test_any_leading_dimensions() -> None:
    hops = make("layer-wise", None)
    queries, entries = drawn(2, 5, 1, D), drawn(2, 5, 6, N, seed=1)
    u, weights = hops(queries, entries)
    one, share = hops(queries[1, 2], entries[1, 2])
    assert_agree((u[1, 2], weights[1, 2]), (one, share))
    assert_agree(hops(queries, entries[:, :, [3, 0, 5, 1, 2, 4]])[0], u)


def test_nothing_held_is_nothing_read() -> None:
    hops, inputs = make("adjacent", None), asked(make("adjacent"), "adjacent", 2, 3)
    u, weights = hops(**inputs, held=torch.zeros(3, dtype=torch.bool))
    assert_same(u, inputs["queries"])
    assert not weights.any()


def test_mistakes() -> None:
    hops, inputs = make("adjacent"), asked(make("adjacent"), "adjacent", 2, 3)
    ages = torch.tensor([2, 1, 0])
    with pytest.raises(InputError, match="pass ages"):
        hops(**inputs)
    with pytest.raises(InputError, match="not used without a capacity"):
        make("adjacent", None)(**inputs, ages=ages)
    with pytest.raises(ShapeError, match=r"entries must be \[..., n, 4\]; got \[2, 3, 3\]"):
        hops(inputs["queries"], drawn(2, 3, 3), ages=ages)
    with pytest.raises(ShapeError, match=r"queries must be \[..., T, 3\]; got \[2, 2, 4\]"):
        hops(drawn(2, 2, 4), inputs["entries"], ages=ages)
    with pytest.raises(ShapeError, match=r"memories must be 4 of \[..., n, 3\]"):
        hops.read(inputs["queries"], drawn(3, 2, 3, 3), ages=ages)
    for wrong in (ages.double(), torch.zeros(2, dtype=torch.int64), torch.zeros(3, 2, 3, dtype=torch.int64)):
        with pytest.raises(ShapeError, match=r"ages must be whole numbers that expand to \[2, 2, 3\]"):
            hops(**inputs, ages=wrong)
    with pytest.raises(ShapeError, match=r"held must be booleans that expand to \[2, 2, 3\]"):
        hops(**inputs, held=torch.ones(3), ages=ages)
    with pytest.raises(InputError, match="leave them out"):
        hops(**inputs, values=drawn(2, 3, 2), ages=ages)
    with pytest.raises(InputError, match="pass values"):
        make("key-value")(**inputs, ages=ages)
    with pytest.raises(InputError, match=r"tying=KeyValue\(\) only"):
        m.EntryHops(3, 4, value_size=2)
    with pytest.raises(InputError, match="tying must be"):
        m.EntryHops(3, 4, tying="adjacent")
    with pytest.raises(InputError, match="activation must be a function"):
        m.EntryHops(3, 4, activation="relu")
    with pytest.raises(InputError, match="hops must be a positive whole number"):
        m.EntryHops(3, 4, hops=0)
