"""Programs: named outputs as values over named inputs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod

from .values import Builder, Value


@dataclass(frozen=True, repr=False)  # printer.show has the text
class Program:
    """Program of one step of a recurrence or of its adjoint: outputs by name."""

    outputs: dict[str, Value]

    def values(self) -> list[Value]:
        """All values, operands before their users."""
        return ordered(self.outputs.values())

    def inputs(self, *roles: str) -> list[Value]:
        """Inputs of the given roles, or all, in the order of their first use."""
        return [v for v in self.values() if v.op == "input" and (not roles or v.role in roles)]

    def users(self) -> dict[Value, list[Value]]:
        """Users of every value; one that has it as an operand twice is listed twice."""
        users: dict[Value, list[Value]] = {value: [] for value in self.values()}
        for value in users:
            for operand in value.operands:
                users[operand].append(value)
        return users


def ordered(roots: Iterable[Value]) -> list[Value]:
    """Roots and all values that they depend on, operands first."""
    done: dict[Value, None] = {}
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        value, expanded = stack.pop()
        if value in done:
            continue
        if expanded:
            done[value] = None
        else:
            stack.append((value, True))
            stack.extend((operand, False) for operand in reversed(value.operands))
    return list(done)


def operations(program: Program) -> int:
    """Floating-point operations of the products of a program for one example: two for each number of a matrix."""
    total = 0
    for value in program.values():
        if value.op == "linear":
            for x, matrix in zip(value.operands[::2], value.operands[1::2], strict=True):
                total += 2 * prod(x.shape) * matrix.shape[-1]
        elif value.op == "heads":
            total += 2 * prod(value.operands[1].shape)
    return total


Rule = Callable[[Builder, Value, tuple[Value, ...]], Value | None]


def rewrite(program: Program, rule: Rule, builder: Builder | None = None) -> Program:
    """Program with every value rewritten by a rule, operands first.

    The rule gets the old value and its new operands, and returns the new value, or None for the same operation on the
    new operands. Equal values come out as one.
    """
    builder = builder or Builder()
    new: dict[Value, Value] = {}
    for value in program.values():
        operands = tuple(new[operand] for operand in value.operands)
        builder.where = value.where
        made = rule(builder, value, operands)
        new[value] = again(builder, value, operands) if made is None else made
    return Program({name: new[value] for name, value in program.outputs.items()})


def again(builder: Builder, value: Value, operands: tuple[Value, ...]) -> Value:
    """Operation of a value, applied to other operands."""
    if value.op == "input":
        return builder.input(value.name, value.role, value.type)
    return builder(value.op, *operands, **value.attributes)
