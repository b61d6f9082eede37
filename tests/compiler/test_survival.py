"""Compiled layers in all that PyTorch does with a module."""

import copy
import io

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from compiled_layers import close, eager_of, lstm


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("cell", [wd.cells.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("lengths", [None, [2, 5, 3]])
def test_torch_compile_has_one_graph_with_the_operator_in_it(
    cell: type[nn.Module], lengths: list[int] | None
) -> None:
    model = nn.ModuleDict(
        {"before": nn.Linear(2, 3), "layer": wd.Recurrent(cell(3, 4)), "after": nn.Linear(4, 2)}
    )
    ends = None if lengths is None else torch.tensor(lengths)
    graphs: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> object:
        graphs.append(graph.code)
        return graph.forward

    def forward(x: Tensor) -> Tensor:
        y, _ = model["layer"](model["before"](x), lengths=ends)
        return model["after"](y)

    x = torch.randn(5, 3, 2, requires_grad=True)
    compiled = torch.compile(forward, fullgraph=True, backend=backend)
    y, expected = compiled(x), forward(x)
    assert [code.count("wolfdog.recurrence") for code in graphs] == [1]
    torch.testing.assert_close(y, expected)
    wanted = [x, *model.parameters()]
    pairs = zip(
        torch.autograd.grad(y.sum(), wanted), torch.autograd.grad(expected.sum(), wanted), strict=True
    )
    for actual, should in pairs:
        torch.testing.assert_close(actual, should)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("hoisted", [True, False])
@pytest.mark.parametrize("ends", [None, [3, 1]])
def test_the_operators_keep_pytorch_s_rules(hoisted: bool, ends: list[int] | None) -> None:
    """Among them: results lie in memory as the rules for shapes say, which graphs of inductor rely on."""
    from wolfdog.compiler.runtime import torch_op

    layer = lstm()
    x = torch.randn(3, 2, 3, dtype=torch.float64)
    layer(x)
    from wolfdog.layers.execution.compiled import CompiledRunner

    compiled = CompiledRunner(layer.cell, "state").prepare(x[0])
    assert compiled is not None
    recurrence = compiled.recurrence(resets=False, hoist_events=hoisted)
    operator, number = torch_op.operator(), torch_op.number_of(recurrence)
    lengths = None if ends is None else torch.tensor(ends)
    values = compiled.traced.parameters.run(dict(layer.cell.named_parameters()))
    early = recurrence.early(like=x, **values)
    with torch.no_grad():
        events = recurrence.over_events(like=x, x=x, **values, **early)
    states = [torch.randn(2, 4, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    parts = [[events[n].detach().requires_grad_() for n in recurrence.events],
             [early[n].detach().requires_grad_() for n in recurrence.parameters], states]  # fmt: skip
    forwards = (number, 3, lengths, *parts, True)
    torch.library.opcheck(operator, forwards, test_utils=("test_schema", "test_faketensor"))
    torch.library.opcheck(operator, forwards, test_utils=("test_autograd_registration",))
    y, *others = (tensor.detach() for tensor in operator(*forwards))
    last, saved = others[: len(states)], others[len(states) :]
    given = [[tensor.detach() for tensor in part] for part in parts[:2]]
    backwards = (number, 3, lengths, *given, saved, torch.randn_like(y), last)
    backward = torch.ops.wolfdog.recurrence_backward.default
    torch.library.opcheck(backward, backwards, test_utils=("test_schema", "test_faketensor"))


def test_functional_call_uses_the_parameters_it_is_given() -> None:
    layer, x = lstm(), torch.randn(5, 2, 3, dtype=torch.float64)
    y, _ = layer(x)
    doubled = {name: 2 * p.detach() for name, p in layer.named_parameters()}
    z, _ = torch.func.functional_call(layer, doubled, (x,))
    expected, _ = torch.func.functional_call(eager_of(layer), doubled, (x,))
    close(z, expected)
    assert not torch.allclose(z, y)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_transforms_of_torch_func_run_the_loop() -> None:
    layer, x = lstm(), torch.randn(3, 5, 2, 3, dtype=torch.float64)
    mapped = torch.func.vmap(lambda one: layer(one)[0])(x)
    close(mapped, torch.stack([layer(one)[0] for one in x]))
    _, tangent = torch.func.jvp(lambda one: layer(one)[0], (x[0],), (torch.ones_like(x[0]),))
    assert tangent.shape == (5, 2, 4)


def test_second_derivatives() -> None:
    layer = wd.Recurrent(wd.cells.GRUCell(2, 3, dtype=torch.float64))
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    h = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    weight = layer.cell.weight_hh

    def run(x: Tensor, h: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        return torch.func.functional_call(layer, {"cell.weight_hh": w}, (x, h))

    assert torch.autograd.gradcheck(run, (x, h, weight))
    assert torch.autograd.gradgradcheck(run, (x, h, weight))


def test_autocast_rounds_products_alone() -> None:
    layer, x = lstm(torch.float32), torch.randn(5, 2, 3)
    exact, _ = layer(x)
    reduced, _ = wd.Recurrent(layer.cell, precision="bfloat16")(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = layer(x)
        unchanged, _ = wd.Recurrent(layer.cell, precision="float32")(x)
    torch.testing.assert_close(y, reduced, rtol=0, atol=0)
    torch.testing.assert_close(unchanged, exact, rtol=0, atol=0)


def test_copies_and_pickles_are_layers_of_their_own() -> None:
    layer, x = lstm(), torch.randn(5, 2, 3, dtype=torch.float64)
    expected, _ = layer(x)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    others = [copy.deepcopy(layer), torch.load(file, weights_only=False)]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    for other in others:
        close(other(x)[0], expected)
    assert not layer(x)[0].any()


def test_steps_notice_every_way_that_a_parameter_changes() -> None:
    layer, event = lstm(), torch.randn(2, 3, dtype=torch.float64)
    other = lstm()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)

    def train() -> None:
        layer(event.unsqueeze(0))[0].sum().backward()
        optimizer.step()

    def edit() -> None:
        with torch.no_grad():
            layer.cell.weight_hh.mul_(2)

    def replace() -> None:
        layer.cell.weight_ih = nn.Parameter(torch.randn_like(layer.cell.weight_ih))

    def elsewhere() -> None:
        layer.cell.weight_hh.data = torch.randn_like(layer.cell.weight_hh)

    def turned() -> None:  # the same memory, read in another order
        layer.cell.weight_hh.data = layer.cell.weight_hh.data.flip(0).t().contiguous().t()

    def load() -> None:
        layer.load_state_dict(other.state_dict())

    for change in (train, edit, replace, load, elsewhere, turned):
        state = tuple(torch.randn(2, 4, dtype=torch.float64) for _ in range(2))
        with torch.no_grad():
            before, _ = layer.step(event, state)
        change()
        with torch.no_grad():
            after, _ = layer.step(event, state)
            expected, _ = eager_of(layer).step(event, state)
        close(after, expected)
        assert not torch.equal(before, after)


def test_a_changed_setting_is_another_step() -> None:
    class Leaky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.rate, self.input_size = nn.Linear(3, 3), 0.5, 3

        def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
            h = torch.zeros_like(x) if h is None else h
            return h + self.rate * torch.tanh(self.linear(x) - h)

    layer, x = wd.Recurrent(Leaky()), torch.randn(5, 2, 3)
    first, _ = layer(x)
    layer.cell.rate = 0.25
    torch.testing.assert_close(layer(x)[0], eager_of(layer)(x)[0])
    assert not torch.equal(layer(x)[0], first)
    assert layer.backend == "llvm"


def test_a_changed_module_is_another_cell() -> None:
    layer, x = wd.Recurrent(wd.cells.FourGateLSTMCell(3, 4)), torch.randn(5, 2, 3)
    with torch.no_grad():
        layer(x)
        state = layer.step(x[0])[1]
        layer.step(x[0], state)
        layer.cell.u = nn.Linear(4, 4)
        torch.testing.assert_close(layer(x)[0], eager_of(layer)(x)[0])
        torch.testing.assert_close(layer.step(x[0], state)[0], eager_of(layer).step(x[0], state)[0])


class _Trained(nn.Module):
    """A cell that takes its first state from its caller, and does something else in training."""

    input_size = 4

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.gain = nn.Linear(4, 4), 1.0

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        y = torch.tanh(self.linear(h) + x) * self.gain
        return 0.5 * y if self.training else y


class _Started(_Trained):
    """The same with a first state of its own, which a graph needs for the operator."""

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("kind", [_Trained, _Started])
def test_a_graph_is_made_again_where_a_setting_changes(kind: type[_Trained]) -> None:
    cell, x, h = kind(), torch.randn(3, 2, 4), torch.randn(2, 4)
    layer, eager = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    compiled = torch.compile(lambda: layer(x, h)[0], backend="eager", fullgraph=True)

    def more() -> None:
        cell.gain = 2.0

    with torch.no_grad():
        for change in (cell.train, cell.eval, more):
            change()
            torch.testing.assert_close(compiled(), eager(x, h)[0])


def test_a_cell_that_needs_a_state_says_so_before_it_has_run() -> None:
    layer = wd.Recurrent(_Trained())
    assert layer.fallback_reason is not None
    assert "a first step without a state raised TypeError" in layer.fallback_reason
    layer(torch.randn(3, 2, 4), torch.randn(2, 4))
    assert layer.fallback_reason is None
