"""Split of a step: what is computed before the loop, and the recurrence."""

from programs import elman, event, parameter, state, text
from wolfdog.compiler.ir.program import Program
from wolfdog.compiler.ir.values import Builder
from wolfdog.compiler.passes.hoist import prepare, split

PARAMETERS = """\
# step
# parameter w: [7, 4]
v1 = w.narrow(-2, 3, 4)  # [4, 4]
# w0 = v1"""
EVENTS = """\
# step
# event     x: [B, 3]
# parameter w: [7, 4]
# parameter bias: [4]
v2 = w.narrow(-2, 0, 3)  # [3, 4]
v5 = linear(x, v2.T, bias)  # [B, 4]
# e0 = v5"""
RECURRENCE = """\
# step
# state     s0: [B, 4]
# parameter w0: [4, 4]
# event     e0: [B, 4]
v2 = s0 @ w0  # [B, 4]
v4 = v2 + e0  # [B, 4]
v5 = torch.tanh(v4)  # [B, 4]
# y = v5
# s0 = v5"""


def test_products_of_events_and_parts_of_matrices_come_before_the_loop() -> None:
    parts = split(prepare(elman()))
    assert text(parts.parameters) == PARAMETERS
    assert text(parts.events) == EVENTS
    assert text(parts.recurrence) == RECURRENCE


STEP_BY_STEP = """\
# step
# now       x: [B, 3]
# parameter w0: [3, 4]
# state     s0: [B, 4]
# parameter w1: [4, 4]
# parameter w2: [4]
v4 = x @ w0 + s0 @ w1  # [B, 4]
v6 = v4 + w2  # [B, 4]
v7 = torch.tanh(v6)  # [B, 4]
# y = v7
# s0 = v7"""


def test_without_hoisting_the_event_is_read_in_the_loop() -> None:
    parts = split(prepare(elman(), hoist_events=False))
    assert text(parts.recurrence) == STEP_BY_STEP
    assert not parts.events.outputs


def test_what_depends_on_parameters_alone_is_computed_once() -> None:
    b = Builder()
    h, w = state(b, 4), parameter(b, "w", 4, 4)
    antisymmetric = b("sub", w, b("permute", w, order=(1, 0)))
    y = b("tanh", b("linear", h, antisymmetric))
    parts = split(prepare(Program({"y": y, "s0": y})))
    assert [value.op for value in parts.parameters.values()] == ["input", "permute", "sub"]
    assert [value.op for value in parts.recurrence.values()] == ["input", "input", "linear", "tanh"]


def test_a_matrix_that_is_also_read_as_numbers_is_two_inputs() -> None:
    b = Builder()
    h, w = state(b, 4), parameter(b, "w", 4, 4)
    y = b("add", b("linear", h, w), b("reshape", b("slice", w, axis=-2, start=0, stop=1), shape=(4,)))
    parts = split(prepare(Program({"y": y, "s0": y})))
    assert len(parts.recurrence.inputs("parameter")) == 2  # packed in panels, and plain


def test_a_step_without_a_state_is_left_to_pytorch() -> None:
    b = Builder()
    x = event(b, 3)
    y = b("exp", x)
    parts = split(prepare(Program({"y": y})))
    assert [value.op for value in parts.events.values()] == ["input", "exp"]
    assert [value.op for value in parts.recurrence.values()] == ["input"]
