"""Small programs for tests of passes, and their texts."""

from wolfdog.compiler.ir.printer import show
from wolfdog.compiler.ir.program import Program
from wolfdog.compiler.ir.values import Builder, Type, Value
from wolfdog.compiler.passes.buffers import BufferView
from wolfdog.compiler.passes.loop_nest import LoopNest


def event(b: Builder, *shape: int, name: str = "x", role: str = "event") -> Value:
    return b.input(name, role, Type(shape, True))


def state(b: Builder, *shape: int, name: str = "s0") -> Value:
    return b.input(name, "state", Type(shape, True))


def parameter(b: Builder, name: str, *shape: int) -> Value:
    return b.input(name, "parameter", Type(shape, False))


def text(program: Program, title: str = "step") -> str:
    return show(program, title)


def view(place: BufferView) -> str:
    """A buffer's name, the step after the current one, and offset, shape and strides where they are not plain."""
    shift = f"@t+{place.shift}" if place.shift else ""
    plain = place.contiguous and not place.offset
    strides = "" if place.contiguous else f" strides {list(place.strides)}"
    return f"{place.buffer}{shift}" + ("" if plain else f"[+{place.offset} {list(place.shape)}{strides}]")


def nest_text(nest: LoopNest) -> str:
    """Stages of a loop nest: products, then loops with what they compute and where they store it."""
    lines = []
    for number, stage in enumerate(nest.stages):
        lines.append(f"stage {number}")
        for product in stage.products:
            sign = "=" if product.fresh else "+="
            lines.append(f"  {product.result} {sign} {view(product.operand)} @ {product.matrix}")
        for loop in stage.loops:
            lines.append(f"  for {list(loop.domain)}:")
            for item in loop.items:
                name = "copy" if item.source is not None else item.value.op
                stores = "".join(f" -> {view(place)}" for place in item.stores)
                lines.append(f"    {name}{stores}")
    lines += [f"{name} is {view(place)}" for name, place in nest.aliases.items()]
    return "\n".join(lines)


def elman() -> Program:
    """h' = tanh([x, h] W + b)."""
    b = Builder()
    x, h = event(b, 3), state(b, 4)
    joined = b("linear", b("concat", x, h, axis=-1), parameter(b, "w", 7, 4))
    y = b("tanh", b("add", joined, parameter(b, "bias", 4)))
    return Program({"y": y, "s0": y})


def two_gates() -> Program:
    """h' = (sigmoid(h W0 + x V0) tanh(h W1 + x V1)) W2."""
    b = Builder()
    x, h = event(b, 3), state(b, 4)
    gates = [
        b("add", b("linear", h, parameter(b, f"w{i}", 4, 4)), b("linear", x, parameter(b, f"v{i}", 3, 4)))
        for i in range(2)
    ]
    product = b("mul", b("sigmoid", gates[0]), b("tanh", gates[1]))
    y = b("linear", product, parameter(b, "w2", 4, 4))
    return Program({"y": y, "s0": y})
