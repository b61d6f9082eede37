"""How close two answers must be, in one table, and the one helper that compares them. Nothing loosens it."""

from collections.abc import Mapping

import torch
from torch import Tensor

# (relative, absolute), per type of number
SAME_EQUATIONS: Mapping[torch.dtype, tuple[float, float]] = {
    torch.float64: (1e-10, 1e-12),
    torch.float32: (2e-5, 2e-6),
    torch.bfloat16: (2e-2, 2e-2),
}


def assert_agree(actual: object, expected: object) -> None:
    """Fails unless two tensors, or tuples of them, have one form, shape and type, and nearly one content."""
    if isinstance(expected, Tensor):
        assert isinstance(actual, Tensor), f"expected a tensor, got {type(actual).__name__}"
        relative, absolute = SAME_EQUATIONS[expected.dtype] if expected.is_floating_point() else (0, 0)
        torch.testing.assert_close(actual, expected, rtol=relative, atol=absolute)
    else:
        assert isinstance(expected, tuple), f"cannot compare {type(expected).__name__}"
        assert isinstance(actual, tuple), f"expected a tuple, got {type(actual).__name__}"
        assert len(actual) == len(expected), f"expected {len(expected)} parts, got {len(actual)}"
        for one, other in zip(actual, expected, strict=True):
            assert_agree(one, other)


def assert_same(actual: object, expected: object) -> None:
    """Fails unless two tensors, or two tuples of them, are equal bit by bit."""
    if isinstance(expected, Tensor):
        assert isinstance(actual, Tensor), f"expected a tensor, got {type(actual).__name__}"
        torch.testing.assert_close(actual, expected, rtol=0, atol=0)
    else:
        assert isinstance(expected, tuple), f"cannot compare {type(expected).__name__}"
        assert isinstance(actual, tuple), f"expected a tuple, got {type(actual).__name__}"
        assert len(actual) == len(expected), f"expected {len(expected)} parts, got {len(actual)}"
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
