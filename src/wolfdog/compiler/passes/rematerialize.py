"""Rematerialization: the values that the forward pass saves, and those that the backward pass computes again."""

from dataclasses import dataclass

from ..ir.operations import Kind
from ..ir.program import Program, again, ordered, rewrite
from ..ir.values import Builder, Value
from .adjoint import Adjoint
from .hoist import split
from .merge_matmuls import gather_sums, merge_products
from .simplify import simplify

CHEAP = frozenset(
    [
        "neg",
        "abs",
        "sign",
        "relu",
        "floor",
        "detach",
        "clamp",
        "add",
        "sub",
        "mul",
        "minimum",
        "maximum",
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "ne",
        "logical_and",
        "logical_or",
        "logical_not",
        "where",
    ]
)
"""Operations that are computed again rather than saved, where their operands are available."""

AGAIN = frozenset({"tanh"})
"""Operations that are computed again where their operand is a state, which is kept anyway."""


@dataclass(frozen=True)
class Stream:
    """Location of a forward value after the loop: a state before ("s0") or after ("s0_next") a step, or a stream."""

    name: str


@dataclass(frozen=True)
class Differentiated:
    """Forward and backward programs of a recurrence for training.

    forward     the recurrence, with what is saved as outputs "k0", "k1", ... besides
    parameters  from the recurrence's parameters ("w0", ...) to the backward step's ("m0", ...)
    backward    the adjoint, which reads states (role "state"), states after the step ("next", named "s0_next"), events
                and what was saved ("saved"), parameters, and arriving gradients ("cotangent", "carry"); beside
                gradients it has outputs "g0", "g1", ..., the gradients of products
    matrices    for every product with a matrix: parameter, stream of the operand, output of the gradient, heads or not
    """

    forward: Program
    parameters: Program
    backward: Program
    matrices: tuple[tuple[str, Stream, str, bool], ...]


def cut(adjoint: Adjoint) -> Differentiated:
    """Choice of the values to save, and the backward program without the forward step."""
    forward_values = set(adjoint.forward.values())
    users_in_adjoint = _first_needs(adjoint, forward_values)
    after = {value: name for name, value in adjoint.forward.outputs.items() if name != "y"}
    saved: dict[Value, str] = {}

    def save(value: Value) -> None:
        saved.setdefault(value, f"k{len(saved)}")

    for matrix in adjoint.matrices:
        if matrix.operand.op != "input" and matrix.operand not in after:
            save(matrix.operand)
    at_hand: dict[Value, bool] = {}

    def available(value: Value) -> bool:
        """Whether a value is available without saving another one."""
        if value in saved or value in after or value.op in ("input", "fill") or not value.type.batched:
            return True
        if value not in at_hand or not at_hand[value]:
            cheap = value.op in CHEAP or value.kind in (Kind.VIEW, Kind.CONCAT)
            kept = value.op in AGAIN and _kept(value.operands[0], after)
            at_hand[value] = (cheap or kept) and all(available(operand) for operand in value.operands)
        return at_hand[value]

    for costly in (True, False):  # what is costly is saved first, and may make the rest cheap
        for value in adjoint.forward.values():
            if value in users_in_adjoint and not available(value):
                if value.type.boolean:
                    for operand in value.operands:
                        if not available(operand):
                            save(operand)
                elif (value.op not in CHEAP) is costly or not costly:
                    save(value)
    return _replaced(adjoint, saved, after)


def _kept(value: Value, after: dict[Value, str]) -> bool:
    return value in after or (value.op == "input" and value.role == "state")


def _first_needs(adjoint: Adjoint, forward_values: set[Value]) -> set[Value]:
    """Forward values that operations of the adjoint read; a boolean stands for the values that it compares."""
    roots = [*adjoint.backward.outputs.values(), *(m.gradient for m in adjoint.matrices)]
    needed: set[Value] = set()
    for value in ordered(roots):
        if value not in forward_values:
            needed.update(operand for operand in value.operands if operand in forward_values)
    needed.update(root for root in roots if root in forward_values)
    stack = [value for value in needed if value.type.boolean]
    while stack:
        for operand in stack.pop().operands:
            if operand not in needed:
                needed.add(operand)
                if operand.type.boolean:
                    stack.append(operand)
    return needed


def _replaced(adjoint: Adjoint, saved: dict[Value, str], after: dict[Value, str]) -> Differentiated:
    b = Builder()
    gradients: dict[Value, str] = {}
    outputs = dict(adjoint.backward.outputs)
    for matrix in adjoint.matrices:
        name = gradients.setdefault(matrix.gradient, f"g{len(gradients)}")
        outputs[name] = matrix.gradient
    forward_values = set(adjoint.forward.values())
    new: dict[Value, Value] = {}

    def made(value: Value) -> Value:
        if value not in new:
            if value in saved:
                new[value] = b.input(saved[value], "saved", value.type)
            elif value in after and value.op != "input":
                new[value] = b.input(f"{after[value]}_next", "next", value.type)
            elif value.op == "input" and value.role in ("event", "now"):
                new[value] = b.input(value.name, "saved", value.type)
            else:
                new[value] = again(b, value, tuple(made(operand) for operand in value.operands))
        return new[value]

    for value in ordered(outputs.values()):
        if value not in forward_values:
            made(value)
    backward = Program({name: made(value) for name, value in outputs.items()})
    parts = split(simplify(merge_products(simplify(gather_sums(simplify(backward))))), parameter="m")
    forward = Program(adjoint.forward.outputs | {name: value for value, name in saved.items()})
    matrices = []
    for matrix in adjoint.matrices:
        operand = matrix.operand
        stream = saved.get(operand) or (operand.name if operand.op == "input" else f"{after[operand]}_next")
        matrices.append((matrix.parameter, Stream(stream), gradients[matrix.gradient], matrix.heads))
    return Differentiated(
        rewrite(forward, lambda *_: None), parts.parameters, parts.recurrence, tuple(matrices)
    )
