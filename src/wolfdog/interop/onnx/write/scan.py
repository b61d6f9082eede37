"""Cells over a sequence as ONNX's Scan, whose body is one step."""

from collections.abc import Sequence

from ....compiler.ir.program import Program
from ....compiler.passes.hoist import Split
from .graph import Graph
from .operations import Target
from .program import write_program
from .unit import Unit


def parameter_constants(graph: Graph, unit: Unit, parts: Split, *programs: Program) -> dict[str, str]:
    """Constants of the graph for the parameters that programs read."""
    read = {value.name for program in programs for value in program.inputs("parameter")}
    numbers = unit.numbers(parts)
    return {name: graph.constant(numbers[name], name) for name in sorted(read)}


def write_scan(
    graph: Graph, unit: Unit, x: str, states: Sequence[str], running: str | None, backwards: bool
) -> tuple[str, list[str]]:
    """Write a unit over a sequence.

    Args:
        graph: The outer graph.
        unit: The unit.
        x: Events [T, B, ...].
        states: Initial states [B, ...].
        running: Mask [T, B], true before the end of a sequence: later outputs are zero and states stay; None for no
            lengths.
        backwards: Whether to start at the last event.

    Returns:
        Outputs [T, B, ...] and final states [B, ...].
    """
    parts = unit.parts(hoist_events=True)
    known = parameter_constants(graph, unit, parts, parts.events, parts.recurrence)
    early = write_program(parts.events, Target(graph, 2), {"x": x, **known})
    read = parts.recurrence.inputs("event")
    over = {value.name: x if value.name == "x" else early[value.name] for value in read}
    shapes = {value.name: value.shape for value in read}
    if not over:  # the Scan needs an input for the number of steps
        over, shapes = {"x": x}, {"x": unit.event}
    body = graph.body()
    inner = {
        f"s{number}": body.input(f"{name}_before", ["batch", *start.shape[1:]])
        for number, (name, start) in enumerate(zip(unit.states, unit.start, strict=True))
    }
    before = list(inner.values())
    inner |= {name: body.input(f"{name}_now", ["batch", *shapes[name]]) for name in over}
    scanned = list(over.values())
    going = ""
    if running is not None:
        going = body.input("running", ["batch"], dtype=bool)
        scanned.append(running)
    outputs = write_program(parts.recurrence, Target(body, 1), {**known, **inner})
    after, y = [outputs[f"s{number}"] for number in range(len(before))], outputs["y"]
    if going:
        after = [
            body("Where", _rows(body, going, start.ndim), new, old)
            for new, old, start in zip(after, before, unit.start, strict=True)
        ]
        y = body("Where", _rows(body, going, 1 + len(unit.output)), y, body.number(0.0))
    for value, name, start in zip(after, unit.states, unit.start, strict=True):
        body.output(value, f"{name}_after", ["batch", *start.shape[1:]])
    body.output(y, "y_now", ["batch", *unit.output])
    results = graph.node(
        "Scan",
        [*states, *scanned],
        len(before) + 1,
        body=body.proto("step"),
        num_scan_inputs=len(scanned),
        scan_input_directions=[int(backwards)] * len(scanned),
        scan_output_directions=[int(backwards)],
    )
    return results[-1], results[:-1]


def _rows(graph: Graph, mask: str, rank: int) -> str:
    """Mask [B] for tensors of some rank, [B, 1, ...]."""
    return mask if rank == 1 else graph("Unsqueeze", mask, graph.integers(*range(1, rank)))
