"""Layers inside torch.compile after a change: graphs are made anew where a value that a step reads is another one."""

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from cell_changes import CHANGES, BaseCell, fresh_values, reading
from wolfdog.layers.execution import graph_guards

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning", "ignore::RuntimeWarning"
)

QUICK = (
    "a class attribute",
    "a method of the class",
    "an attribute of a function",
    "an attribute that a module of Python lacks",
    "the bases of an object's class",
    "the value of a member of an enumeration",
    "a class that is registered with an abstract one",
)
"""Kinds of change that PyTorch's own guards miss, a few of them."""


@pytest.fixture(autouse=True)
def _no_graph_is_known() -> Iterator[None]:
    torch._dynamo.reset()
    wd.clear_caches()
    yield
    torch._dynamo.reset()


def _trained(layer: Any, run: Callable[[], Any]) -> list[Tensor]:
    y, *_ = run()
    wanted = [parameter for parameter in layer.parameters() if parameter.requires_grad]
    found = torch.autograd.grad(y.sum(), wanted, allow_unused=True)
    return [y.detach(), *(gradient for gradient in found if gradient is not None)]


def _stack(cell: nn.Module, backend: str | None) -> Any:
    torch.manual_seed(0)
    return wd.Stack(wd.Recurrent(cell, backend=backend), wd.Recurrent(nn.RNNCell(4, 4), backend=backend))


def _both_ways(cell: nn.Module, backend: str | None) -> Any:
    torch.manual_seed(0)
    return wd.Bidirectional(
        wd.Recurrent(cell, backend=backend), wd.Recurrent(nn.RNNCell(3, 4), backend=backend)
    )


X, RESETS = torch.linspace(-1, 1, 30).view(5, 2, 3), torch.eye(5, 2, dtype=torch.bool)
LENGTHS = torch.tensor([5, 3])

LAYERS: dict[str, Callable[[nn.Module, str | None], Any]] = {
    "checkpoints": lambda cell, backend: wd.Recurrent(cell, backend=backend, checkpoint_every=2),
    "stack": _stack,
    "both ways": _both_ways,
}
"""Layers of a cell, by the name of the call; the others are `Recurrent`."""

CALLS: dict[str, Callable[[Any, Any], list[Tensor]]] = {
    "inference": lambda run, layer: [run(X)[0].detach()],
    "step": lambda run, layer: [run(X[0], torch.ones(2, 4))[0].detach()],
    "training": lambda run, layer: _trained(layer, lambda: run(X)),
    "resets": lambda run, layer: _trained(layer, lambda: run(X, lengths=LENGTHS, resets=RESETS)),
    "checkpoints": lambda run, layer: _trained(layer, lambda: run(X)),
    "stack": lambda run, layer: _trained(layer, lambda: run(X)),
    "both ways": lambda run, layer: _trained(layer, lambda: run(X)),
}
"""Calls inside torch.compile."""


def _follows(what: str, call: str) -> None:
    make, change = CHANGES[what]
    cell = make()
    ours, loop = (
        LAYERS.get(call, lambda cell, backend: wd.Recurrent(cell, backend=backend))(cell, backend)
        for backend in (None, "eager")
    )
    run = torch.compile(ours.step if call == "step" else ours, backend="eager")
    reference = loop.step if call == "step" else loop
    for _ in range(2):
        before = CALLS[call](run, ours)
        torch.testing.assert_close(before, CALLS[call](reference, loop))
    change(cell)
    expected = CALLS[call](reference, loop)
    for _ in range(2):
        torch.testing.assert_close(CALLS[call](run, ours), expected)
    assert not torch.allclose(before[0], expected[0])


