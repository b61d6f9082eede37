"""Loop-invariant code motion: the computation before the loop for PyTorch, and the recurrence for a kernel."""

from dataclasses import dataclass

from ..ir.operations import Kind
from ..ir.program import Program, again, rewrite
from ..ir.values import Builder, Value
from .merge_matmuls import Class, classify, gather_sums, merge_products
from .simplify import simplify


@dataclass(frozen=True)
class Split:
    """Three parts of a step, each a program over the results of the one before.

    parameters  from values of the cell's parameters to what the kernel reads ("w0", "w1", ...)
    events      from those values and the event to what the kernel reads of every event ("e0", "e1", ...), all at once
    recurrence  from both and the states to the output "y" and the next states
    """

    parameters: Program
    events: Program
    recurrence: Program


def prepare(program: Program, hoist_events: bool = True) -> Program:
    """Program with merged sums and products, ready to be split.

    Without `hoist_events`, as for a single step, events get the role "now", and nothing that needs them comes early.
    """
    if not hoist_events:
        program = rewrite(program, _as_now)
    return simplify(merge_products(simplify(gather_sums(simplify(program, push=False)))))


def _as_now(b: Builder, value: Value, _: tuple[Value, ...]) -> Value | None:
    if value.op == "input" and value.role == "event":
        return b.input(value.name, "now", value.type)
    return None


def prepare_in_place(program: Program) -> Program:
    """Program of a single step, to be split so that parameters are read where they lie.

    Products keep their matrices, as putting them side by side would copy them, and slices of what is computed from
    parameters become slices of the parameters.
    """
    program = simplify(gather_sums(simplify(rewrite(program, _as_now), push=False)))

    def rule(b: Builder, value: Value, operands: tuple[Value, ...]) -> Value | None:
        if value.op != "slice" or not _vector_arithmetic(value.operands[0]):
            return None
        whole = operands[0]
        parts = (b("slice", o, **value.attributes) if o.shape == whole.shape else o for o in whole.operands)
        return again(b, whole, tuple(parts))

    return rewrite(program, rule)


def _vector_arithmetic(value: Value) -> bool:
    """Whether a value is computed element by element from parameters of one axis, besides axes of one number."""
    shapes = {operand.shape for operand in value.operands}
    alone = bool(value.shape) and value.type.size == max(value.shape)
    unbatched = not value.type.batched and value.kind is Kind.POINTWISE and alone
    return unbatched and shapes <= {value.shape, (), (1,)}


def split(program: Program, parameter: str = "w", in_place: bool = False) -> Split:
    """Three parts of a prepared program; results from parameters are named by `parameter` and a number.

    With `in_place`, the kernel itself computes what is computed element by element from vectors of parameters.
    """
    classes = classify(program)
    # by whether a product reads it as its matrix: that is laid out in panels, which nothing else can read
    boundary: dict[Class, dict[tuple[Value, bool], str]] = {"parameter": {}, "event": {}}
    b = Builder()
    inner: dict[tuple[Value, bool], Value] = {}

    def cross(value: Value, matrix: bool) -> Value:
        """Input of the loop for a value that is computed before it."""
        kind = classes[value]
        if value.op == "fill":
            return b.fill(float(str(value.attributes["value"])), value.shape)
        if value.type.boolean or (in_place and _vector_arithmetic(value)):  # kernels read numbers
            return again(b, value, tuple(inside(operand) for operand in value.operands))
        if kind == "event" and value.op in ("slice", "reshape", "expand") and value.operands[0].type.batched:
            return again(b, value, (inside(value.operands[0]),))
        if (
            kind == "parameter"
            and value.op in ("expand", "reshape")
            and value.kind is Kind.VIEW
            and not _matrix(value)
        ):
            return again(b, value, (inside(value.operands[0]),))
        names = boundary[kind]
        name = names.setdefault((value, matrix), f"{parameter if kind == 'parameter' else 'e'}{len(names)}")
        return b.input(name, kind, value.type)

    def inside(value: Value, matrix: bool = False) -> Value:
        if (value, matrix) not in inner:
            b.where = value.where
            if classes[value] != "state":
                inner[value, matrix] = cross(value, matrix)
            else:
                product = value.kind is Kind.PRODUCT
                operands = (inside(o, product and at % 2 == 1) for at, o in enumerate(value.operands))
                inner[value, matrix] = again(b, value, tuple(operands))
        return inner[value, matrix]

    for value in program.values():  # operands first, so that `inside` never goes deep
        if classes[value] == "state":
            inside(value)
    recurrence = simplify(Program({name: inside(value) for name, value in program.outputs.items()}))
    read = {value.name for value in recurrence.inputs()}
    outputs = {
        kind: {name: value for (value, _), name in names.items() if name in read}
        for kind, names in boundary.items()
    }
    return Split(Program(outputs["parameter"]), Program(outputs["event"]), recurrence)


def _matrix(value: Value) -> bool:
    return len(value.shape) > 1
