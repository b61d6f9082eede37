"""Weights of stick-breaking attention."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import attention_equations
from attention_cases import drawn
from tolerances import assert_agree
from wolfdog import memory as m
from wolfdog.errors import InputError, ShapeError


@given(
    size=st.integers(0, 12), seed=st.integers(0, 99), scale=st.sampled_from([0.1, 1.0, 30.0]), data=st.data()
)
def test_the_weights_are_those_of_the_equations(
    size: int, seed: int, scale: float, data: st.DataObject
) -> None:
    energies = scale * drawn(3, size, seed=seed)
    rows = st.lists(st.booleans(), min_size=size, max_size=size)
    visible = torch.tensor([data.draw(rows) for _ in range(3)], dtype=torch.bool)
    found = m.stick_breaking(energies, visible)
    for energy, seen, weights in zip(energies, visible, found, strict=True):
        by_hand = attention_equations.stick_breaking(energy[seen].numpy())
        assert_agree(weights[seen], torch.from_numpy(by_hand).reshape(-1))
        assert not weights[~seen].any()
    assert (found.sum(-1) <= 1 + 1e-12).all()
    assert_agree(m.stick_breaking(energies), m.stick_breaking(energies, torch.tensor(True)))


def test_gradients() -> None:
    energies, visible = 3 * drawn(2, 7), torch.rand(2, 7) < 0.7
    energies.requires_grad_()
    assert torch.autograd.gradcheck(lambda e: m.stick_breaking(e, visible), (energies,))
    assert torch.autograd.gradgradcheck(lambda e: m.stick_breaking(e, visible), (energies,))


def test_energies_of_invisible_entries_do_not_matter_however_large_they_are() -> None:
    energies, visible = torch.tensor([1.0, 1e4, -2.0]), torch.tensor([True, False, True])
    energies.requires_grad_()
    weights = m.stick_breaking(energies, visible)
    weights.square().sum().backward()
    alone = torch.tensor([1.0, -2.0], requires_grad=True)
    m.stick_breaking(alone).square().sum().backward()
    torch.testing.assert_close(energies.grad, torch.tensor([alone.grad[0], 0.0, alone.grad[1]]))


def test_a_later_match_hides_an_older_one_and_what_does_not_match_hides_nothing() -> None:
    energies = torch.full((100_000,), -40.0)
    energies[[5, 50_000]] = 40.0
    weights = m.stick_breaking(energies)
    assert weights[50_000] == 1
    assert weights[5] < 1e-12
    energies[50_000] = -40.0
    assert m.stick_breaking(energies)[5] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_formats_are_summed_in_single_precision(dtype: torch.dtype) -> None:
    energies = (drawn(4000) - 6).to(dtype)
    weights = m.stick_breaking(energies)
    assert weights.dtype == dtype
    torch.testing.assert_close(weights, m.stick_breaking(energies.float()).to(dtype), rtol=0, atol=0)


def test_a_reader_reads_a_bank_in_the_order_of_time_whatever_its_slots_are() -> None:
    bank = m.MemoryBank(4, 5, keep=m.Recent(), dtype=torch.float64)
    for number, entry in enumerate(drawn(8, 4, seed=3)):
        bank.write(entry, float(number))
    assert not bank.times.diff().gt(0).all()
    reader = m.BankReader(
        3, 4, heads=2, position=m.RelativeTime(longest=9.0), weighting="stick-breaking", dtype=torch.float64
    )
    torch.nn.init.normal_(reader.time_bias)
    x = drawn(2, 3, seed=4)
    y, weights = reader(x, bank, time=9.0, need_weights=True)
    order = bank.times.argsort()
    entries, passed = bank.entries[order].expand(2, -1, -1), (9.0 - bank.times[order]).expand(2, 1, -1)
    seen = torch.ones(2, 1, 5, dtype=torch.bool)
    right, shares = reader.over(x[:, None], entries, seen, elapsed=passed)
    assert_agree((y, weights[..., order]), (right[:, 0], shares[:, :, 0]))
    assert (weights.sum(-1) < 1).all()


def test_mistakes() -> None:
    for make in (m.MultiHeadAttention, m.BankReader):
        with pytest.raises(InputError, match="weighting must be 'softmax' or 'stick-breaking'; got 'max'"):
            make(4, 2, weighting="max")
    with pytest.raises(ShapeError, match="energies must be"):
        m.stick_breaking(torch.tensor(1.0))
    for visible in (torch.ones(3), torch.ones(2, 4, dtype=torch.bool)):
        with pytest.raises(ShapeError, match=r"visible must be booleans that expand to \[2, 3\]; got"):
            m.stick_breaking(torch.zeros(2, 3), visible)
