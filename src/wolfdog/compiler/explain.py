"""Text of the stages of a compiled cell, for reading."""

from math import prod

from .backends.llvm.launch import Launch
from .driver import Compiled
from .ir.operations import Kind
from .ir.printer import equations, function
from .ir.printer import show as program_text
from .runtime.recurrence import Recurrence

STAGES = ("equations", "program", "adjoint", "plan", "source")


def explain(compiled: Compiled, stage: str) -> str:
    """Text of one stage of a compiled cell; the stages are `STAGES`."""
    recurrence = compiled.recurrence(resets=False, hoist_events=True)
    match stage:
        case "equations":
            code = compiled.traced.parameters.source()
            return f"{code}\n\n{equations(compiled.traced.program)}\n"
        case "program":
            parts = recurrence.split
            early = function(parts.parameters, "once")
            events = function(parts.events, "for_all_events")
            return f"{early}\n\n{events}\n\n{program_text(parts.recurrence, 'every step')}\n"
        case "adjoint":
            return program_text(recurrence.differentiated.backward, "every step, backwards") + "\n"
        case "plan":
            return _plan(recurrence)
    kernels = {
        "inference": recurrence.inference.kernel,
        "inference, few examples": recurrence.inference.cooperative,
        "training": recurrence.training.kernel,
        "gradients": recurrence.backward_kernel.kernel,
    }
    return "\n".join(f"# {name}\n{kernel.source}" for name, kernel in kernels.items())


def _plan(recurrence: Recurrence) -> str:
    blocks = [
        _kernel("inference", recurrence.inference),
        _kernel("training", recurrence.training),
        _kernel("gradients", recurrence.backward_kernel),
    ]
    different = recurrence.differentiated
    saved = [
        f"{name}: {value.type}" for name, value in different.forward.outputs.items() if name.startswith("k")
    ]
    tapes = sorted(recurrence.taped)
    blocks.append(f"saved for the backward pass, for every step: {', '.join(saved) or 'nothing'}")
    blocks.append(f"states kept for every step: {', '.join(tapes) or 'none'}")
    products = [
        f"gradient of {parameter}: {stream.name}^T @ {gradient} over all steps at once"
        for parameter, stream, gradient, _ in different.matrices
    ]
    return "\n".join([*blocks, *products]) + "\n"


def _kernel(name: str, launch: Launch) -> str:
    """Products and loops of one kernel, with the FLOPs and bytes of one step of an example."""
    lines, work, moved = [], 0, 0
    size = launch.target.bits // 8
    for number, stage in enumerate(launch.nest.stages):
        for product in stage.products:
            times = f"{product.times} x " if product.times > 1 else ""
            lines.append(
                f"  product {times}[B, {product.depth}] @ {product.matrix} [{product.depth}, {product.width}]"
            )
            work += 2 * product.depth * product.width * product.times
        for loop in stage.loops:
            count = prod(loop.domain)
            operations = [i.value.op if i.source is None else "copy" for i in loop.items]
            lines.append(f"  stage {number}: {count} x ({', '.join(operations)})")
            work += count * sum(i.source is None and i.value.kind is Kind.POINTWISE for i in loop.items)
            moved += sum(prod(place.shape) for item in loop.items for place in item.stores) * size
            moved += (
                sum(o.type.size for i in loop.items for o in i.reads if o.op == "input" and o.type.batched)
                * size
            )
    head = f"{name}: {work} FLOPs and {moved} bytes of streams and states for every step of an example"
    return "\n".join([head, *lines])
