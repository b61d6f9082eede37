"""Programs of the compiler as ONNX nodes."""

from collections.abc import Mapping

from ....compiler.ir.program import Program
from ....compiler.ir.values import Value
from .operations import ONNX, Target


def write_program(
    program: Program, target: Target, inputs: Mapping[str, str], known: dict[Value, str] | None = None
) -> dict[str, str]:
    """Write a program into a graph.

    Args:
        program: The program.
        target: The graph, and the number of leading axes of batched values.
        inputs: Names in the graph by names of the program's inputs.
        known: Values already in the graph; new ones are added.

    Returns:
        Names in the graph by names of the program's outputs.
    """
    names = {} if known is None else known
    for value in program.values():
        if value in names:
            continue
        if value.op == "input":
            names[value] = inputs[value.name]
        else:
            names[value] = ONNX[value.op](target, value, *(names[operand] for operand in value.operands))
    return {name: names[value] for name, value in program.outputs.items()}
