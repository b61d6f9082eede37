"""Programs as Python source code, for reading and for execution by PyTorch."""

from collections.abc import Callable, Mapping
from math import isfinite

from .operations import SAME_NAME, SAME_NAME_BINARY, SPECIAL_FUNCTIONS, SYMBOLS
from .program import Program
from .values import Value


def _infix(symbol: str) -> Callable[..., str]:
    return lambda v, a, b: f"{a} {symbol} {b}"


def _call(function: str) -> Callable[..., str]:
    return lambda v, *xs: f"torch.{function}({', '.join(xs)})"


def number(attribute: object) -> str:
    """Number as a Python expression, infinities and NaN among them."""
    found = float(str(attribute))
    return repr(found) if isfinite(found) else f"float('{found}')"


def _lead(v: Value, x: str) -> str:
    rank = len(v.operands[0].shape)
    if not v.type.batched:
        return "()"
    return f"{x}.shape[:-{rank}]" if rank else f"{x}.shape"


def _permute(v: Value, x: str) -> str:
    order = v.attributes["order"]
    assert isinstance(order, tuple)
    rank = len(order)
    if order[-2:] == (rank - 1, rank - 2) and order[:-2] == tuple(range(rank - 2)):
        return f"{x}.mT"
    return f"{x}.movedim({tuple(o - rank for o in order)}, {tuple(i - rank for i in range(rank))})"


def _concat(v: Value, *xs: str) -> str:
    pieces = list(xs)
    lead = next((x for x, o in zip(xs, v.operands, strict=True) if o.type.batched), None)
    for position, operand in enumerate(v.operands):
        if lead is not None and not operand.type.batched:  # a constant, beside what has a batch
            pieces[position] = f"{xs[position]}.expand({lead}.shape[:-{len(v.shape)}] + {operand.shape})"
    return f"torch.cat(({', '.join(pieces)}), dim={v.attributes['axis']})"


PRINT: dict[str, Callable[..., str]] = {
    "input": lambda v: v.name,
    "fill": lambda v: (
        f"torch.full({v.shape}, {number(v.attributes['value'])}, dtype=like.dtype, device=like.device)"
    ),
    "reshape": lambda v, x: f"{x}.reshape({_lead(v, x)} + {v.shape})",
    "permute": _permute,
    "expand": lambda v, x: f"{x}.expand({_lead(v, x)} + {v.shape})",
    "slice": lambda v, x: (
        f"{x}.narrow({v.attributes['axis']}, {v.attributes['start']}, {v.shape[int(str(v.attributes['axis']))]})"
    ),
    "concat": _concat,
    "sum": lambda v, x: f"{x}.sum({v.attributes['axes']}, keepdim=True)",
    "amax": lambda v, x: f"{x}.amax({v.attributes['axes']}, keepdim=True)",
    "linear": lambda v, *xws: " + ".join(f"{x} @ {w}" for x, w in zip(xws[::2], xws[1::2], strict=True)),
    "heads": lambda v, x, w: f'torch.einsum("...hk,hkn->...hn", {x}, {w})',
    "neg": lambda v, x: f"-{x}",
    **{name: _call(name) for name in SAME_NAME},
    **{name: _call("lgamma" if name == "lgamma" else f"special.{name}") for name in SPECIAL_FUNCTIONS},
    "polygamma": lambda v, x: f"torch.polygamma({v.attributes['order']}, {x})",
    **{name: _call(name) for name in ("abs", "atan", "minimum", "maximum", "where", *SAME_NAME_BINARY)},
    **{name: _call(name) for name in ("logical_and", "logical_or", "logical_not")},
    "detach": lambda v, x: f"{x}.detach()",
    "clamp": lambda v, x: f"{x}.clamp({number(v.attributes['low'])}, {number(v.attributes['high'])})",
    "power": lambda v, x: f"{x} ** {number(v.attributes['exponent'])}",
    **{name: _infix(symbol) for name, symbol in SYMBOLS.items()},
    "pow": _infix("**"),
}
"""For every operation: function of a value and its operands' names to a Python expression."""


def names(program: Program) -> dict[Value, str]:
    """Names of all values: inputs keep theirs, the others are v1, v2, ..."""
    named: dict[Value, str] = {}
    for value in program.values():
        named[value] = value.name if value.op == "input" else f"v{len(named)}"
    return named


def _affine(value: Value, users: Mapping[Value, list[Value]]) -> tuple[Value, Value] | None:
    """Product and bias of a value x W + b, which PyTorch computes in one operation."""
    if value.op != "add" or len(value.shape) != 1:
        return None
    product, bias = value.operands
    fits = product.op == "linear" and len(product.operands) == 2 and users[product] == [value]
    return (product, bias) if fits and bias.shape == value.shape and not bias.type.batched else None


def lines(program: Program, annotate: bool = True, last: str = "linear") -> list[str]:
    """Assignments of a program.

    Args:
        program: The program.
        annotate: Whether each line has a comment with the type.
        last: Function for products with a bias that are outputs and nothing else.
    """
    named, result, users = names(program), [], program.users()
    outputs = set(program.outputs.values())
    affine = {value: found for value in users if (found := _affine(value, users))}
    inside = {product for product, _ in affine.values()} - outputs
    for value in program.values():
        if value.op == "input" or value in inside:
            continue
        if value in affine and affine[value][0] in inside:
            (x, w), bias = affine[value][0].operands, affine[value][1]
            called = last if value in outputs and not users[value] else "linear"
            expression = f"{called}({named[x]}, {named[w]}.T, {named[bias]})"
        else:
            expression = PRINT[value.op](value, *(named[operand] for operand in value.operands))
        remark = f"  # {value.type}" if annotate else ""
        result.append(f"{named[value]} = {expression}{remark}")
    return result


def function(program: Program, name: str, annotate: bool = True, last: str = "linear") -> str:
    """Python function of a program's inputs, and of `like`, a tensor with the dtype and device of constants.

    `annotate` and `last` are those of `lines`.
    """
    arguments = ["like", *(value.name for value in program.inputs())]
    named = names(program)
    results = "".join(f"{named[value]}, " for value in program.outputs.values())
    body = [*lines(program, annotate, last), f"return ({results})"]
    return "\n".join([f"def {name}({', '.join(arguments)}):", *(f"    {line}" for line in body)])


def show(program: Program, title: str = "step") -> str:
    """Text of a program: inputs with their types and roles, assignments, outputs by name."""
    named = names(program)
    head = [f"# {value.role:9} {value.name}: {value.type}" for value in program.inputs()]
    tail = [f"# {output} = {named[value]}" for output, value in program.outputs.items()]
    return "\n".join([f"# {title}", *head, *lines(program), *tail])


def equations(program: Program, labels: Mapping[str, str] | None = None) -> str:
    """Equations of a program, with values that are used once written inline."""
    users, named = program.users(), names(program)
    texts: dict[Value, str] = {}
    result = []
    for value in program.values():
        if value.op == "input":
            texts[value] = (labels or {}).get(value.name, value.name)
            continue
        if value.op == "fill":
            texts[value] = f"{value.attributes['value']:g}"
            continue
        text = PRINT[value.op](value, *(texts[operand] for operand in value.operands)).replace("torch.", "")
        if len(users[value]) == 1 and value not in program.outputs.values():
            texts[value] = f"({text})" if value.op in _INFIX else text
        else:
            texts[value] = named[value]
            result.append(f"{named[value]} = {text}")
    result += [f"{output}' = {texts[value]}" for output, value in program.outputs.items()]
    return "\n".join(result)


_INFIX = {*SYMBOLS, "linear", "pow", "power", "neg"}
