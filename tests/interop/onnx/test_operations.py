"""The table of ONNX's operations: total, and each row the same numbers in ONNX Runtime."""

import pytest
import torch
from onnx.checker import check_model

from onnx_runtime import assert_gives
from wolfdog.compiler.ir.evaluate import evaluate
from wolfdog.compiler.ir.operations import OPERATIONS
from wolfdog.compiler.ir.program import Program
from wolfdog.compiler.ir.values import Builder, Type
from wolfdog.interop.onnx.write.file import model_of
from wolfdog.interop.onnx.write.graph import Graph
from wolfdog.interop.onnx.write.operations import ONNX, Target
from wolfdog.interop.onnx.write.program import write_program

ATTRIBUTES = {"clamp": {"low": -0.4, "high": 0.7}, "power": {"exponent": 1.7}, "polygamma": {"order": 2}}
POSITIVE = ("log", "sqrt", "rsqrt", "pow", "power")
NOT_IN_DOUBLE = ("erf", "atan", "asin", "acos", "atan2", "erfc", "erfinv")  # of ONNX Runtime's operators
POINTWISE = [name for name, row in OPERATIONS.items() if row.kind.value == "pointwise"]


def test_the_table_is_total() -> None:
    assert set(ONNX) == set(OPERATIONS)


def check(program: Program, tensors: dict[str, torch.Tensor], lead: int) -> None:
    """Fails unless the program, in ONNX Runtime, gives what `evaluate` gives."""
    dtype = next(iter(tensors.values())).dtype
    graph = Graph(torch.zeros(1, dtype=dtype).numpy().dtype)
    axes = ["time", "batch"][2 - lead :]
    names = {}
    for value in program.inputs():
        shape = [*(axes if value.type.batched else []), *value.shape]
        names[value.name] = graph.input(value.name, shape)
    outputs = write_program(program, Target(graph, lead), names)
    kinds = {name: bool if value.type.boolean else None for name, value in program.outputs.items()}
    for name, value in program.outputs.items():
        graph.output(outputs[name], f"out_{name}", [*axes, *value.shape], dtype=kinds[name])
    model = model_of(graph, "one", "", {})
    check_model(model, full_check=True)
    expected = evaluate(program, tensors, next(iter(tensors.values())))
    assert_gives(model, tensors, list(expected.values()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("lead", [1, 2])
def test_pointwise(lead: int, dtype: torch.dtype) -> None:
    b = Builder()
    x, y = (b.input(name, "event", Type((6,), True)) for name in ("x", "y"))
    outputs = {}
    for name in POINTWISE:
        if dtype is torch.float64 and name in NOT_IN_DOUBLE:
            continue
        a = b("add", b("abs", x), b.fill(0.1)) if name in POSITIVE else x
        if name in ("asin", "acos", "atanh", "erfinv"):
            a = b("mul", b("tanh", x), b.fill(0.9))
        elif name in ("ndtri", "entr"):
            a = b("sigmoid", x)
        elif name == "acosh":
            a = b("add", b("abs", x), b.fill(1.1))
        test = b("lt", x, y)
        operands = {
            "where": (test, x, y),
            "logical_not": (test,),
            "logical_and": (test, b("gt", x, b.fill(0.0))),
            "logical_or": (test, b("gt", x, b.fill(0.0))),
        }.get(name, (a, y)[: OPERATIONS[name].arity])
        outputs[name] = b(name, *operands, **ATTRIBUTES.get(name, {}))
    outputs["where_of_tests"] = b("where", test, b("gt", x, b.fill(0.0)), b("eq", x, y))
    tensors = {name: torch.randn(4, 3, 6, dtype=dtype)[-1 if lead == 1 else slice(None)] for name in "xy"}
    tensors["x"] = tensors["x"].clamp(min=-0.9)  # log1p
    check(Program(outputs), tensors, lead)


@pytest.mark.parametrize("name", ["log1p", "expm1"])
def test_what_onnx_lacks_is_exact_near_zero(name: str) -> None:
    b = Builder()
    x = b.input("x", "event", Type((7,), True))
    tiny = torch.tensor([[0.0, 1e-9, -1e-9, 1e-5, 0.3, 8.0, 80.0]])
    check(Program({"y": b(name, x)}), {"x": tiny}, 1)
    assert float(torch.log(1 + tiny[0, 1])) == 0.0  # as the plain formula would have it


@pytest.mark.parametrize("lead", [1, 2])
def test_shapes_and_products(lead: int) -> None:
    b = Builder()
    x = b.input("x", "event", Type((2, 6), True))
    row = b.input("row", "event", Type((3,), True))
    w = b.input("w", "parameter", Type((6, 5), False))
    heads = b.input("heads", "parameter", Type((2, 6, 4), False))
    halves = [b("slice", x, axis=-1, start=start, stop=start + 3) for start in (0, 3)]
    outputs = {
        "reshape": b("reshape", x, shape=(3, 4)),
        "permute": b("permute", x, order=(1, 0)),
        "expand": b("expand", b("reshape", row, shape=(1, 3)), shape=(5, 3)),
        "slice": halves[1],
        "concat": b("concat", x, b.fill(0.25, (1, 6)), x, axis=-2),
        "sum": b("sum", x, axes=(-2, -1)),
        "amax": b("amax", x, axes=(-1,)),
        "linear": b("linear", x, w, b("neg", x), w),
        "heads": b("heads", x, heads),
        "row": b("mul", row, b.fill(2.0)),
    }
    sizes = {"x": (2, 6), "row": (3,)}
    tensors = {name: torch.randn(*(4, 3)[2 - lead :], *size) for name, size in sizes.items()}
    tensors |= {"w": torch.randn(6, 5), "heads": torch.randn(2, 6, 4)}
    check(Program(outputs), tensors, lead)


def test_a_wrong_row_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ONNX, "tanh", ONNX["sigmoid"])
    b = Builder()
    with pytest.raises(AssertionError):
        check(Program({"y": b("tanh", b.input("x", "event", Type((2,), True)))}), {"x": torch.ones(1, 2)}, 1)
