"""Simplification: each rewrite, as the text of the result."""

from collections.abc import Callable

import pytest

from programs import event, parameter, state
from wolfdog.compiler.ir.printer import lines
from wolfdog.compiler.ir.program import Program
from wolfdog.compiler.ir.values import Builder, Value
from wolfdog.compiler.passes.simplify import simplify

REWRITES: dict[str, tuple[Callable[[Builder, Value], Value], list[str]]] = {
    "x + 0": (lambda b, x: b("add", x, b.fill(0.0)), []),
    "0 + x": (lambda b, x: b("add", b.fill(0.0), x), []),
    "x - 0": (lambda b, x: b("sub", x, b.fill(0.0)), []),
    "x * 1": (lambda b, x: b("mul", x, b.fill(1.0)), []),
    "x / 1": (lambda b, x: b("div", x, b.fill(1.0)), []),
    "x * 0 stays: of an infinity it is NaN": (
        lambda b, x: b("mul", x, b.fill(0.0)),
        ["v1 = torch.full((), 0.0, dtype=like.dtype, device=like.device)", "v2 = s0 * v1"],
    ),
    "-(-x)": (lambda b, x: b("neg", b("neg", x)), []),
    "-number": (
        lambda b, x: b("add", x, b("neg", b.fill(2.0))),
        ["v1 = torch.full((), -2.0, dtype=like.dtype, device=like.device)", "v2 = s0 + v1"],
    ),
    "reshape to its own shape": (lambda b, x: b("reshape", x, shape=(2, 6)), []),
    "reshape of a reshape": (
        lambda b, x: b("reshape", b("reshape", x, shape=(12,)), shape=(3, 4)),
        ["v1 = s0.reshape(s0.shape[:-2] + (3, 4))"],
    ),
    "permute that moves nothing": (lambda b, x: b("permute", x, order=(0, 1)), []),
    "permute of a permute": (lambda b, x: b("permute", b("permute", x, order=(1, 0)), order=(1, 0)), []),
    "slice of everything": (lambda b, x: b("slice", x, axis=-1, start=0, stop=6), []),
    "slice of a slice": (
        lambda b, x: b("slice", b("slice", x, axis=-1, start=1, stop=5), axis=-1, start=1, stop=3),
        ["v1 = s0.narrow(-1, 2, 2)"],
    ),
    "slice of a concatenation": (
        lambda b, x: b("slice", b("concat", x, b("exp", x), axis=-1), axis=-1, start=0, stop=6),
        [],
    ),
    "slice across two pieces": (
        lambda b, x: b("slice", b("concat", x, x, axis=-1), axis=-1, start=4, stop=8),
        ["v1 = s0.narrow(-1, 4, 2)", "v2 = s0.narrow(-1, 0, 2)", "v3 = torch.cat((v1, v2), dim=-1)"],
    ),
    "slice of a function": (
        lambda b, x: b("slice", b("exp", x), axis=-1, start=0, stop=2),
        ["v1 = s0.narrow(-1, 0, 2)", "v2 = torch.exp(v1)"],
    ),
    "concatenation of one": (lambda b, x: b("concat", x, axis=-1), []),
    "concatenation of concatenations": (
        lambda b, x: b("concat", b("concat", x, x, axis=-1), x, axis=-1),
        ["v1 = torch.cat((s0, s0, s0), dim=-1)"],
    ),
    "sum over axes of one": (
        lambda b, x: b("sum", b("slice", x, axis=-1, start=0, stop=1), axes=(-1,)),
        ["v1 = s0.narrow(-1, 0, 1)"],
    ),
    "expansion before arithmetic": (
        lambda b, x: b("add", x, b("expand", b("slice", x, axis=-1, start=0, stop=1), shape=(2, 6))),
        ["v1 = s0.narrow(-1, 0, 1)", "v2 = s0 + v1"],
    ),
}


@pytest.mark.parametrize("name", REWRITES)
def test_a_rewrite(name: str) -> None:
    make, expected = REWRITES[name]
    b = Builder()
    program = simplify(Program({"y": make(b, state(b, 2, 6))}))
    assert lines(program, annotate=False) == expected
    if not expected:
        assert program.outputs["y"].op == "input"


def test_a_product_of_a_concatenation_is_a_sum_of_products() -> None:
    b = Builder()
    joined = b("concat", event(b, 3), state(b, 4), axis=-1)
    program = simplify(Program({"y": b("linear", joined, parameter(b, "w", 7, 5))}))
    assert lines(program, annotate=False) == [
        "v2 = w.narrow(-2, 0, 3)",
        "v4 = w.narrow(-2, 3, 4)",
        "v5 = x @ v2 + s0 @ v4",
    ]


def test_slices_stay_where_they_are_without_push() -> None:
    b = Builder()
    program = Program({"y": b("slice", b("exp", state(b, 2, 6)), axis=-1, start=0, stop=2)})
    assert lines(simplify(program, push=False), annotate=False) == [
        "v1 = torch.exp(s0)",
        "v2 = v1.narrow(-1, 0, 2)",
    ]


def test_a_slice_is_not_pushed_into_what_is_read_whole() -> None:
    b = Builder()
    curved = b("exp", state(b, 2, 6))
    program = Program({"y": b("slice", curved, axis=-1, start=0, stop=2), "s0": curved})
    assert [value.op for value in simplify(program).values()].count("exp") == 1
