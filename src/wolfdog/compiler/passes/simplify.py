"""Algebraic simplification: composition of views, slices pushed to their sources, arithmetic with 0 and 1."""

from itertools import pairwise

from ..ir.operations import Kind
from ..ir.program import Program, again, ordered, rewrite
from ..ir.values import Builder, Value


def simplify(program: Program, push: bool = True) -> Program:
    """Program with slices pushed towards inputs, and without arithmetic with 0 and 1.

    Without `push`, slices stay where they are: sums are easier to gather while they are whole.
    """
    fired = True
    late: set[Value] = set()  # what needs a state; views of the rest stay views of one result for all events
    whole: set[Value] = set()

    def rule(b: Builder, value: Value, operands: tuple[Value, ...]) -> Value | None:
        nonlocal fired
        push_here = push and whole.isdisjoint(value.operands)
        made = _rule(b, value, operands, late, push_here)
        result = again(b, value, operands) if made is None else made
        fired = fired or made is not None
        for new in ordered([result]) if made is not None else [result]:
            if (
                new.role not in ("event", "parameter")
                if new.op == "input"
                else late.intersection(new.operands)
            ):
                late.add(new)
        return result

    while fired:
        fired = False
        late.clear()
        whole = _needed_whole(program)
        program = rewrite(program, rule)
    return program


def _needed_whole(program: Program) -> set[Value]:
    """Values read by more than disjoint slices; slices pushed into them would compute parts of them twice."""
    found = set(program.outputs.values())
    for value, users in program.users().items():
        cuts = sorted(
            (str(u.attributes["axis"]), int(str(u.attributes["start"])), int(str(u.attributes["stop"])))
            for u in users
            if u.op == "slice"
        )
        if len(cuts) < len(users) or any(a[0] != b[0] or b[1] < a[2] for a, b in pairwise(cuts)):
            found.add(value)
    return found


def _rule(
    b: Builder, value: Value, operands: tuple[Value, ...], late: set[Value], push: bool
) -> Value | None:
    kind = value.kind
    if kind is Kind.VIEW:
        return _view(b, value, operands[0], late if push else set())
    if kind is Kind.CONCAT:
        return operands[0] if len(operands) == 1 else _concat(b, value, operands)
    if kind is Kind.PRODUCT and value.op == "linear":
        return _linear(b, operands, late)
    if kind is Kind.REDUCE and all(operands[0].shape[a] == 1 for a in value.attributes["axes"]):
        return operands[0]
    if kind is Kind.POINTWISE:
        return _arithmetic(b, value, operands)
    return None


def _view(b: Builder, value: Value, x: Value, late: set[Value]) -> Value | None:
    if x.shape == value.shape and value.op in ("reshape", "expand", "slice"):
        return x
    if x.op == "fill":
        return b.fill(float(str(x.attributes["value"])), value.shape)
    if value.op == "reshape" and x.op == "reshape":
        return b("reshape", x.operands[0], shape=value.shape)
    if value.op == "expand" and x.op == "expand":
        return b("expand", x.operands[0], shape=value.shape)
    if value.op == "permute":
        order = tuple(value.attributes["order"])
        if order == tuple(range(len(order))):
            return x
        if x.op == "permute":
            inner = x.attributes["order"]
            return b("permute", x.operands[0], order=tuple(inner[axis] for axis in order))
    if value.op == "slice":
        return _slice(b, value, x, late)
    return None


def _slice(b: Builder, value: Value, x: Value, late: set[Value]) -> Value | None:
    axis, start, stop = (int(str(value.attributes[name])) for name in ("axis", "start", "stop"))
    if x.op == "slice" and x.attributes["axis"] == axis:
        first = int(str(x.attributes["start"]))
        return b("slice", x.operands[0], axis=axis, start=first + start, stop=first + stop)
    if x.op == "concat" and x.attributes["axis"] == axis:
        return _slice_of_concat(b, x, axis, start, stop)
    if x.kind is Kind.POINTWISE and x in late:
        return b(x.op, *(_cut(b, operand, axis, start, stop) for operand in x.operands), **x.attributes)
    return None


