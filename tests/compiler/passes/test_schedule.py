"""Order of a step: products and fused loops, and where their results are stored."""

import pytest

from programs import elman, event, nest_text, parameter, state, two_gates
from wolfdog.compiler.errors import Refusal
from wolfdog.compiler.ir.program import Program
from wolfdog.compiler.ir.values import Builder
from wolfdog.compiler.passes.adjoint import adjoint
from wolfdog.compiler.passes.hoist import prepare, split
from wolfdog.compiler.passes.rematerialize import cut
from wolfdog.compiler.passes.schedule import schedule

FORWARD = """\
stage 0
stage 1
  mm0 = s0 @ w0
  for [4]:
    add
    tanh -> s0@t+1
y is s0@t+1"""
BACKWARD = """\
stage 0
  for [4]:
    add
    mul
    sub
    mul -> de0
stage 1
  mm0 = de0 @ m0
  for [4]:
    copy -> ds0
e0 is de0
g0 is de0"""


def test_one_product_and_one_loop() -> None:
    recurrence = split(prepare(elman())).recurrence
    assert nest_text(schedule(recurrence)) == FORWARD
    assert nest_text(schedule(cut(adjoint(recurrence)).backward, reverse=True)) == BACKWARD


GATES = """\
stage 0
stage 1
  mm0 = s0 @ w0
  for [4]:
    add
    sigmoid
    add
    tanh
    mul -> tmp5
stage 2
  mm1 = tmp5 @ w1
  for [4]:
    copy -> s0@t+1
y is s0@t+1"""


def test_a_product_of_what_a_loop_computes_comes_after_it() -> None:
    assert nest_text(schedule(split(prepare(two_gates())).recurrence)) == GATES


def test_a_reduction_is_a_loop_of_its_own_domain() -> None:
    b = Builder()
    h = state(b, 3, 4)
    y = b("div", h, b("sum", b("exp", h), axes=(-1,)))
    nest = schedule(Program({"y": y, "s0": y}))
    [first, second] = nest.stages[0].loops
    assert (first.domain, first.reduced, [item.value.op for item in first.items]) == (
        (3, 4),
        (-1,),
        ["exp", "sum"],
    )
    assert (second.domain, second.reduced) == ((3, 4), None)


def test_a_product_of_strided_rows_is_refused() -> None:
    b = Builder()
    turned = b("permute", state(b, 3, 4), order=(1, 0))
    y = b("linear", turned, parameter(b, "w", 3, 3))
    with pytest.raises(Refusal, match="not contiguous"):
        schedule(Program({"y": y, "s0": event(b, 3, 4)}))


def test_a_piece_of_two_concatenations_is_there_before_the_earlier_one_is_read() -> None:
    b = Builder()
    h, x, piece = state(b, 4), event(b, 2), b.fill(0.0, (2,))
    late = b("add", b("linear", h, parameter(b, "w", 4, 4)), b("concat", x, piece, axis=-1))
    early = b("mul", h, b("concat", piece, x, axis=-1))
    nest = schedule(Program({"y": late, "s0": early}))
    stages = [[item.value.op for loop in stage.loops for item in loop.items] for stage in nest.stages]
    assert stages == [["input", "fill", "mul"], ["add"]]
