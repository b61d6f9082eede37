"""Products with matrices that are read where they lie, in the operand's format and in narrower ones."""

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor

from wolfdog.compiler.backends.llvm.build import Code
from wolfdog.compiler.backends.llvm.in_place import in_place_code, place_of, readable
from wolfdog.compiler.backends.llvm.machine_code import object_file
from wolfdog.compiler.backends.llvm.simd import Lanes
from wolfdog.compiler.backends.llvm.target import Target, target
from wolfdog.compiler.backends.llvm.widening import widening

SIZES = st.integers(1, 70)


def product(x: Tensor, matrix: Tensor, onto: float | None = None) -> Tensor:
    """x W, added to a number where one is given."""
    (rows, depth), width = x.shape, matrix.shape[1]
    result, place = torch.full((rows, width), onto or 0.0, dtype=x.dtype), place_of(matrix, 8 * x.itemsize)
    in_place_code(8 * x.itemsize, matrix.dtype)(
        x.data_ptr(), depth, place.buffer_info()[0], 0, depth, result.data_ptr(), width, width, rows,
        int(onto is None),
    )  # fmt: skip
    return result


@pytest.mark.parametrize("form", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@given(st.integers(1, 9), SIZES, SIZES, st.booleans(), st.sampled_from([None, 2.5]))
def test_any_size_in_both_layouts(
    form: torch.dtype, rows: int, depth: int, width: int, turned: bool, onto: float | None
) -> None:
    operand = torch.float64 if form is torch.float64 else torch.float32
    room = torch.randn(width + 3, depth + 2).to(form)[3:, 2:]  # rows that are not aligned, and apart
    matrix = room.t() if turned else room.reshape(depth, width)
    x = torch.randn(rows, depth, dtype=operand)
    assert readable(matrix)
    found, true = product(x, matrix, onto), x.double() @ matrix.double() + (onto or 0.0)
    torch.testing.assert_close(found.double(), true, atol=1e-4, rtol=1e-4)


SPECIAL = [0.0, -0.0, 1.0, -2.5, 65504.0, 6e-8, -6e-5, 6.1e-5, float("inf"), -float("inf"), float("nan")]


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("form", [torch.bfloat16, torch.float16])
@given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=40))
@example(torch.tensor(SPECIAL).half().view(torch.int16).tolist())
@example(torch.tensor(SPECIAL).bfloat16().view(torch.int16).tolist())
def test_each_number_is_widened_exactly(form: torch.dtype, fused: bool, bits: list[int]) -> None:
    numbers = torch.tensor(bits, dtype=torch.int16).view(form)
    found = torch.empty(len(bits))
    _widening_code(form, fused)(numbers.data_ptr(), len(bits), found.data_ptr())
    assert torch.equal(found.nan_to_num(7.0), numbers.float().nan_to_num(7.0))
    assert torch.equal(found.isnan(), numbers.isnan())


_made: dict[tuple[torch.dtype, bool], Code] = {}


def _widening_code(form: torch.dtype, fused: bool) -> Code:
    """Copy of numbers to float32; for processors without fused multiply-add, vectors of four."""
    if (form, fused) not in _made:
        aim = target(32) if fused else Target(32, 4, 2, 4, fused=False)
        lanes = Lanes(32, aim.lanes, aim.fused)
        source = f"""\
def kernel(numbers, count, found):
    whole = count // {aim.lanes} * {aim.lanes}
    for k in range(0, whole, {aim.lanes}):
        store(found, k, widen(numbers, k))
    if whole < count:
        store_masked(found, whole, count - whole, widen_masked(numbers, whole, count - whole))
"""
        _made[form, fused] = Code(object_file(source, aim, widening(lanes, form)), 3)
    return _made[form, fused]
