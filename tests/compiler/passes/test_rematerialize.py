"""Values that the forward pass saves, and those that the backward pass computes again."""

from programs import elman, event, state, text, two_gates
from wolfdog.compiler.ir.program import Program
from wolfdog.compiler.ir.values import Builder
from wolfdog.compiler.passes.adjoint import adjoint
from wolfdog.compiler.passes.hoist import prepare, split
from wolfdog.compiler.passes.rematerialize import Differentiated, cut


def differentiated(program: Program) -> Differentiated:
    return cut(adjoint(split(prepare(program)).recurrence))


BACKWARD = """\
# step
# cotangent dy: [B, 4]
# carry     ds0: [B, 4]
# next      s0_next: [B, 4]
# parameter m0: [4, 4]
v2 = dy + ds0  # [B, 4]
v3 = torch.full((), 1.0, dtype=like.dtype, device=like.device)  # []
v5 = s0_next * s0_next  # [B, 4]
v6 = v3 - v5  # [B, 4]
v7 = v2 * v6  # [B, 4]
v9 = v7 @ m0  # [B, 4]
# e0 = v7
# s0 = v9
# g0 = v7"""
PARAMETERS = """\
# step
# parameter w0: [4, 4]
v1 = w0.mT  # [4, 4]
# m0 = v1"""


def test_a_state_after_the_step_is_read_rather_than_saved() -> None:
    found = differentiated(elman())
    assert text(found.backward) == BACKWARD
    assert text(found.parameters) == PARAMETERS
    assert [name for name in found.forward.outputs if name.startswith("k")] == []
    [(parameter, stream, gradient, heads)] = found.matrices
    assert (parameter, stream.name, gradient, heads) == ("w0", "s0", "g0", False)


GATES = """\
# step
# state     s0: [B, 4]
# parameter w0: [4, 8]
# event     e0: [B, 8]
# parameter w1: [4, 4]
v2 = s0 @ w0  # [B, 8]
v3 = v2.narrow(-1, 0, 4)  # [B, 4]
v5 = e0.narrow(-1, 0, 4)  # [B, 4]
v6 = v3 + v5  # [B, 4]
v7 = torch.sigmoid(v6)  # [B, 4]
v8 = v2.narrow(-1, 4, 4)  # [B, 4]
v9 = e0.narrow(-1, 4, 4)  # [B, 4]
v10 = v8 + v9  # [B, 4]
v11 = torch.tanh(v10)  # [B, 4]
v12 = v7 * v11  # [B, 4]
v14 = v12 @ w1  # [B, 4]
# y = v14
# s0 = v14
# k0 = v12
# k1 = v7
# k2 = v11"""


def test_costly_values_and_operands_of_products_are_saved() -> None:
    found = differentiated(two_gates())
    assert text(found.forward) == GATES
    assert {v.name for v in found.backward.inputs("saved")} < set(found.forward.outputs)
    assert all(value.op not in ("tanh", "sigmoid") for value in found.backward.values())


def test_cheap_values_are_computed_again() -> None:
    b = Builder()
    x, h = event(b, 3), state(b, 3)
    y = b("mul", b("relu", b("add", h, x)), h)
    found = differentiated(Program({"y": y, "s0": y}))
    assert [name for name in found.forward.outputs if name.startswith("k")] == []
    assert {"add", "relu"} & {value.op for value in found.backward.values()}


def test_of_a_comparison_its_operands_are_saved() -> None:
    b = Builder()
    x, h = event(b, 3), state(b, 3)
    costly = b("exp", b("mul", h, x))
    y = b("where", b("gt", costly, b.fill(1.0)), h, x)
    found = differentiated(Program({"y": y, "s0": y}))
    assert all(not value.type.boolean for value in found.forward.outputs.values())
