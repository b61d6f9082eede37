"""The table of operations: every reading of it is total, and they agree with each other."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import wolfdog as wd
from wolfdog.compiler.backends.llvm.expressions import EMIT
from wolfdog.compiler.ir.evaluate import EVALUATE, evaluate
from wolfdog.compiler.ir.operations import OPERATIONS, Kind
from wolfdog.compiler.ir.printer import PRINT, function
from wolfdog.compiler.ir.program import Program
from wolfdog.compiler.ir.values import Builder, Type, Value
from wolfdog.compiler.passes.adjoint import adjoint
from wolfdog.compiler.passes.simplify import simplify
from wolfdog.compiler.passes.vjp_rules import DIFFERENTIATE
from wolfdog.compiler.runtime.recurrence import Recurrence

POINTWISE = sorted(name for name, row in OPERATIONS.items() if row.kind is Kind.POINTWISE)
NUMERIC = [name for name in POINTWISE if not OPERATIONS[name].boolean and name != "where"]
POSITIVE = {"log", "log1p", "sqrt", "rsqrt", "pow", "power"}
BELOW_ONE = {"asin", "acos", "atanh", "erfinv"}
WITHIN_ONE = {"ndtri", "entr"}


def test_the_readings_are_total() -> None:
    sources = {name for name, row in OPERATIONS.items() if row.kind is Kind.SOURCE}
    assert set(EVALUATE) == set(OPERATIONS) - sources
    assert set(PRINT) == set(OPERATIONS)
    assert set(DIFFERENTIATE) == set(OPERATIONS)
    assert set(EMIT) == set(POINTWISE)


def attributes(name: str) -> dict[str, object]:
    given = {"clamp": {"low": -0.4, "high": 0.7}, "power": {"exponent": 1.7}, "polygamma": {"order": 2}}
    return given.get(name, {})


def applied(b: Builder, name: str, x: Value, y: Value) -> Value:
    """An operation on two numbers, as a number."""
    if name in POSITIVE:
        x = b("add", b("mul", x, x), b.fill(0.1))
    if name in BELOW_ONE:
        x = b("mul", b("tanh", x), b.fill(0.9))
    if name in WITHIN_ONE:
        x = b("sigmoid", x)
    if name == "acosh":
        x = b("add", b("mul", x, x), b.fill(1.1))
    if name == "detach":
        return b("mul", b("detach", x), y)
    if name == "where":
        return b("where", b("lt", x, y), x, b("mul", y, y))
    if name in ("logical_and", "logical_or"):
        return b("where", b(name, b("lt", x, y), b("gt", x, b.fill(0.0))), x, y)
    if name == "logical_not":
        return b("where", b(name, b("lt", x, y)), x, y)
    operands = (x, y) if OPERATIONS[name].arity == 2 else (x,)
    value = b(name, *operands, **attributes(name))
    return b("where", value, x, y) if OPERATIONS[name].boolean else value


def step_of(name: str) -> tuple[Program, dict[str, Tensor]]:
    b = Builder()
    state, event = b.input("s0", "state", Type((5,), True)), b.input("x", "now", Type((5,), True))
    value = b("mul", applied(b, name, state, event), b.fill(0.5))
    tensors = {"s0": torch.randn(3, 5, dtype=torch.float64), "x": torch.randn(3, 5, dtype=torch.float64)}
    return Program({"y": value, "s0": value}), tensors


@pytest.mark.parametrize("name", POINTWISE)
def test_pointwise_operations_print_and_differentiate_as_they_evaluate(name: str) -> None:
    program, tensors = step_of(name)
    given_tensors = {key: t.requires_grad_() for key, t in tensors.items()}
    expected = evaluate(program, given_tensors, tensors["x"])["y"]
    scope: dict[str, object] = {"torch": torch}
    exec(function(program, "printed"), scope)
    order = [value.name for value in program.inputs()]
    printed, *_ = scope["printed"](tensors["x"], *(given_tensors[key] for key in order))  # type: ignore[operator]
    torch.testing.assert_close(printed, expected, rtol=0, atol=0)
    weight = torch.randn_like(expected)
    should = torch.autograd.grad((expected * weight).sum(), list(given_tensors.values()), allow_unused=True)
    backward = adjoint(program).backward
    zeros = torch.zeros_like(weight)
    found = evaluate(backward, {**tensors, "dy": weight, "ds0": zeros}, weight)
    assert {value.name for value in program.inputs()} <= set(found)
    for key, gradient in zip(given_tensors, should, strict=True):
        if key in found:
            wanted = zeros if gradient is None else gradient
            torch.testing.assert_close(found[key].expand_as(wanted), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_kernels_compute_every_pointwise_operation(dtype: torch.dtype) -> None:
    b = Builder()
    state, event = b.input("s0", "state", Type((19,), True)), b.input("x", "now", Type((19,), True))
    parts = [applied(b, name, state, event) for name in POINTWISE]
    y = b("concat", *parts, axis=-1)
    program = Program({"y": y, "s0": b("mul", event, b.fill(0.5))})
    recurrence = Recurrence(program, dtype, hoist_events=False)
    x, before = 2 * torch.randn(2, 3, 19, dtype=dtype), torch.randn(3, 19, dtype=dtype)
    found, _, _ = recurrence.forward([x], [], [before], 2, None, save=False)
    expected, _ = recurrence.eager([x], [], [before], 2, None)
    limit = 1e-13 if dtype is torch.float64 else 1e-5
    for name, actual, should in zip(
        POINTWISE, found.chunk(len(POINTWISE), -1), expected.chunk(len(POINTWISE), -1), strict=True
    ):
        torch.testing.assert_close(
            actual, should, rtol=limit, atol=limit, msg=lambda text, name=name: f"{name}: {text}"
        )


AXES = [(-1,), (-2,), (-3,), (-2, -1), (-3, -2), (-3, -1), (-3, -2, -1)]


@pytest.mark.parametrize("shape", [(2, 3, 19), (3, 16, 1)])
def test_kernels_sum_over_any_axes(shape: tuple[int, int, int]) -> None:
    b = Builder()
    state, event = b.input("s0", "state", Type(shape, True)), b.input("x", "now", Type(shape, True))
    product = b("mul", state, event)
    turned = b("permute", event, order=(2, 0, 1))
    found = [
        b(op, value, axes=axes) for op in ("sum", "amax") for value in (product, turned) for axes in AXES
    ]
    flat = [b("reshape", value, shape=(value.type.size,)) for value in found]
    program = Program({"y": b("concat", *flat, axis=-1), "s0": b("mul", product, b.fill(0.5))})
    recurrence = Recurrence(program, torch.float64, hoist_events=False)
    x, before = torch.randn(2, 3, *shape, dtype=torch.float64), torch.randn(3, *shape, dtype=torch.float64)
    ours, ours_after, _ = recurrence.forward([x], [], [before], 2, None, save=False)
    expected, after = recurrence.eager([x], [], [before], 2, None)
    torch.testing.assert_close((ours, ours_after), (expected, after), rtol=1e-13, atol=1e-13)


def test_where_the_rows_lie_side_by_side_each_lane_has_a_sum_of_its_own() -> None:
    class Rows(nn.Module):
        input_size = 24

        def forward(self, x: Tensor, held: Tensor) -> tuple[Tensor, Tensor]:
            held = torch.tanh(held + x.unsqueeze(1))
            return held.sum(1), held

        def initial_state(self, batch: int) -> Tensor:
            return torch.zeros(batch, 3, 24)

    source = wd.show(wd.Recurrent(Rows()), "source").split("# training")[0]
    assert "_strided" not in source
    assert "total" not in source


def test_slices_stay_out_of_what_is_needed_whole() -> None:
    b = Builder()
    state = b.input("s0", "state", Type((8,), True))
    curved = b("tanh", state)

    def cut(value: Value, start: int, stop: int) -> Value:
        return b("slice", value, axis=-1, start=start, stop=stop)

    def operations(value: Value) -> list[str]:
        return [v.op for v in simplify(Program({"s0": value})).values()]

    apart = b("concat", cut(curved, 4, 8), b("exp", cut(curved, 0, 4)), axis=-1)
    assert operations(apart).count("tanh") == 2  # each half where it is used
    rolled = b("concat", cut(curved, 1, 8), cut(curved, 0, 1), axis=-1)
    back = b("concat", cut(curved, 7, 8), cut(curved, 0, 7), axis=-1)
    assert operations(b("add", rolled, back)).count("tanh") == 1
    assert operations(b("add", apart, curved)).count("tanh") == 1


class Random(nn.Module):
    """A cell made of drawn operations; every choice is a number."""

    def __init__(self, choices: list[int], units: int) -> None:
        super().__init__()
        self.choices, self.units, self.input_size = choices, units, 3
        self.w = nn.Parameter(0.4 * torch.randn(units, units))
        self.heads = nn.Parameter(0.4 * torch.randn(2, units // 2, units // 2))
        self.event = nn.Linear(3, units)
        self.scale = nn.Parameter(torch.randn(units))

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        return torch.zeros(batch, self.units), torch.zeros(batch, self.units // 2)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, small = state
        values = [h, self.event(x), torch.cat((small, small.cos()), -1)]
        for choice in self.choices:
            a, b = values[choice % len(values)], values[(choice // 7) % len(values)]
            values.append(self.apply_one(choice % 17, a, b))
        new = torch.tanh(sum(values[3:], start=values[1]))
        return new, torch.sigmoid(values[-1])[:, : self.units // 2]

    def apply_one(self, kind: int, a: Tensor, b: Tensor) -> Tensor:
        split = a.view(-1, 2, self.units // 2)
        return [
            lambda: a @ self.w, lambda: torch.sigmoid(a) * b, lambda: a - b, lambda: torch.where(a > b, a, 0.3 * b),
            lambda: torch.softmax(a, -1), lambda: nn.functional.layer_norm(a, (self.units,), self.scale),
            lambda: torch.einsum("bhk,hkn->bhn", split, self.heads).reshape(a.shape), lambda: a * self.scale,
            lambda: torch.cat((a[:, self.units // 2 :], b[:, : self.units // 2]), -1), lambda: torch.relu(a) + b,
            lambda: a.clamp(-0.5, 0.5), lambda: torch.maximum(a, b), lambda: nn.functional.softplus(a),
            lambda: nn.functional.gelu(a), lambda: split.transpose(1, 2).reshape(a.shape),
            lambda: a / (1 + b.abs()),
            lambda: split.mean(-1, keepdim=True).expand_as(split).reshape(a.shape) @ self.w.T,
        ][kind]()  # fmt: skip


@settings(max_examples=12)
@given(st.lists(st.integers(0, 16 * 17 * 7), min_size=1, max_size=7), st.sampled_from([2, 4, 18]))
def test_random_cells(choices: list[int], units: int) -> None:
    torch.manual_seed(1)
    cell = Random(choices, units).double()
    x = torch.randn(3, 2, 3, dtype=torch.float64, requires_grad=True)
    results = []
    for backend in ("llvm", "eager"):
        layer = wd.Recurrent(cell, backend=backend)
        state = tuple(t.double() for t in cell.initial_state(2))
        y, last = layer(x, state)
        assert layer.backend == backend, layer.fallback_reason
        gradients = torch.autograd.grad(
            y.square().sum() + last[1].sum(), [x, *cell.parameters()], allow_unused=True
        )
        results.append([y, *last, *(torch.zeros(1) if g is None else g for g in gradients)])
    for ours, eager in zip(*results, strict=True):
        torch.testing.assert_close(ours, eager.expand_as(ours), rtol=1e-10, atol=1e-11)
