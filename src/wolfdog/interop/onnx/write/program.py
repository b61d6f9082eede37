"""A program of the compiler, written into an ONNX graph."""

from collections.abc import Mapping

from ....compiler.ir.program import Program
from ....compiler.ir.values import Value
from .operations import ONNX, Place


def write_program(
    program: Program, at: Place, inputs: Mapping[str, str], known: dict[Value, str] | None = None
) -> dict[str, str]:
    """The names of a program's outputs in the graph, by their names in the program.

    Args:
        program: the program.
        at: the graph, and how many axes stand before the features of what is batched there.
        inputs: the program's inputs in the graph, by their names in the program.
        known: values that are in the graph already; those that are written now are added.
    """
    names = {} if known is None else known
    for value in program.values():
        if value in names:
            continue
        if value.op == "input":
            names[value] = inputs[value.name]
        else:
            names[value] = ONNX[value.op](at, value, *(names[operand] for operand in value.operands))
    return {name: names[value] for name, value in program.outputs.items()}
