"""A unit over a sequence as ONNX's Scan, whose body is one step of the unit."""

from collections.abc import Sequence

from ....compiler.ir.program import Program
from ....compiler.passes.hoist import Split
from .graph import Graph
from .operations import Place
from .program import write_program
from .unit import Unit


def constants(graph: Graph, unit: Unit, parts: Split, *programs: Program) -> dict[str, str]:
    """What programs read of the unit's parameters, as constants of the graph."""
    read = {value.name for program in programs for value in program.inputs("parameter")}
    numbers = unit.numbers(parts)
    return {name: graph.constant(numbers[name], name) for name in sorted(read)}


def write_scan(
    graph: Graph, unit: Unit, x: str, states: Sequence[str], running: str | None, backwards: bool
) -> tuple[str, list[str]]:
    """Outputs [T, B, ...] and last memories [B, ...], of a unit over events x [T, B, ...].

    Args:
        graph: the graph around.
        unit: the unit.
        x: the events.
        states: the memories before, `[B, ...]`.
        running: true before a sequence's end, `[T, B]`: past it, outputs are zero and memories stay.
        backwards: whether to begin at the last event.
    """
    parts = unit.parts(over_events=True)
    known = constants(graph, unit, parts, parts.events, parts.recurrence)
    early = write_program(parts.events, Place(graph, 2), {"x": x, **known})
    read = parts.recurrence.inputs("event")
    over = {value.name: x if value.name == "x" else early[value.name] for value in read}
    shapes = {value.name: value.shape for value in read}
    if not over:  # the number of steps has to come from something
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
    outputs = write_program(parts.recurrence, Place(body, 1), {**known, **inner})
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
    """A mask [B] over tensors of a rank, [B, 1, ...]."""
    return mask if rank == 1 else graph("Unsqueeze", mask, graph.integers(*range(1, rank)))
