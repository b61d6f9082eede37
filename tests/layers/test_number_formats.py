"""Layers of bfloat16 and float16, and products that round to bfloat16, against float64 and the loop."""

import copy

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from tolerances import assert_agree, assert_same
from wolfdog.errors import InputError
from wolfdog.layers.cell.state import tensors

HALF = [torch.bfloat16, torch.float16]
CELLS = {
    "LSTM": wd.cells.LSTMCell,
    "GRU of torch.nn": nn.GRUCell,
    "Elman": wd.cells.ElmanCell,
    "four gates": wd.cells.FourGateLSTMCell,
    "layer norm": wd.cells.LayerNormGRUCell,
}


def found(layer: nn.Module, x: Tensor) -> list[Tensor]:
    """Outputs, gradient of the events, and gradients of the parameters, as float64."""
    x = x.clone().requires_grad_()
    layer.zero_grad()
    y, _ = layer(x)
    (y * torch.linspace(-1, 1, y.numel()).view_as(y).to(y.dtype)).sum().backward()
    return [
        t.double() for t in (y.detach(), x.grad, torch.cat([p.grad.flatten() for p in layer.parameters()]))
    ]


def errors(layer: nn.Module, x: Tensor) -> list[float]:
    """Root mean square errors against float64, in parts of the eager loop's in the same format."""
    eager = wd.Recurrent(layer.cell, backend="eager", returns=layer.returns)
    true = found(copy.deepcopy(eager).double(), x.double())
    ours, theirs = found(layer, x), found(eager, x)
    return [float((o - t).norm() / (e - t).norm()) for o, e, t in zip(ours, theirs, true, strict=True)]


QUICK = [("LSTM", torch.bfloat16, 14), ("GRU of torch.nn", torch.bfloat16, 1), ("Elman", torch.float16, 1)]
ALL = [(name, dtype, batch) for name in CELLS for dtype in HALF for batch in (1, 14)]


@pytest.mark.parametrize(
    ("name", "dtype", "batch"),
    [each if each in QUICK else pytest.param(*each, marks=pytest.mark.slow) for each in ALL],
)
def test_errors_are_smaller_than_those_of_the_loop(name: str, dtype: torch.dtype, batch: int) -> None:
    torch.manual_seed(0)
    layer = wd.Recurrent(CELLS[name](5, 18).to(dtype))
    x = torch.randn(30, batch, 5).to(dtype)
    assert max(errors(layer, x)) < 1.1
    assert layer.backend == "llvm"
    y, state = layer(x)
    assert {y.dtype, *(t.dtype for t in (state if isinstance(state, tuple) else (state,)))} == {dtype}
    assert {p.grad.dtype for p in layer.parameters()} == {dtype}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", HALF)
