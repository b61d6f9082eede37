"""Products of bfloat16 over all rows, against PyTorch's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wolfdog.compiler.backends.llvm.gemm import multiply_transposed
from wolfdog.compiler.backends.llvm.narrow import MatrixFormat
from wolfdog.compiler.backends.llvm.row_pairs import pairs, supported

pytestmark = pytest.mark.skipif(not supported(), reason="the processor has no dot product of bfloat16")


@given(st.integers(1, 40), st.integers(1, 70))
def test_pairs(rows: int, width: int) -> None:
    x = torch.randn(rows, width + 3)[:, :width]
    words, sums = pairs(x)
    halves = torch.nn.functional.pad(x, (0, 0, 0, rows % 2)).bfloat16().view(-1, 2, width)
    found = words.contiguous().view(torch.bfloat16).view(len(words), width, 2).transpose(1, 2)
    assert torch.equal(found, halves)
    torch.testing.assert_close(sums, x.sum(0), rtol=1e-5, atol=1e-5)


def test_numbers_that_are_not_finite() -> None:
    x = torch.tensor([[float("nan"), float("inf")], [-float("inf"), 1e-42]])
    found = pairs(x)[0].contiguous().view(torch.bfloat16).view(1, 2, 2)[0].t()
    torch.testing.assert_close(found, x.bfloat16(), equal_nan=True)


@given(st.integers(1, 1200), st.integers(1, 90), st.integers(1, 130), st.booleans())
def test_products(rows: int, height: int, width: int, chosen: bool) -> None:
    g, x = torch.randn(rows, height), torch.randn(rows, width)
    some = torch.arange(0, rows, 3)
    given_rows = (some, some.flip(0)) if chosen else None
    product, sums = multiply_transposed(g, x, given_rows, MatrixFormat.BFLOAT16)
    left, right = (g[some], x[some.flip(0)]) if chosen else (g, x)
    expected = left.bfloat16().double().t() @ right.bfloat16().double()
    torch.testing.assert_close(product.double(), expected, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(sums, left.sum(0), rtol=1e-4, atol=1e-4)
