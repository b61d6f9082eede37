"""PyTorch's own list of pointwise operators: each one compiles, or the documentation lists it as one that does not."""

import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import TestCase

import pytest
import torch
from torch import Tensor

from wolfdog.compiler.errors import Refusal
from wolfdog.compiler.frontend.trace import trace

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "compiler.md"

SPECIAL: dict[str, Callable[..., Any]] = {
    "bitwise_and": lambda op, x, h: op(x > 0, h > 0),
    "bitwise_or": lambda op, x, h: op(x > 0, h > 0),
    "bitwise_xor": lambda op, x, h: op(x > 0, h > 0),
    "__rxor__": lambda op, x, h: op(x > 0, h > 0),
    "bitwise_not": lambda op, x, h: op(x > 0),
    "__rand__": lambda op, x, h: op(x > 0, h > 0),
    "__ror__": lambda op, x, h: op(x > 0, h > 0),
    "fill": lambda op, x, h: op(x, 0.5),
    "bool": lambda op, x, h: torch.where(op(x), h, 0.0),
    "mvlgamma": lambda op, x, h: op(x + 5, 1),
    "polygamma": lambda op, x, h: op(x, 1),
    "special.polygamma": lambda op, x, h: op(x, 1),
    "nn.functional.threshold": lambda op, x, h: op(x, 0.1, 0.2),
    "nn.functional.rrelu": lambda op, x, h: op(x, training=True),
    **{f"jiterator_{kind}": lambda op, x, h: op(x) for kind in ("unary", "binary", "binary_return_by_ref")},
}  # fmt: skip
"""Calls that differ from op(x) of a unary, and op(x, h) of a binary operator."""


def _operators(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Pointwise operators of PyTorch's tests, whose module asks for a package that is not needed here."""
    monkeypatch.setitem(sys.modules, "expecttest", SimpleNamespace(TestCase=TestCase))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
        from torch.testing._internal.opinfo.core import BinaryUfuncInfo, UnaryUfuncInfo
    return [op for op in op_db if isinstance(op, BinaryUfuncInfo | UnaryUfuncInfo)]


def _compiles(op: Any) -> bool:
    weight = torch.full((1,), 0.2, dtype=torch.float64)
    binary = type(op).__name__ == "BinaryUfuncInfo"

    def step(x: Tensor, states: Any) -> tuple[Tensor, list[Tensor]]:
        (h,) = states
        if op.name in SPECIAL:
            y = SPECIAL[op.name](op.op, x, h)
        elif op.name == "nn.functional.prelu":
            y = op.op(x, weight)
        else:
            y = op.op(x, h) if binary else op.op(x)
        if y.dtype is torch.bool:
            y = torch.where(y, x, h)
        if y.dtype is not torch.float64:
            raise Refusal(f"{op.name} gives {y.dtype}")
        return y + 0 * x, [h]

    given = torch.zeros(2, 3, dtype=torch.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trace(step, {"weight": weight}, given, [given])
    except (
        Refusal,
        RuntimeError,
        TypeError,
        NotImplementedError,
        AttributeError,
        ValueError,
        AssertionError,
    ):
        return False
    return True


def listed() -> set[str]:
    """Operators that the documentation lists as not compiled."""
    text = PAGE.read_text(encoding="utf-8").partition("<!-- operators that do not compile -->")[2]
    return set(re.findall(r"`([\w.]+)`", text.partition("<!-- end of operators -->")[0]))


def test_each_operator_compiles_or_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    operators = _operators(monkeypatch)
    compiled = {op.name for op in operators if _compiles(op)}
    assert len(compiled) > 90
    assert {op.name for op in operators} - compiled == listed()
