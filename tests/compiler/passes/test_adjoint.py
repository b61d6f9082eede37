"""Adjoint of a recurrence, as a program."""

from programs import elman, parameter, state, text
from wolfdog.compiler.ir.program import Program
from wolfdog.compiler.ir.values import Builder
from wolfdog.compiler.passes.adjoint import adjoint
from wolfdog.compiler.passes.hoist import prepare, split

BACKWARD = """\
# step
# cotangent dy: [B, 4]
# carry     ds0: [B, 4]
# state     s0: [B, 4]
# parameter w0: [4, 4]
# event     e0: [B, 4]
v2 = dy + ds0  # [B, 4]
v3 = torch.full((), 1.0, dtype=like.dtype, device=like.device)  # []
v6 = s0 @ w0  # [B, 4]
v8 = v6 + e0  # [B, 4]
v9 = torch.tanh(v8)  # [B, 4]
v10 = v9 * v9  # [B, 4]
v11 = v3 - v10  # [B, 4]
v12 = v2 * v11  # [B, 4]
v13 = w0.mT  # [4, 4]
v14 = v12 @ v13  # [B, 4]
# e0 = v12
# s0 = v14"""


def test_one_step_backwards() -> None:
    found = adjoint(split(prepare(elman())).recurrence)
    assert text(found.backward) == BACKWARD
    [matrix] = found.matrices
    assert (matrix.parameter, matrix.operand.name, matrix.heads) == ("w0", "s0", False)
    assert matrix.gradient is found.backward.outputs["e0"]


def sliced(*cuts: tuple[int, int]) -> str:
    b = Builder()
    h = state(b, 6)
    pieces = [b("exp", b("slice", h, axis=-1, start=start, stop=stop)) for start, stop in cuts]
    y = b("concat", *pieces, axis=-1) if len(pieces) > 1 else pieces[0]
    return text(Program({"s0": adjoint(Program({"y": y, "s0": h})).backward.outputs["s0"]}))


def test_gradients_of_slices_are_put_side_by_side() -> None:
    found = sliced((0, 2), (4, 6))
    assert found.count("torch.cat") == 1
    assert "torch.full((2,), 0.0" in found  # between them


def test_gradients_of_slices_that_overlap_are_added() -> None:
    assert sliced((0, 4), (2, 6)).count("torch.cat") == 2
    assert "v" in sliced((0, 6))


def test_a_gradient_is_summed_over_what_was_broadcast() -> None:
    b = Builder()
    h = state(b, 1)
    y = b("mul", h, parameter(b, "w", 5))
    found = adjoint(Program({"y": y, "s0": h})).backward
    assert found.outputs["s0"].shape == (1,)
    assert found.outputs["w"].shape == (5,)
    assert ".sum((-1,), keepdim=True)" in text(found)


def test_a_state_that_the_step_does_not_read_has_a_gradient_of_zero() -> None:
    b = Builder()
    y = b("exp", state(b, 2, name="s1"))
    found = adjoint(Program({"y": y, "s0": y, "s1": y})).backward
    assert found.outputs["s0"].is_number(0.0)
