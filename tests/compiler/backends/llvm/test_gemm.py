"""Products of whole matrices and packed panels, against PyTorch's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from wolfdog.compiler.backends.llvm import gemm, thread_pool
from wolfdog.compiler.backends.llvm.gemm import multiply, multiply_transposed
from wolfdog.compiler.backends.llvm.packing import panels
from wolfdog.compiler.backends.llvm.target import target
from wolfdog.compiler.runtime.affine import affine

SIZES = st.integers(1, 150)
DTYPES = st.sampled_from([torch.float32, torch.float64])


def close(actual: Tensor, expected: Tensor) -> None:
    tolerance = 1e-12 if expected.dtype == torch.float64 else 1e-4
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


def numbers(rows: int, columns: int, dtype: torch.dtype, turned: bool = False) -> Tensor:
    made = torch.randn(columns, rows, dtype=dtype).t() if turned else torch.randn(rows, columns, dtype=dtype)
    return made / 10


def by_hand(matrix: Tensor, width: int) -> Tensor:
    """Panels one by one, as their description says."""
    *lead, depth, columns = matrix.shape
    count = -(-columns // width)
    packed = matrix.new_zeros(*lead, count, depth, width)
    for column in range(columns):
        packed[..., column // width, :, column % width] = matrix[..., column]
    return packed


@given(SIZES, SIZES, DTYPES, st.booleans())
def test_panels(depth: int, columns: int, dtype: torch.dtype, turned: bool) -> None:
    matrix = numbers(depth, columns, dtype, turned)
    assert torch.equal(panels(matrix), by_hand(matrix, target(torch.finfo(dtype).bits).panel))


def test_panels_of_heads() -> None:
    matrix = torch.randn(3, 5, 7)
    assert torch.equal(panels(matrix), by_hand(matrix, target(32).panel))


@given(st.integers(1, 300), SIZES, SIZES, DTYPES, st.booleans(), st.booleans())
def test_products(rows: int, depth: int, width: int, dtype: torch.dtype, turned: bool, biased: bool) -> None:
    x, w = numbers(rows, depth, dtype), numbers(depth, width, dtype, turned)
    bias = torch.randn(width, dtype=dtype) if biased else None
    expected = x @ w if bias is None else x @ w + bias
    close(multiply(x, w, bias), expected)


@given(st.integers(1, 700), SIZES, SIZES, DTYPES, st.integers(1, 3))
def test_transposed_products(rows: int, height: int, width: int, dtype: torch.dtype, every: int) -> None:
    g, x = numbers(rows, height, dtype), numbers(rows, width, dtype)
    product, sums = multiply_transposed(g, x)
    close(product, g.t() @ x)
    close(sums, g.sum(0))
    of_g = torch.arange(0, rows, every)
    of_x = torch.randint(0, rows, of_g.shape)
    product, sums = multiply_transposed(g, x, (of_g, of_x))
    close(product, g[of_g].t() @ x[of_x])
    close(sums, g[of_g].sum(0))


def test_no_rows_at_all() -> None:
    none = torch.tensor([], dtype=torch.int64)
    product, sums = multiply_transposed(torch.randn(4, 5), torch.randn(4, 3), (none, none))
    assert product.shape == (5, 3)
    assert not product.any()
    assert not sums.any()


def test_rows_that_lie_apart() -> None:
    x, g = torch.randn(50, 40, dtype=torch.float64)[:, 3:13], torch.randn(50, 70, dtype=torch.float64)[:, 1:]
    close(multiply_transposed(g, x)[0], g.t() @ x)
    close(multiply(x, g[:10]), x @ g[:10])


@pytest.mark.parametrize("width", [3, 300])
def test_several_threads(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_pool, "WORTH", 1)
    x, g = torch.randn(400, 30, dtype=torch.float64), torch.randn(400, width, dtype=torch.float64)
    torch.set_num_threads(3)
    try:
        close(multiply(x, g[:30]), x @ g[:30])
        product, sums = multiply_transposed(g, x)
    finally:
        torch.set_num_threads(1)
    close(product, g.t() @ x)
    close(sums, g.sum(0))


def test_affine_and_its_first_and_second_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wolfdog.compiler.runtime.affine.WORTH", 1)
    x = torch.randn(3, 2, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)

    def run(*given: Tensor) -> Tensor:
        return affine(given[0], given[1].T, given[2])

    close(run(x, weight, bias), x @ weight + bias)
    assert torch.autograd.gradcheck(run, (x, weight, bias))
    assert torch.autograd.gradgradcheck(run, (x, weight, bias))
    frozen = weight.detach()
    assert torch.autograd.gradcheck(run, (x, frozen, bias.detach()))
    assert torch.autograd.gradcheck(run, (x.detach(), frozen, bias))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_affine_has_many_gradients_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wolfdog.compiler.runtime.affine.WORTH", 1)
    x, weight = torch.randn(3, 2, 5, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    bias, many = torch.randn(4, requires_grad=True), torch.randn(6, 3, 2, 4)
    y = affine(x, weight, bias)
    found = torch.autograd.grad(y, (x, weight, bias), many, is_grads_batched=True, retain_graph=True)
    for number, one in enumerate(many):
        for all_of_them, should in zip(
            found, torch.autograd.grad(y, (x, weight, bias), one, retain_graph=True), strict=True
        ):
            close(all_of_them[number], should)


def test_a_wrong_product_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = gemm.multiply(torch.ones(4, 3), torch.ones(3, 2))
    with pytest.raises(AssertionError):
        close(right + 0.1, torch.ones(4, 3) @ torch.ones(3, 2))
