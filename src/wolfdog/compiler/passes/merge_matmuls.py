"""Merging of matrix products, after regrouping sums by what they depend on."""

from collections.abc import Callable

from ..ir.program import Program, again
from ..ir.values import Builder, Value

Class = str  # "parameter": no batch axis; "event": no state in it; "state": what is left to the loop


def classify(program: Program) -> dict[Value, Class]:
    """Class of every value: parameters only, events, or states."""
    classes: dict[Value, Class] = {}
    for value in program.values():
        if value.op == "input":
            classes[value] = value.role if value.role in ("event", "parameter") else "state"
        elif any(classes[o] == "state" for o in value.operands):
            classes[value] = "state"
        elif any(classes[o] == "event" for o in value.operands):
            classes[value] = "event"
        else:
            classes[value] = "parameter"
    return classes


def gather_sums(program: Program) -> Program:
    """Program with sums that need a state regrouped as products, other terms, and terms known before the loop."""
    classes, users, b = classify(program), program.users(), Builder()
    new: dict[Value, Value] = {}
    inner = {
        v for v in program.values()
        if v.op == "add" and [u.op for u in users[v]] == ["add"] and users[v][0].shape == v.shape
        and v not in program.outputs.values()
    }  # fmt: skip

    def single(value: Value) -> bool:
        return len(users[value]) == 1 and value not in program.outputs.values()

    for value in program.values():
        b.where = value.where
        if value.op == "add" and value not in inner and classes[value] == "state":
            new[value] = _sum(b, value, inner, classes, single, new)
        else:
            new[value] = again(b, value, tuple(new[operand] for operand in value.operands))
    return Program({name: new[value] for name, value in program.outputs.items()})


def _sum(
    b: Builder,
    value: Value,
    inner: set[Value],
    classes: dict[Value, Class],
    single: Callable[[Value], bool],
    new: dict[Value, Value],
) -> Value:
    terms: list[Value] = []

    def collect(term: Value) -> None:
        for operand in term.operands:
            if operand in inner:
                collect(operand)
            else:
                terms.append(operand)

    collect(value)
    pairs: dict[Class, list[Value]] = {"state": [], "event": []}
    rest: dict[Class, list[Value]] = {"state": [], "event": [], "parameter": []}
    for term in terms:
        if (
            term.op == "linear"
            and classes[term] != "parameter"
            and single(term)
            and term.shape == value.shape
        ):
            for x, w in zip(term.operands[::2], term.operands[1::2], strict=True):
                pairs[classes[x]] += [new[x], new[w]]
        else:
            rest[classes[term]].append(new[term])
    early = ([b("linear", *pairs["event"])] if pairs["event"] else []) + rest["event"]
    # a parameter joins what is computed before the loop anyway, but does not make a new pass over the events of a view
    if early and not all(term.op in ("slice", "reshape", "input") for term in early):
        early = [_add(b, [*early, *rest["parameter"]])]
        rest["parameter"] = []
    late = ([b("linear", *pairs["state"])] if pairs["state"] else []) + rest["state"]
    return _add(b, late + rest["parameter"] + early)


def _add(b: Builder, terms: list[Value]) -> Value:
    # parameters first: they are summed once
    ordered = sorted(terms, key=lambda term: term.type.batched, reverse=True)
    batched = [t for t in ordered if t.type.batched]
    plain = [t for t in ordered if not t.type.batched]
    total = None
    for group in (batched, plain):
        partial = None
        for term in group:
            partial = term if partial is None else b("add", partial, term)
        if partial is not None:
            total = partial if total is None else b("add", total, partial)
    assert total is not None
    return total


def merge_products(program: Program) -> Program:
    """Program with products of the same operands merged into one, with their matrices concatenated.

    A bias that is added to a product of events goes along with it.
    """
    classes, users, b = classify(program), program.users(), Builder()
    groups: dict[object, list[Value]] = {}
    biased: dict[Value, tuple[Value, Value]] = {}  # add -> (product, bias)
    for value in program.values():
        if value.op == "add" and classes[value] == "event":
            product, bias = value.operands
            if product.op == "linear" and classes[bias] == "parameter" and users[product] == [value]:
                biased[value] = (product, bias)
    inside = {product for product, _ in biased.values()}
    for value in program.values():
        product = biased[value][0] if value in biased else value
        if (
            product.op == "linear"
            and value not in inside
            and all(len(w.shape) == 2 for w in product.operands[1::2])
        ):
            key = (
                product.operands[::2],
                classes[value],
                product.type.batched and classes[value] != "parameter",
            )
            groups.setdefault(key, []).append(value)
    member = {v: key for key, values in groups.items() if len(values) > 1 for v in values}
    new: dict[Value, Value] = {}
    merged: dict[object, Value] = {}
    for value in program.values():
        b.where = value.where
        if value not in member:
            new[value] = again(b, value, tuple(new[operand] for operand in value.operands))
            continue
        group = groups[member[value]]
        if member[value] not in merged:
            merged[member[value]] = _merged(b, group, biased, new, program)
        start = sum(v.shape[-1] for v in group[: group.index(value)])
        new[value] = b("slice", merged[member[value]], axis=-1, start=start, stop=start + value.shape[-1])
    return Program({name: new[value] for name, value in program.outputs.items()})


def _merged(
    b: Builder,
    group: list[Value],
    biased: dict[Value, tuple[Value, Value]],
    new: dict[Value, Value],
    program: Program,
) -> Value:
    def made(value: Value) -> Value:
        """Rewritten value of a parameter, which may come after the first product of the group."""
        if value not in new:
            new[value] = again(b, value, tuple(made(operand) for operand in value.operands))
        return new[value]

    products = [biased[v][0] if v in biased else v for v in group]
    pairs: list[Value] = []
    for position in range(0, len(products[0].operands), 2):
        matrices = [made(product.operands[position + 1]) for product in products]
        pairs += [made(products[0].operands[position]), b("concat", *matrices, axis=-1)]
    result = b("linear", *pairs)
    if not any(v in biased for v in group):
        return result
    biases = []
    for value in group:
        width = value.shape[-1]
        bias = made(biased[value][1]) if value in biased else b.fill(0.0, (width,))
        bias = b("reshape", bias, shape=(bias.type.size,))
        biases.append(bias if bias.shape == (width,) else b("expand", bias, shape=(width,)))
    return b("add", result, b("concat", *biases, axis=-1))