@pytest.mark.parametrize("what", QUICK)
def test_a_change_is_seen_in_a_graph(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh_values(monkeypatch)
    _follows(what, "inference")


@pytest.mark.parametrize("call", [call for call in CALLS if call not in ("inference", "checkpoints")])
def test_a_change_of_the_class_is_seen_in_every_call(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh_values(monkeypatch)
    _follows("a name of Python itself" if call == "step" else "a method of the class", call)


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("what", CHANGES)
def test_every_change_is_seen_in_every_call(what: str, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh_values(monkeypatch)
    _follows(what, call)


class _Options:
    factor = 0.5


def _changed_in_graph(cell: Any, how: str) -> None:
    if how == "list":
        cell.listed[0] = 3.0
    elif how == "shape":
        cell.mask = torch.full((1,), 3.0)
    else:
        _Options.factor = 3.0


class _Many(BaseCell):
    def __init__(self) -> None:
        super().__init__()
        self.listed, self.mask, self.options = [0.5], torch.ones(4), _Options()

    def factor(self) -> Any:
        return self.listed[0] * self.options.factor * self.mask


@pytest.mark.parametrize("how", ["list", "shape", "class"])
def test_a_change_by_the_graph_itself_is_seen(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for backend in (None, "eager"):
        monkeypatch.setattr(_Options, "factor", 0.5)
        torch.manual_seed(0)
        layer = wd.Recurrent(_Many(), backend=backend)

        def model(x: Tensor) -> Tensor:
            first = layer(x)[0]  # noqa: B023
            _changed_in_graph(layer.cell, how)  # noqa: B023
            return first + layer(x)[0]  # type: ignore[no-any-return]  # noqa: B023

        run = model if backend else torch.compile(model, backend="eager")
        with torch.no_grad():
            found.append([run(X), run(X)])
    torch.testing.assert_close(*found)


def test_what_cannot_be_watched_runs_beside_the_graph_or_is_refused() -> None:
    cell = reading(lambda c: float(c.a[0]), a=bytearray([2]))
    layer, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    run = torch.compile(layer, backend="eager")
    for number in (2, 5):
        cell.a[0] = number
        torch.testing.assert_close(run(X), loop(X))
    torch._dynamo.reset()
    with pytest.raises(torch._dynamo.exc.Unsupported, match="what no guard of a graph can watch"):
        torch.compile(layer, backend="eager", fullgraph=True)(X)


def test_a_module_elsewhere_whose_attributes_a_step_reads() -> None:
    gain = reading(lambda c: 1.0, gain=0.5)
    cell = reading(lambda c: gain.gain)
    run, loop = torch.compile(wd.Recurrent(cell), backend="eager"), wd.Recurrent(cell, backend="eager")
    for number in (0.5, 2.0):
        gain.gain = number  # type: ignore[assignment]
        torch.testing.assert_close(run(X), loop(X))


def test_two_names_of_one_tensor_part_ways() -> None:
    cell = reading(lambda c: c.first * c.second)
    cell.first = cell.second = torch.full((4,), 0.5)  # type: ignore[assignment]
    run, loop = torch.compile(wd.Recurrent(cell), backend="eager"), wd.Recurrent(cell, backend="eager")
    run(X)
    cell.second = torch.full((4,), 3.0)  # type: ignore[assignment]
    torch.testing.assert_close(run(X), loop(X))


def test_equal_values_in_new_objects_do_not_make_a_graph_anew() -> None:
    graphs = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> object:
        graphs.append(graph)
        return graph.forward

    cell = reading(lambda c: c.a["x"][0] * c.b, a={"x": [0.5]}, b=torch.ones(4))
    run = torch.compile(wd.Recurrent(cell), backend=backend)
    for _ in range(3):
        cell.a, cell.b = {"x": [float("0.5")]}, torch.ones(4)
        run(X)
    assert len(graphs) == 1


def test_a_state_of_another_form_gets_the_loop_s_error() -> None:
    layer = wd.Recurrent(nn.GRUCell(3, 4))
    run, state = torch.compile(layer, backend="eager"), torch.ones(2, 5)
    with pytest.raises(RuntimeError, match="hidden") as expected:
        wd.Recurrent(layer.cell, backend="eager")(X, state)
    with pytest.raises(RuntimeError, match="hidden") as error:
        run(X, state)
    assert str(expected.value)[:30] in str(error.value)


def test_a_graph_keeps_no_layer_alive() -> None:
    layer = wd.Recurrent(reading(lambda c: 0.5))

    def model(layer: Any, x: Tensor) -> Tensor:
        return layer(x)[0]  # type: ignore[no-any-return]

    torch.compile(model, backend="eager")(layer, X)
    kept = weakref.ref(layer.cell)
    del layer
    gc.collect()
    assert kept() is None


def test_where_pytorch_takes_no_such_guard_the_layer_runs_beside_the_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lacking(holds: Callable[[], bool], text: str) -> None:
        raise ImportError("cannot import name 'install_guard'")

    monkeypatch.setattr(graph_guards, "add_guard", lacking)
    layer = wd.Recurrent(nn.GRUCell(3, 4))
    compiled = torch.compile(layer, backend="eager")
    torch.testing.assert_close(compiled(X)[0], layer(X)[0])
    assert layer.backend == "llvm"
    torch._dynamo.reset()
    with pytest.raises(torch._dynamo.exc.Unsupported):
        torch.compile(layer, backend="eager", fullgraph=True)(X)
