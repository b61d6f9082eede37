"""The helpers that compare answers fail on wrong ones."""

import pytest
import torch

from tolerances import SAME_EQUATIONS, assert_agree, assert_same

X = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)

WRONG = {
    "a number": (X + 1e-6, X),
    "one of several numbers": (X + torch.tensor([0.0, 0.0, 1e-6]), X),
    "a type": (X.float(), X),
    "a shape": (X[None], X),
    "a missing number": (X * torch.nan, X),
    "no tensor": ([1.0, 2.0, 3.0], X),
    "a part": ((X, X + 1e-6), (X, X)),
    "a part too few": ((X,), (X, X)),
    "no tuple": (X, (X,)),
    "an expectation that is neither": (X, None),
}


@pytest.mark.parametrize("helper", [assert_agree, assert_same])
@pytest.mark.parametrize("wrong", WRONG)
def test_helpers_reject(helper: object, wrong: str) -> None:
    actual, expected = WRONG[wrong]
    with pytest.raises(AssertionError):
        helper(actual, expected)


@pytest.mark.parametrize("helper", [assert_agree, assert_same])
def test_helpers_accept_what_is_equal(helper: object) -> None:
    helper((X, (X, X.float())), (X.clone(), (X.clone(), X.float())))


def test_only_one_of_them_accepts_rounding() -> None:
    rounded = X * (1 + 1e-14)
    assert_agree(rounded, X)
    with pytest.raises(AssertionError):
        assert_same(rounded, X)


@pytest.mark.parametrize("dtype", SAME_EQUATIONS)
def test_every_tolerance_rejects_ten_times_itself(dtype: torch.dtype) -> None:
    relative, absolute = SAME_EQUATIONS[dtype]
    one = torch.ones(1, dtype=dtype)
    with pytest.raises(AssertionError):
        assert_agree(one * (1 + 10 * (relative + absolute)), one)
