"""Products with matrices of narrow numbers, against float64."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from wolfdog.compiler.backends.llvm import build
from wolfdog.compiler.backends.llvm.build import compiled_with
from wolfdog.compiler.backends.llvm.microkernel import tiles
from wolfdog.compiler.backends.llvm.narrow import MatrixFormat, narrow_matrix
from wolfdog.compiler.backends.llvm.narrow_loops import FORMATS, narrow_product_source
from wolfdog.compiler.backends.llvm.narrow_tiles import narrow_tiles
from wolfdog.compiler.backends.llvm.packing import padded
from wolfdog.compiler.backends.llvm.target import Target, target
from wolfdog.compiler.int8_matrix import as_int8

ROWS, SIZES = st.integers(1, 15), st.integers(1, 130)


def product(
    x: Tensor, matrix: Tensor, form: MatrixFormat, onto: float | None = None, first: int = 0
) -> Tensor:
    """x W, added to a number where one is given, of the columns from a panel on."""
    (rows, depth), panel = x.shape, target(32).panel
    packed, width = narrow_matrix(matrix, form), matrix.shape[1] - first * panel
    result = torch.full((rows, padded(width, panel)), onto or 0.0)
    build.narrow_product_code(form.value)(
        x.data_ptr(), depth, packed.data_ptr(), first, depth, result.data_ptr(), result.shape[1], width, rows,
        int(onto is None),
    )  # fmt: skip
    return result[:, :width]


def whole_numbers(depth: int, width: int) -> Tensor:
    """Matrix of whole numbers times a scale for each column."""
    return torch.randint(-127, 128, (depth, width)) * (torch.rand(width) + 0.1)


def bound(x: Tensor, matrix: Tensor, rounding: float) -> Tensor:
    """Largest error of sums whose terms are rounded so."""
    return rounding * (x.double().abs().amax(1, keepdim=True) * matrix.double().abs().sum(0)) + 1e-30


@given(ROWS, SIZES, SIZES, st.sampled_from([None, 2.5]))
def test_int8_is_as_exact_as_float32(rows: int, depth: int, width: int, onto: float | None) -> None:
    x, matrix = torch.randn(rows, depth), whole_numbers(depth, width)
    assert int(narrow_matrix(matrix, MatrixFormat.INT8)[0]) == FORMATS["int8"]
    error = product(x, matrix, MatrixFormat.INT8, onto) - (onto or 0) - x.double() @ matrix.double()
    assert bool((error.abs() <= bound(x, matrix, 2.0**-20) + 1e-6).all())


@given(ROWS, SIZES, SIZES)
def test_bfloat16_rounds_the_matrix_and_the_operand(rows: int, depth: int, width: int) -> None:
    x, matrix = torch.randn(rows, depth), torch.randn(depth, width)
    rounded = matrix.bfloat16().double()
    error = product(x, matrix, MatrixFormat.BFLOAT16) - x.double() @ rounded
    assert bool((error.abs() <= bound(x, rounded, 2.0**-8)).all())


NARROW = (MatrixFormat.INT8, MatrixFormat.BFLOAT16)


@pytest.mark.parametrize("form", NARROW)
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_sums_over_more_than_a_block(form: MatrixFormat, rows: int) -> None:
    x, matrix = torch.randn(rows, 1030), whole_numbers(1030, 70)
    error = product(x, matrix, form) - x.double() @ matrix.double()
    assert bool(
        (error.abs() <= bound(x, matrix, 2.0**-7 if form is MatrixFormat.BFLOAT16 else 2.0**-19)).all()
    )


@pytest.mark.parametrize("form", NARROW)
def test_columns_from_a_later_panel_on(form: MatrixFormat) -> None:
    x, matrix, panel = torch.randn(3, 20), whole_numbers(20, 150), target(32).panel
    later = product(x, matrix, form, first=1)
    assert torch.equal(later, product(x, matrix, form)[:, panel:])


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 1e35, 1e-35, 0.0])
@pytest.mark.parametrize("form", NARROW)
def test_rows_of_unusual_numbers(form: MatrixFormat, number: float) -> None:
    matrix = whole_numbers(9, 5).abs() + 0.0
    matrix[-1] = matrix.amax(0)
    matrix = matrix if as_int8(matrix) else whole_numbers(9, 5)
    x = torch.stack([torch.full((9,), number), torch.randn(9), torch.randn(9)])
    kept = narrow_matrix(matrix, form)
    assert int(kept[0]) == FORMATS[form.value]
    meant = matrix.bfloat16().float() if form is MatrixFormat.BFLOAT16 else matrix
    found = product(x, matrix, form)
    torch.testing.assert_close(found[0], x[0] @ meant, rtol=1e-2, atol=1e-40, equal_nan=True)
    torch.testing.assert_close(found[1:], x[1:] @ meant, rtol=1e-1, atol=0.1 * float(matrix.abs().max()))


def test_numbers_and_scales_are_found_where_rows_were_cut_off() -> None:
    matrix = whole_numbers(60, 40)
    numbers, scales = as_int8(matrix[5:9]) or pytest.fail("no whole numbers were found")
    torch.testing.assert_close(numbers * scales, matrix[5:9], rtol=1e-6, atol=0)
    assert as_int8(torch.randn(60, 40)) is None
    assert as_int8(torch.full((3, 2), float("nan"))) is None


def test_other_matrices_stay_float32() -> None:
    x, matrix = torch.randn(2, 30), torch.randn(30, 20)
    assert int(narrow_matrix(matrix, MatrixFormat.INT8)[0]) == FORMATS["float32"]
    torch.testing.assert_close(product(x, matrix, MatrixFormat.INT8), x @ matrix)


@pytest.mark.parametrize("form", NARROW)
def test_processors_without_dot_products(form: MatrixFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are widened; the panels are those of this processor."""
    here = target(32)
    plain = Target(32, here.lanes, here.vectors, 2)
    source = narrow_product_source(plain, form.value)
    assert "dot" not in source
    code = compiled_with("narrow", source, 32, 10, {**tiles(plain), **narrow_tiles(plain)})
    monkeypatch.setattr(build, "narrow_product_code", lambda _: code)
    x, matrix = torch.randn(5, 33), whole_numbers(33, 70)
    meant = matrix.bfloat16() if form is MatrixFormat.BFLOAT16 else matrix
    torch.testing.assert_close(product(x, matrix, form), x @ meant.float(), rtol=1e-4, atol=1e-2)
