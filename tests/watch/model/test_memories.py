"""Memories that are searched: the same in any pieces, against slow twins, and what they say they looked at."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_equations import softmax, stick_breaking
from cases import scrambled
from tolerances import assert_agree
from wolfdog.errors import InputError, ShapeError
from wolfdog.memory import MemoryBank, Strided
from wolfdog.watch.model.attention_memory import AttentionMemory
from wolfdog.watch.model.context import Context
from wolfdog.watch.model.memory import Reach
from wolfdog.watch.model.readers import AGES, AttentionReader, HopReader
from wolfdog.watch.model.registry import CELLS, MEMORIES, check_names, make_memory
from wolfdog.watch.model.window import EntryWindow, extend

SEARCHED = ("lstmn", "attention", "memory-network", "gru+attention", "lstm+bank")
E, H = 4, 6


@pytest.fixture(autouse=True)
def no_kernels(monkeypatch):
    """How cells are compiled is tested elsewhere; the loop is the meaning, and takes no time to be made."""
    monkeypatch.setenv("WOLFDOG_BACKEND", "eager")


def options(name):
    """A window so short that it is full soon."""
    few = {"window": 5} if name in ("lstmn", "attention", "memory-network") or "+" in name else {}
    return few | ({"stride": 1.5} if name.endswith("+bank") else {})


def context(name, seed=0):
    torch.manual_seed(seed)
    return scrambled(Context(name, 3, embedding=E, hidden=H, **options(name))).double().eval()


def stream(steps, batch, seed=0, resets=0.1):
    """Events, resets and uneven times."""
    rng = np.random.default_rng(seed)
    times = rng.uniform(0.05, 1.0, (steps, batch)).cumsum(0) + 1e9
    return (
        torch.from_numpy(rng.standard_normal((steps, batch, E))),
        torch.from_numpy(rng.random((steps, batch)) < resets),
        torch.from_numpy(times),
    )


@pytest.mark.parametrize("name", [name for name in MEMORIES if name != "none"])
def test_pieces_and_single_moments_give_the_same(name):
    one = context(name)
    x, resets, times = stream(23, 3)
    with torch.no_grad():
        whole, last = one(x, None, resets, times)
        for cuts in ([7, 8, 20], range(1, 23)):
            state, parts = None, []
            for piece in zip(*(part.tensor_split(list(cuts)) for part in (x, resets, times)), strict=True):
                events, begins, when = piece
                said, state = one(events, state, begins, when)
                parts.append(said)
            assert_agree(torch.cat(parts), whole)
            assert_agree(state, last)
        some, state = one(x, None, resets, times, slice(2, None, 4))
        assert_agree(some, whole[2::4])
        assert_agree(state, last)


@pytest.mark.parametrize("name", SEARCHED)
def test_nothing_depends_on_what_comes_later_or_on_before_a_reset(name):
    one = context(name)
    x, _, times = stream(20, 2, seed=1)
    resets = torch.zeros(20, 2, dtype=torch.bool)
    resets[12, 1] = True
    with torch.no_grad():
        whole = one(x, None, resets, times)[0]
        later = x.clone()
        later[15:] += 1
        assert_agree(one(later, None, resets, times)[0][:15], whole[:15])
        earlier = x.clone()
        earlier[10] += 1
        changed = one(earlier, None, resets, times)[0]
        assert_agree(changed[12:, 1], whole[12:, 1])
        assert not torch.allclose(changed[12:, 0], whole[12:, 0])
        assert_agree(one(x[12:, 1:], None, None, times[12:, 1:])[0][:, 0], whole[12:, 1])


@pytest.mark.parametrize("name", SEARCHED)
def test_what_was_looked_at_is_what_was_held(name):
    one = context(name)
    x, resets, times = stream(30, 2, seed=2)
    with torch.no_grad():
        logits, state, looked = one.look(x, None, resets, times)
        expected, after = one(x, None, resets, times)
    assert_agree(logits, expected)
    assert_agree(state, after)
    assert looked.weights.shape == looked.times.shape == (30, 2, min(32, looked.weights.shape[2]))
    began = np.maximum.accumulate(np.where(resets, np.arange(30)[:, None], 0), 0)
    for t in range(30):
        for b in range(2):
            weights = looked.weights[t, b]
            assert (weights.diff() <= 0).all()
            seen = looked.times[t, b][weights > 0]
            assert len(set(seen.tolist())) == len(seen) <= 5
            assert set(seen.tolist()) <= set(times[began[t, b] : t + 1, b].tolist())
            total = float(weights.sum())
            if name in ("attention", "memory-network"):  # stick-breaking leaves a part to nothing
                assert 0 < total <= 1 + 1e-6
                continue
            nothing = name == "lstmn" and t == began[t, b]  # it looks at earlier steps alone
            assert total == pytest.approx(0 if nothing else 1, abs=1e-6)


def test_it_says_the_moment_that_it_looked_at():
    """AttentionReader that are made to look for one kind of entry name its time."""
    one = make_memory("attention", E, H, window=50)
    reader = one.reader.reader
    with torch.no_grad():
        for parameter in reader.parameters():
            parameter.zero_()
        reader.time_bias.fill_(-15.0)
        reader.b_q[:] = torch.tensor([60.0, 0, 0, 0]).repeat(reader.heads)
    x, _, times = stream(40, 1, seed=3)
    x[:] = 0
    x[11, 0, 0] = x[30, 0, 1] = 1
    _, _, looked = one.look(x.float(), times=times)
    assert (looked.times[12:, 0, 0] == times[11, 0]).all()
    assert (looked.weights[12:, 0, 0] > 0.99).all()
    assert (looked.times[1:11, 0, 0] != looked.times[12, 0, 0]).all()


def test_an_entry_that_matches_ends_the_influence_of_older_ones():
    one = scrambled(make_memory("attention", E, H, window=50))
    with torch.no_grad():
        one.reader.reader.b_q[:] = torch.tensor([80.0, 0, 0, 0]).repeat(one.reader.reader.heads)
    x, _, times = stream(40, 1, seed=4)
    x[:, :, 0] = 0
    x[20, 0, 0] = 1
    _, _, looked = one.look(x.float(), times=times)
    assert (looked.times[19][looked.weights[19] > 1e-6] < times[19, 0]).any()
    for t in (20, 30, 39):
        assert (looked.times[t][looked.weights[t] > 1e-6] >= times[20, 0]).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("attention", "stick-breaking"),
        ("memory-network", "stick-breaking"),
        ("lstm+attention", "softmax"),
        ("gru+bank", "softmax"),
    ],
)
def test_stick_breaking_is_for_memories_without_a_cell(name, expected):
    reader = make_memory(name, E, H).reader
    assert (reader.hops.read if name == "memory-network" else reader.reader).weighting == expected


# Against slow twins


@given(
    steps=st.integers(1, 40),
    window=st.integers(1, 12),
    stride=st.floats(0.1, 4.0),
    seed=st.integers(0, 999),
    cut=st.integers(0, 40),
)
def test_a_bank_of_many_streams_is_a_memory_bank_for_each(steps, window, stride, seed, cut):
    """What is kept, what is read and the weights, moment by moment; a bank begins anew at a reset."""
    torch.manual_seed(seed)
    x, resets, times = stream(steps, 2, seed)
    times -= 1e9
    heads = scrambled(AttentionReader(E, E, H, 0.2, 60.0)).double()
    kept, parts = EntryWindow.empty(2, window, E, x), []
    for piece in (slice(0, cut), slice(cut, None)):
        view, kept = extend(kept, x[piece], times[piece], resets[piece], stride)
        queries = x[piece].transpose(0, 1)
        if queries.shape[1]:
            parts.append(heads(queries, view, slice(None), times[piece].T)[0].detach())
    found = torch.cat(parts, 1)
    for stream_number in range(2):
        bank = MemoryBank(E, window, keep=Strided(stride), dtype=torch.float64)
        for t in range(steps):
            if resets[t, stream_number]:
                bank = MemoryBank(E, window, keep=Strided(stride), dtype=torch.float64)
            time = float(times[t, stream_number])
            bank.write(x[t, stream_number], time)
            alone = heads.reader(x[t, stream_number], bank, time=time).detach()
            assert_agree(found[stream_number, t], alone)
        held = int(kept.held[stream_number])
        assert held == len(bank)
        order = bank.times.argsort()
        assert_agree(kept.times[stream_number, window - held :], bank.times[order])
        assert_agree(kept.entries[stream_number, window - held :], bank.entries[order])


def by_hand(one, x, times, t, window):
    """What `attention` and `memory-network` say of moment t of one stream, in NumPy."""
    p = {name: value.detach().numpy() for name, value in one.named_parameters()}
    held = slice(max(0, t - window + 1), t + 1)
    entries, ages = x[held], times[t] - times[held]
    reach = one.reach
    place = np.log1p(np.minimum(ages, reach.longest) / reach.shortest) / np.log1p(
        reach.longest / reach.shortest
    )
    if isinstance(one.reader, AttentionReader):
        weighted = {"softmax": softmax, "stick-breaking": stick_breaking}[one.reader.reader.weighting]
        knots = p["reader.reader.time_bias"].shape[1]
        read = []
        for head, bias in enumerate(p["reader.reader.time_bias"]):
            rows = slice(head * E, (head + 1) * E)
            query = p["reader.reader.W_q"][rows] @ x[t] + p["reader.reader.b_q"][rows]
            lines = np.interp(place * (knots - 1), np.arange(knots), bias)
            read.append(weighted(entries @ query / math.sqrt(E) + lines) @ entries)
        y = p["reader.reader.W_o"] @ np.concatenate(read) + p["reader.reader.b_o"]
    else:
        A, C = p["reader.hops.A"]
        T_A, T_C = p["reader.hops.read.T"]
        age = np.minimum((place * AGES).astype(int), AGES - 1)
        y = p["reader.ask.weight"] @ x[t] + p["reader.ask.bias"]
        for b in p["reader.hops.read.b"]:
            shares = stick_breaking((entries @ A.T + T_A[age]) @ y / math.sqrt(H) + b)
            y = p["reader.hops.read.H"] @ y + shares @ (entries @ C.T + T_C[age])
    return np.tanh(p["direct.weight"] @ x[t] + y)


@pytest.mark.parametrize(
    "reader",
    [AttentionReader, partial(AttentionReader, weighting="softmax"), HopReader, partial(HopReader, hops=2)],
)
def test_equations_written_by_hand_give_the_same(reader):
    torch.manual_seed(4)
    one = scrambled(AttentionMemory(E, H, None, reader, Reach(6, 0.0, 0.2), 1)).double()
    x, _, times = stream(15, 2, seed=4)
    times -= 1e9
    y, _ = one(x, times=times)
    for stream_number in range(2):
        for t in range(15):
            expected = by_hand(one, x[:, stream_number].numpy(), times[:, stream_number].numpy(), t, 6)
            np.testing.assert_allclose(y[t, stream_number].detach().numpy(), expected, rtol=1e-9, atol=1e-12)


def test_one_clock_for_all_streams_and_clocks_of_their_own_give_the_same():
    one = context("attention")
    x, _, times = stream(12, 3, seed=5)
    alike = (times[:, :1] - 1e9).expand(-1, 3)
    with torch.no_grad():
        together = one(x, None, None, alike)[0]
        shifted = one(x, None, None, alike + torch.tensor([0.0, 64.0, 4096.0]))[0]
    assert_agree(together, shifted)


# What gradients reach


def test_gradients_reach_entries_of_the_chunk_and_no_earlier_ones():
    one = make_memory("gru+attention", E, H, window=20).double()
    x, _, times = stream(12, 2, seed=6)
    x.requires_grad_()
    _, state = one(x[:6], times=times[:6])
    state = (state[0].detach(), EntryWindow(*(part.detach() for part in state[1])))
    y, _ = one(x[6:], state, times=times[6:])
    y[-1].sum().backward()
    assert (x.grad[6:] != 0).any(-1).all()
    assert (x.grad[:6] == 0).all()


# Names and options


def test_every_name_makes_a_memory():
    for name in MEMORIES:
        if name == "none":
            continue
        one = make_memory(name, 3, 5)
        y, _ = one(torch.zeros(2, 1, 3), times=torch.zeros(2, 1, dtype=torch.float64))
        assert y.shape == (2, 1, one.output_size)
        assert (one.reach is None) == (name in (*CELLS, "ntm"))
    with pytest.raises(InputError, match="got 'none'; expected one of elman, lstm"):
        make_memory("none", 3, 5)
    assert make_memory("lstm+bank", 3, 5, window=100, stride=60.0).reach == Reach(100, 60.0, 0.2)
    assert make_memory("attention", 3, 5, fps=10.0).reach == Reach(1024, 0.0, 0.1)


@pytest.mark.parametrize(
    ("name", "wrong", "told"),
    [
        ("lstm", {"window": 5}, "holds no past moments.*lstm\\+attention"),
        ("none", {"window": 5}, "the memory none holds no past moments"),
        ("attention", {"window": 0}, "between 1 and 65536"),
        ("attention", {"window": 10**30}, "between 1 and 65536"),
        ("attention", {"stride": 5.0}, "is no bank"),
        ("gru+bank", {"stride": 0.0}, "above 0"),
        ("gru+bank", {"stride": float("nan")}, "above 0"),
        ("bank", {}, "expected one of"),
        ("lstm+lstm", {}, "expected one of"),
        ("ntm", {"window": 5}, "holds no past moments"),
        ("attention+bank", {}, "expected one of"),
    ],
)
def test_combinations_that_make_no_sense(name, wrong, told):
    with pytest.raises(InputError, match=told):
        Context(name, 3, embedding=E, hidden=H, **wrong) if name != "none" else check_none(wrong)


def check_none(wrong):
    from wolfdog.watch.model.config import WatcherConfig

    WatcherConfig(("a", "b"), 5.0, memory="none", **wrong)


def test_lists_of_names():
    check_names(["lstm", "gru+bank"], "--memories")
    for names in ([], ["lstm", "lstm"], ["none"], ["lstm", "elephant"]):
        with pytest.raises(InputError, match="--memories"):
            check_names(names, "--memories")


def test_times_are_asked_for():
    one = make_memory("attention", E, H)
    with pytest.raises(InputError, match="pass times"):
        one(torch.zeros(2, 1, E))
    with pytest.raises(ShapeError, match="times"):
        one(torch.zeros(2, 1, E), times=torch.zeros(2, 2))
    with pytest.raises(InputError, match="cannot say what it looked at"):
        make_memory("gru", E, H).look(torch.zeros(2, 1, E))