def test_errors_over_ten_thousand_steps(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = wd.Recurrent(wd.cells.LSTMCell(5, 18).to(dtype))
    assert max(errors(layer, torch.randn(10_000, 2, 5).to(dtype))) < 1.1


@torch.no_grad()
@pytest.mark.parametrize("dtype", HALF)
def test_steps_streams_lengths_and_resets(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = wd.Recurrent(wd.cells.LSTMCell(5, 18).to(dtype))
    x = torch.randn(6, 3, 5).to(dtype)
    exact = wd.Recurrent(copy.deepcopy(layer.cell).double(), backend="eager")
    for options in ({}, {"lengths": [2, 6, 0]}, {"resets": torch.rand(6, 3) < 0.4}):
        assert_agree(layer(x, **options)[0].bfloat16(), exact(x.double(), **options)[0].bfloat16())
    stream, state = layer.stream(3), None
    for event, y in zip(x, exact(x.double())[0], strict=True):
        one, state = layer.step(event, state)
        assert_agree(stream.step(event).bfloat16(), y.bfloat16())
        assert_agree(one.bfloat16(), y.bfloat16())
    assert stream.fallback_reason is None
    assert {part.dtype for part in stream.state} == {dtype}


class _FromTheLeft(nn.Module):
    """Cell that reads matrices along their columns, one for each head, and a part of its state as output."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.heads = nn.Parameter(torch.randn(5, 36) / 3), nn.Parameter(torch.randn(2, 18, 18) / 5)
        self.gain = nn.Parameter(torch.randn(36))

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 36, dtype=self.w.dtype)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        turned = torch.einsum("bhk,hkn->bhn", h.view(-1, 2, 18), self.heads).flatten(1)
        h = torch.tanh(x @ self.w + self.gain * turned)
        return h[:, 3:20] * 2, h


IN_PLACE = CELLS | {"matrices of heads along their columns": _FromTheLeft}


@torch.no_grad()
@pytest.mark.parametrize("dtype", [*HALF, torch.float32])
@pytest.mark.parametrize("name", IN_PLACE)
def test_steps_widen_matrices_where_they_lie(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    make = IN_PLACE[name]
    cell = make() if make is _FromTheLeft else make(5, 18)
    layer = wd.Recurrent(cell.to(dtype), returns="output, state" if make is _FromTheLeft else None)
    exact = wd.Recurrent(copy.deepcopy(layer.cell).double(), backend="eager", returns=layer.returns)
    for batch in (1, 6):
        state = None
        for changes in (False, False, True, False):
            if changes:  # not counted by PyTorch: a packed copy would be stale
                for p, other in zip(layer.parameters(), exact.parameters(), strict=True):
                    p.data.mul_(0.5)
                    other.copy_(p)
            event = torch.randn(batch, 5).to(dtype)
            before = None if state is None else widened(state)
            y, state = layer.step(event, state)
            true, after = exact.step(event.double(), before)
            shown = torch.float32 if dtype is torch.float32 else torch.bfloat16
            for part, other in zip((y, *tensors(state)), (true, *tensors(after)), strict=True):
                assert_agree(part.to(shown), other.to(shown))
        assert layer._paths.step_path is not None


def widened(state):
    """State in float64."""
    return state.double() if isinstance(state, Tensor) else tuple(part.double() for part in state)


@pytest.mark.parametrize("dtype", HALF)
def test_steps_in_inference_mode_and_out_of_it(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = wd.Recurrent(nn.LSTMCell(5, 18)).to(dtype)
    events, found = torch.randn(8, 2, 5).to(dtype), []
    for mode in (torch.inference_mode, torch.no_grad, torch.enable_grad, torch.inference_mode):
        with mode():
            state = None
            for event in events.clone():
                y, state = layer.step(event, state)
            found.append(y.detach().clone())
            assert layer(events.clone())[0].dtype is dtype
        assert layer.fallback_reason is None
    assert_same(found[0], found[1])
    assert_same(found[0], found[3])
    assert_agree(found[2].bfloat16(), found[0].bfloat16())
    found[1].add_(1)  # results are the caller's
    with torch.no_grad():
        state = None
        for event in events:
            y, state = layer.step(event, state)
    assert_same(y, found[3].clone())


@torch.no_grad()
@pytest.mark.parametrize("dtype", HALF)
def test_layers_of_torch(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = wd.GRU(5, 18, 2, bidirectional=True).to(dtype)
    x = torch.randn(6, 3, 5).to(dtype)
    exact = copy.deepcopy(layer).double()
    ours, true = layer(x)[0].double(), exact(x.double())[0]
    assert layer.backend == "llvm"
    assert (ours - true).norm() <= 1.1 * (nn.GRU.forward(layer, x)[0].double() - true).norm()


def test_a_step_that_changes_the_format_runs_in_the_loop() -> None:
    class Widening(nn.Module):
        input_size = 4

        def initial_state(self, batch: int) -> Tensor:
            return torch.zeros(batch, 4, dtype=torch.bfloat16)

        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            return (x + h).float(), (x + h) / 2

    layer = wd.Recurrent(Widening(), returns="output, state")
    with pytest.warns(RuntimeWarning, match=r"a step of torch.bfloat16 gives .*float32"):
        y, _ = layer(torch.ones(2, 3, 4, dtype=torch.bfloat16))
    assert y.dtype is torch.float32
    assert layer.backend == "eager"


def test_precision() -> None:
    torch.manual_seed(0)
    cell = nn.LSTMCell(40, 40)
    plain, reduced = wd.Recurrent(cell), wd.Recurrent(cell, precision="bfloat16")
    x = torch.randn(20, 14, 40)
    exact = found(copy.deepcopy(plain).double(), x.double())
    for actual, full, true in zip(found(reduced, x), found(plain, x), exact, strict=True):
        assert 1e-5 < (actual - true).norm() / true.norm() < 1e-2
        assert (full - true).norm() / true.norm() < 1e-5
    assert reduced.backend == "llvm"
    assert "precision='bfloat16'" in repr(reduced)
    with torch.no_grad():
        with torch.autocast("cpu", torch.bfloat16):
            assert_same(plain(x), reduced(x))
            assert_same(
                wd.Recurrent(cell, precision="float32")(x), wd.Recurrent(cell, precision="float32")(x)
            )
            assert not torch.equal(wd.Recurrent(cell, precision="float32")(x)[0], reduced(x)[0])
        before = reduced(x)
        reduced.precision = "float32"
        for _ in range(3):
            assert_same(reduced(x), plain(x))
        assert not torch.equal(before[0], plain(x)[0])
    with pytest.raises(InputError, match="precision must be one of 'float32', 'bfloat16'"):
        wd.Recurrent(cell, precision="int4")


@pytest.mark.slow
@torch.no_grad()
def test_precision_within_a_graph() -> None:
    cell, x = nn.LSTMCell(40, 40), torch.randn(20, 14, 40)
    compiled = torch.compile(wd.Recurrent(cell, precision="bfloat16"), backend="eager")(x)[0]
    exact = wd.Recurrent(cell)(x)[0]
    assert 1e-5 < (compiled - exact).norm() / exact.norm() < 1e-2


GRAPHS = [
    ("LSTM", lambda: wd.Recurrent(wd.cells.LSTMCell(5, 18))),
    pytest.param("GRU with resets", lambda: wd.Recurrent(nn.GRUCell(5, 18)), marks=pytest.mark.slow),
    pytest.param("stack", lambda: wd.Stack(wd.cells.GRUCell(5, 18), nn.LSTMCell(18, 18)), marks=pytest.mark.slow),
    pytest.param("torch.nn's", lambda: wd.LSTM(5, 18, num_layers=2), marks=pytest.mark.slow),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make"), GRAPHS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, pytest.param(torch.float16, marks=pytest.mark.slow)])
def test_layers_of_half_formats_run_kernels_within_a_graph(name: str, make, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    torch._dynamo.reset()
    layer, graphs = make().to(dtype), []

    def keep(graph: torch.fx.GraphModule, _: object) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    def run(call) -> list[Tensor]:
        x = torch.randn(7, 14, 5, generator=torch.Generator().manual_seed(1)).to(dtype).requires_grad_()
        resets = {"resets": torch.arange(7 * 14).view(7, 14) % 3 == 0} if "resets" in name else {}
        layer.zero_grad()
        y, state = call(x, **resets)
        y.float().square().sum().backward()
        return [y.detach(), *tensors(state), x.grad, *(p.grad.clone() for p in layer.parameters())]

    inside, outside = run(torch.compile(layer, backend=keep, fullgraph=True)), run(layer)
    called = [node.target for graph in graphs for node in graph.graph.nodes if node.op == "call_function"]
    assert torch.ops.wolfdog.recurrence in called or torch.ops.wolfdog.recurrence.default in called
    for one, other in zip(inside, outside, strict=True):
        assert one.dtype is dtype
        assert_agree(one.bfloat16(), other.bfloat16())