def _slice_of_concat(b: Builder, x: Value, axis: int, start: int, stop: int) -> Value:
    pieces, offset = [], 0
    for piece in x.operands:
        length = piece.shape[axis]
        low, high = max(start - offset, 0), min(stop - offset, length)
        if low < high:
            whole = (low, high) == (0, length)
            pieces.append(piece if whole else b("slice", piece, axis=axis, start=low, stop=high))
        offset += length
    return pieces[0] if len(pieces) == 1 else b("concat", *pieces, axis=axis)


def _cut(b: Builder, x: Value, axis: int, start: int, stop: int) -> Value:
    """Slice of a pointwise operation's operand, for a slice of its result."""
    if len(x.shape) < -axis or x.shape[axis] == 1:
        return x
    return b("slice", x, axis=axis, start=start, stop=stop)


def _concat(b: Builder, value: Value, operands: tuple[Value, ...]) -> Value | None:
    axis = value.attributes["axis"]
    if any(o.op == "concat" and o.attributes["axis"] == axis for o in operands):
        flat = [
            p
            for o in operands
            for p in (o.operands if o.op == "concat" and o.attributes["axis"] == axis else (o,))
        ]
        return b("concat", *flat, axis=axis)
    return None


def _linear(b: Builder, operands: tuple[Value, ...], late: set[Value]) -> Value | None:
    """Product of a concatenation as a sum of products, [x, x'] W = x W_1 + x' W_2, of which one may be hoisted."""
    pairs: list[Value] = []
    for x, w in zip(operands[::2], operands[1::2], strict=True):
        pieces = x.operands if x.op == "concat" and x.attributes["axis"] == -1 else ()
        if any(piece not in late or _given(piece) for piece in pieces):
            offset = 0
            for piece in pieces:
                length = piece.shape[-1]
                pairs += [piece, b("slice", w, axis=-2, start=offset, stop=offset + length)]
                offset += length
        else:
            pairs += [x, w]
    if len(pairs) == len(operands):
        return None
    parts = []
    for batched in (True, False):  # what is alike in all examples is computed once
        some = [
            part
            for pair in zip(pairs[::2], pairs[1::2], strict=True)
            if pair[0].type.batched is batched
            for part in pair
        ]
        parts += [b("linear", *some)] if some else []
    return parts[0] if len(parts) == 1 else b("add", *parts)


def _given(x: Value) -> bool:
    """Whether a value is a view of an input, so that its concatenation would be a copy."""
    while x.kind is Kind.VIEW:
        x = x.operands[0]
    return x.op == "input"


def _arithmetic(b: Builder, value: Value, operands: tuple[Value, ...]) -> Value | None:
    def same(x: Value) -> Value | None:
        return x if x.shape == value.shape and x.type.batched == value.type.batched else None

    # repeating is what pointwise operations do anyway, where it leaves the rank
    plain = tuple(
        o.operands[0] if o.op == "expand" and len(o.operands[0].shape) == len(o.shape) else o
        for o in operands
    )
    if plain != operands:
        again = b(value.op, *plain, **value.attributes)
        if again.shape == value.shape:
            return again
    match value.op, operands:
        case "add", (x, zero) if zero.is_number(0.0):
            return same(x)
        case "add", (zero, x) if zero.is_number(0.0):
            return same(x)
        case "sub", (x, zero) if zero.is_number(0.0):
            return same(x)
        case "mul", (x, one) if one.is_number(1.0):
            return same(x)
        case "mul", (one, x) if one.is_number(1.0):
            return same(x)
        case "mul", (zero, x) if zero.is_number(0.0) and x.op == "fill":
            return b.fill(0.0, value.shape)
        case "div", (x, one) if one.is_number(1.0):
            return same(x)
        case "neg", (x,) if x.op == "neg":
            return x.operands[0]
        case "neg", (x,) if x.op == "fill":
            return b.fill(-float(str(x.attributes["value"])), x.shape)
        case "mul", (x, y) if y.op == "fill" and x.op == "fill":
            return b.fill(float(str(x.attributes["value"])) * float(str(y.attributes["value"])), value.shape)
    return None
