"""Reverse-mode differentiation of a recurrence: one step backwards, as a program.

The adjoint reads the gradients that arrive (`dy` at this step, `ds0`, ... from the step after) and values of the
forward step. It computes the gradients of the states before, of the kernel inputs of the event, and of the parameters.
For the gradient of a matrix it leaves two streams, a product's operand and the gradient of its result; their product
over all steps is one matrix product after the loop.
"""

from dataclasses import dataclass

from ..ir.operations import Kind
from ..ir.program import Program, rewrite
from ..ir.values import Builder, Type, Value
from .vjp_rules import DIFFERENTIATE


@dataclass(frozen=True)
class MatrixGradient:
    """Gradient of one matrix: operand^T @ gradient, over all steps and examples (for each head where `heads`)."""

    parameter: str
    operand: Value  # of the forward step
    gradient: Value  # of the adjoint step
    heads: bool


@dataclass(frozen=True)
class Adjoint:
    """Program of one step backwards, still with the forward step in it; `rematerialize.cut` removes that.

    Its outputs are named by what they are the gradient of: "s0", "e0", "w0"; those of parameters are to be summed
    over steps and examples.
    """

    forward: Program  # the recurrence, made of the same values as what follows
    backward: Program
    matrices: tuple[MatrixGradient, ...]


class _Cotangents:
    """Accumulator of the gradients that arrive at values from their users."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        self.whole: dict[Value, list[Value]] = {}
        self.slices: dict[Value, list[tuple[int, int, int, Value]]] = {}

    def give(self, value: Value, gradient: Value) -> None:
        """Add a gradient of a value, summed over broadcast axes."""
        self.whole.setdefault(value, []).append(self._unbroadcast(gradient, value.shape))

    def give_slice(self, value: Value, axis: int, start: int, stop: int, gradient: Value) -> None:
        """Add a gradient of a slice of a value."""
        self.slices.setdefault(value, []).append((axis, start, stop, gradient))

    def take(self, value: Value) -> Value | None:
        """Total gradient of a value, None without any."""
        terms = self.whole.pop(value, []) + self._layers(value)
        total = None
        for term in terms:
            total = term if total is None else self.b("add", total, term)
        return total

    def _layers(self, value: Value) -> list[Value]:
        """Gradients of slices, concatenated with zeros between them; overlapping slices give several."""
        result, left = [], sorted(self.slices.pop(value, []), key=lambda piece: piece[:3])
        while left:
            axis, end, pieces, later = left[0][0], 0, [], []
            for piece in left:
                if piece[0] != axis or piece[1] < end:
                    later.append(piece)
                    continue
                pieces += [*self._gap(value, axis, end, piece[1]), piece[3]]
                end = piece[2]
            pieces += self._gap(value, axis, end, value.shape[axis])
            result.append(pieces[0] if len(pieces) == 1 else self.b("concat", *pieces, axis=axis))
            left = later
        return result

    def _gap(self, value: Value, axis: int, start: int, stop: int) -> list[Value]:
        position = len(value.shape) + axis
        shape = (*value.shape[:position], stop - start, *value.shape[position + 1 :])
        return [self.b.fill(0.0, shape)] if stop > start else []

    def _unbroadcast(self, gradient: Value, shape: tuple[int, ...]) -> Value:
        # an unbatched operand may have had fewer axes
        padded = (1,) * (len(gradient.shape) - len(shape)) + shape
        axes = tuple(i - len(padded) for i, n in enumerate(padded) if n != gradient.shape[i])
        if axes:
            gradient = self.b("sum", gradient, axes=axes)
        if len(gradient.shape) < len(shape):
            gradient = self.b("expand", self.b("reshape", gradient, shape=(1,) * len(shape)), shape=shape)
        return gradient if gradient.shape == shape else self.b("reshape", gradient, shape=shape)


def adjoint(recurrence: Program) -> Adjoint:
    """Adjoint of a recurrence."""
    b = Builder()
    forward = rewrite(recurrence, lambda *_: None, b)
    gradients = _Cotangents(b)
    for name, value in forward.outputs.items():
        role = "cotangent" if name == "y" else "carry"
        gradients.give(value, b.input(f"d{name}", role, Type(value.shape, True)))
    matrices: list[MatrixGradient] = []
    outputs: dict[str, Value] = {}
    for value in reversed(forward.values()):
        gradient = gradients.take(value)
        if value.op == "input":
            if value.role == "parameter" and any(m.parameter == value.name for m in matrices):
                continue
            if gradient is None and value.role in ("state", "event", "now"):
                gradient = b.fill(0.0, value.shape)
            if gradient is not None:
                outputs[value.name] = gradient
            continue
        if gradient is None or value.type.boolean:
            continue
        b.where = value.where
        if value.op == "slice":
            axis, start, stop = (int(str(value.attributes[n])) for n in ("axis", "start", "stop"))
            gradients.give_slice(value.operands[0], axis, start, stop, gradient)
        elif value.op == "concat":
            _cut(gradients, value, gradient)
        else:
            found = DIFFERENTIATE[value.op](b, value, gradient, *value.operands)
            for operand, part in zip(value.operands, found, strict=True):
                if part is not None and operand.op != "fill" and not operand.type.boolean:
                    gradients.give(operand, part)
        if value.kind is Kind.PRODUCT:
            for x, w in zip(value.operands[::2], value.operands[1::2], strict=True):
                matrices.append(MatrixGradient(w.name, x, gradient, value.op == "heads"))
    for name, value in forward.outputs.items():
        if name != "y":  # a state that the step does not read
            outputs.setdefault(name, b.fill(0.0, value.shape))
    return Adjoint(forward, Program(outputs), tuple(matrices))


def _cut(gradients: _Cotangents, value: Value, gradient: Value) -> None:
    axis, start = int(str(value.attributes["axis"])), 0
    for operand in value.operands:
        stop = start + operand.shape[axis]
        if operand.op != "fill":
            gradients.give(operand, gradients.b("slice", gradient, axis=axis, start=start, stop=stop))
        start = stop
