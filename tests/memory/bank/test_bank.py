"""Memory banks: what each rule keeps, against lists that say the same; reading, saving, and mistakes."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from attention_cases import drawn
from tolerances import assert_agree, assert_same
from wolfdog import memory as m
from wolfdog.errors import CheckpointError, InputError, ShapeError

RULES = [m.Recent(), m.Strided(2.0), m.Reservoir(3), m.Novel(0.4), m.LeastUsed(0.9)]


def should_hold(rule: object, capacity: int, stream: list[tuple[np.ndarray, float]]) -> list[float]:
    """The times of what a rule keeps of a stream, oldest first; of the rules that need nothing but the stream."""
    held: list[tuple[np.ndarray, float]] = []
    for entry, time in stream:
        if isinstance(rule, m.Strided) and held and abs(time - held[-1][1]) < rule.seconds:
            continue
        if isinstance(rule, m.Novel):
            cosines = [entry @ e / np.linalg.norm(entry) / np.linalg.norm(e) for e, _ in held]
            if cosines and 1 - max(cosines) <= rule.threshold:
                continue
        held = [*held, (entry, time)][-capacity:]
    return [time for _, time in held]


def written(rule: object, capacity: int, count: int, seed: int = 0, size: int = 3) -> m.MemoryBank:
    bank = m.MemoryBank(size, capacity, keep=rule, dtype=torch.float64)
    for number, entry in enumerate(drawn(count, size, seed=seed)):
        bank.write(entry, float(number))
        bank.read(entry)
    return bank


@pytest.mark.parametrize("rule", [m.Recent(), m.Strided(2.0), m.Novel(0.4)])
@settings(max_examples=15)
@given(
    capacity=st.integers(1, 5),
    times=st.lists(st.floats(0, 9), min_size=1, max_size=12),
    seed=st.integers(0, 99),
)
def test_what_is_kept(rule: object, capacity: int, times: list[float], seed: int) -> None:
    bank = m.MemoryBank(2, capacity, keep=rule, dtype=torch.float64)
    stream = [(entry, time) for entry, time in zip(drawn(len(times), 2, seed=seed), times, strict=True)]
    kept = [bank.write(entry, time) for entry, time in stream]
    right = should_hold(rule, capacity, [(entry.numpy(), time) for entry, time in stream])
    order = (
        [*range(bank.kept % capacity, capacity), *range(bank.kept % capacity)]
        if bank.kept > capacity
        else None
    )
    assert (bank.times if order is None else bank.times[order]).tolist() == right
    assert len(bank) == len(right) == min(sum(kept), capacity)
    by_time = {time: entry for entry, time in stream}
    if len(by_time) == len(stream):
        assert all(
            torch.equal(entry, by_time[time.item()])
            for entry, time in zip(bank.entries, bank.times, strict=True)
        )


def test_a_reservoir_is_a_fair_sample() -> None:
    counts = torch.zeros(20)
    for seed in range(400):
        bank = m.MemoryBank(1, 5, keep=m.Reservoir(seed))
        for number in range(20):
            bank.write(torch.ones(1), float(number))
        counts[bank.times.long()] += 1
    assert counts.sum() == 400 * 5
    # each of 20 is kept 100 times of 400 in the mean, with a standard deviation of 8.7
    assert counts.min() > 65
    assert counts.max() < 135


def test_what_is_used_least_goes() -> None:
    bank = m.MemoryBank(3, 3, keep=m.LeastUsed(0.5), dtype=torch.float64)
    for number, entry in enumerate(torch.eye(3, dtype=torch.float64)):
        bank.write(entry, float(number))
    assert_agree(bank.usage, torch.tensor([0.25, 0.5, 1.0], dtype=torch.float64))
    _, weights = bank.read(torch.tensor([[9.0, 0.0, 0.0], [0.0, 0.0, 9.0]], dtype=torch.float64))
    assert_agree(bank.usage, torch.tensor([0.25, 0.5, 1.0], dtype=torch.float64) + weights.sum(0))
    bank.write(torch.ones(3, dtype=torch.float64), 3.0)
    assert bank.times.tolist() == [0.0, 3.0, 2.0]  # nobody asked for the second
    assert bank.usage[1] == 1
    for number in range(4, 9):
        bank.write(torch.ones(3, dtype=torch.float64), float(number))
    assert sorted(bank.times.tolist()) == [6.0, 7.0, 8.0]  # unread, the oldest goes


def test_reading_is_attention() -> None:
    bank, queries, bias = written(m.Recent(), 4, 6), drawn(2, 3, seed=1), drawn(2, 4, seed=2)
    read, weights = bank.read(queries, bias)
    held = bank.entries.numpy()
    for q, b, context, shares in zip(queries.numpy(), bias.numpy(), read, weights, strict=True):
        powers = np.exp([q @ entry / math.sqrt(3) + added for entry, added in zip(held, b, strict=True)])
        assert_agree(shares, torch.from_numpy(powers / powers.sum()))
        assert_agree(context, torch.from_numpy((powers / powers.sum()) @ held))
    empty, none = m.MemoryBank(3, 4, keep=m.LeastUsed(), dtype=torch.float64).read(queries)
    assert not empty.any()
    assert none.shape == (2, 0)


def test_gradients_reach_what_asks_whatever_is_written_later() -> None:
    bank, queries, bias = written(m.Recent(), 4, 6), drawn(2, 3, seed=1).requires_grad_(), drawn(2, 4, seed=2)
    assert torch.autograd.gradcheck(bank.read, (queries, bias.requires_grad_()))
    right = torch.autograd.grad(bank.read(queries, bias)[0].square().sum(), (queries, bias))
    read = bank.read(queries, bias)[0].square().sum()
    bank.write(drawn(3, seed=3), 99.0)
    assert_same(torch.autograd.grad(read, (queries, bias)), right)
    alone = bank.read(queries.detach(), bias)[0].sum()
    bank.write(drawn(3, seed=4), 100.0)
    assert torch.autograd.grad(alone, bias)[0].any()


@pytest.mark.parametrize("position", [None, m.RelativeTime(shortest=0.5, longest=30.0, knots=4)])
def test_a_reader_is_multi_head_attention_with_its_matrices_multiplied(
    position: m.RelativeTime | None,
) -> None:
    bank, x = written(m.Recent(), 5, 7, size=4), drawn(3, 8)
    theirs = m.MultiHeadAttention(8, 2, entry_size=4, bias=False, position=position, dtype=torch.float64)
    reader = m.BankReader(8, 4, heads=2, position=position, dtype=torch.float64)
    with torch.no_grad():
        for head in range(2):
            rows, columns = slice(head * 4, head * 4 + 4), slice(head * 4, head * 4 + 4)
            reader.W_q[rows] = theirs.k_proj_weight[rows].T @ theirs.q_proj_weight[rows]
            reader.W_o[:, columns] = theirs.out_proj.weight[:, rows] @ theirs.v_proj_weight[rows]
    times = {} if position is None else {"time": torch.tensor([9.0, 12.0, 40.0])}
    held = {}
    if position is not None:
        torch.nn.init.normal_(theirs.time_bias)
        reader.load_state_dict({"time_bias": theirs.time_bias}, strict=False)
        held = {"times": times["time"][:, None], "memory_times": bank.times[:, None]}
    # one query after the other: the bank is one for all of them
    right, shares = theirs.over(x[:, None], bank.entries[:, None], need_weights=True, **held)
    y, weights = reader(x, bank, need_weights=True, **times)
    assert_agree((y, weights), (right[:, 0], shares[:, 0]))
    one = {name: time[1].item() for name, time in times.items()}
    assert_agree(reader(x[1], bank, **one), y[1])
    parameters = list(reader.parameters())
    reader(x, bank, **times).square().sum().backward()
    assert all(bool(p.grad.any()) for p in parameters)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("count", [0, 3, 9])
def test_a_saved_bank_goes_on_as_it_would_have(rule: object, count: int, tmp_path: Path) -> None:
    bank = written(rule, 4, count)
    bank.save(tmp_path / "bank.safetensors")
    again = m.MemoryBank.load(tmp_path / "bank.safetensors")
    assert repr(again) == repr(bank)
    for number, entry in enumerate(drawn(9, 3, seed=7), start=count):
        assert again.write(entry, float(number)) == bank.write(entry, float(number))
        assert_same(again.read(entry), bank.read(entry))
    assert_same((again.entries, again.times, again.usage), (bank.entries, bank.times, bank.usage))
    assert (again.seen, again.kept, again.latest) == (bank.seen, bank.kept, bank.latest)


def test_files_that_are_no_banks(tmp_path: Path) -> None:
    path = tmp_path / "bank.safetensors"
    with pytest.raises(CheckpointError, match="no such file"):
        m.MemoryBank.load(path)
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        m.MemoryBank.load(path)
    bank = written(m.Novel(0.1), 4, 6)
    bank.save(path)
    tensors, notes = load_file(path), {**_notes(bank), "options": {"threshold": 0.1}}
    wrong = [
        {**notes, "capacity": 3},
        {**notes, "capacity": 10**18},
        {**notes, "keep": "os.system"},
        {**notes, "options": {"threshold": 9}},
        {**notes, "kept": -1},
        {**notes, "seen": 2},
        {**notes, "latest": "now"},
        {key: value for key, value in notes.items() if key != "seen"},
    ]
    for told in wrong:
        save_file(tensors, path, {"kind": "wolfdog memory bank", "notes": json.dumps(told)})
        with pytest.raises(CheckpointError, match="not a bank that wolfdog saved, or damaged"):
            m.MemoryBank.load(path)
    tensors["times"][0] = torch.nan
    save_file(tensors, path, {"kind": "wolfdog memory bank", "notes": json.dumps(notes)})
    with pytest.raises(CheckpointError, match="not finite"):
        m.MemoryBank.load(path)


def _notes(bank: m.MemoryBank) -> dict[str, object]:
    own = {"entry_size": bank.entry_size, "capacity": bank.capacity, "keep": type(bank.keep).__name__}
    return {**own, "seen": bank.seen, "kept": bank.kept, "latest": bank.latest}


def test_mistakes() -> None:
    bank, reader = m.MemoryBank(3, 4), m.BankReader(5, 3)
    for wrong in (torch.zeros(4), torch.zeros(1, 3), None):
        with pytest.raises(ShapeError, match=r"an entry must be \[3\]; got"):
            bank.write(wrong, 0.0)
    for entry, time in ((torch.full((3,), torch.nan), 0.0), (torch.zeros(3), math.inf)):
        with pytest.raises(InputError, match="must be finite numbers"):
            bank.write(entry, time)
    assert len(bank) == bank.seen == 0
    for wrong in (torch.zeros(4), torch.zeros(3).double()):
        with pytest.raises(ShapeError, match=r"queries must be \[..., 3\] of torch.float32"):
            bank.read(wrong)
    with pytest.raises(
        ShapeError, match=r"BankReader takes \[B, 5\].*entry_size=3; got \[3\].*MemoryBank\(3, 4"
    ):
        reader(torch.zeros(3), bank)
    with pytest.raises(InputError, match="times are not used here"):
        reader(torch.zeros(5), bank, time=1.0)
    with pytest.raises(InputError, match="position must be RelativeTime"):
        m.BankReader(5, 3, position=m.Rotary())
    with pytest.raises(InputError, match="capacity must be a positive whole number"):
        m.MemoryBank(3, 0)
    with pytest.raises(
        InputError, match="keep must be one of Recent, Strided, Reservoir, Novel, LeastUsed; got 'all'"
    ):
        m.MemoryBank(3, 4, keep="all")
    with pytest.raises(InputError, match="a floating point format"):
        m.MemoryBank(3, 4, dtype=torch.int64)
    for rule in (lambda: m.Strided(0), lambda: m.Novel(2.0), lambda: m.LeastUsed(1.0)):
        with pytest.raises(InputError, match=r"Strided|Novel|LeastUsed"):
            rule()


def test_draws_of_a_reservoir_are_its_own() -> None:
    random.seed(0)
    before = random.random()
    random.seed(0)
    written(m.Reservoir(), 2, 9)
    assert random.random() == before
