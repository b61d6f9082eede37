"""Memory of layers: freed with the last reference, without cycles, and bounded for kernels that are compiled."""

import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

import wolfdog as wd
from wolfdog.compiler.backends.llvm import buffer_pool, build

Make = Callable[[int], nn.Module]

LAYERS: dict[str, Make] = {
    "cell": lambda units: wd.Recurrent(wd.cells.LSTMCell(3, units)),
    "cell of the user": lambda units: wd.Recurrent(Leaky(units)),
    "LSTM": lambda units: wd.LSTM(3, units),
    "GRU": lambda units: wd.GRU(3, units),
    "both directions": lambda units: wd.Bidirectional(wd.cells.GRUCell(3, units), wd.cells.GRUCell(3, units)),
}


class Leaky(nn.Module):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.input_size, self.units = 3, units
        self.of_event, self.of_state = nn.Linear(3, units), nn.Linear(units, units)

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, self.units)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return 0.9 * state + 0.1 * torch.tanh(self.of_event(x) + self.of_state(state))


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def use(layer: nn.Module, batch: int = 2) -> None:
    """Everything that keeps something: training, fast paths of sequences and of steps."""
    x = torch.randn(4, batch, 3)
    for _ in range(3):
        layer(x)[0].sum().backward()
        with torch.no_grad():
            layer(x)
            if isinstance(layer, wd.Recurrent):
                state = layer.step(x[0])[1]
                layer.step(x[0], state)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_is_freed_with_its_last_reference(kind: str, no_collector: None) -> None:
    layer = LAYERS[kind](4)
    use(layer)
    held = [weakref.ref(part) for part in (layer, *layer.modules(), *layer.parameters())]
    del layer
    assert not any(ref() is not None for ref in held)


@pytest.mark.parametrize("kind", ["cell", "LSTM"])
def test_memory_for_results_goes_with_the_layer_and_stays_until_then(kind: str, no_collector: None) -> None:
    other, layer = LAYERS[kind](4), LAYERS[kind](128)
    buffer_pool.empty_pool()
    use(layer, batch=64)
    assert sum(block.nbytes for block in buffer_pool._idle) >= 4 * 64 * 128 * 4
    y = layer(torch.randn(4, 64, 3))[0]  # in use while the layer goes
    assert y.untyped_storage().nbytes() >= buffer_pool.WORTH
    del layer
    assert not buffer_pool._idle
    del y
    assert not buffer_pool._idle
    use(other)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("backward", [True, False])
def test_identity_hooks_on_saved_tensors_make_no_cycle(kind: str, backward: bool, no_collector: None) -> None:
    layer = LAYERS[kind](4)
    saved: list[weakref.ref[Tensor]] = []

    def kept_as_it_is(tensor: Tensor) -> Tensor:
        saved.append(weakref.ref(tensor))
        return tensor

    for _ in range(3):  # the third call takes the fast path
        x = torch.randn(4, 2, 3, requires_grad=True)
        with saved_tensors_hooks(kept_as_it_is, lambda tensor: tensor):
            y = layer(x)[0]
            if backward:
                y.sum().backward()
        output = weakref.ref(y)
        del x, y
        assert output() is None
    assert len(saved) >= 9
    del layer
    assert not any(tensor() is not None for tensor in saved)


def test_identity_hooks_make_no_cycle_in_a_graph() -> None:
    layer = LAYERS["cell"](4)
    compiled, x = torch.compile(layer, backend="eager"), torch.randn(4, 2, 3)
    with saved_tensors_hooks(lambda tensor: tensor, lambda tensor: tensor):
        y = compiled(x)[0]
    output = weakref.ref(y)
    del y
    assert output() is None


@pytest.mark.skipif(sys.platform != "linux", reason="the size of a process is read from Linux's /proc")
def test_compiling_kernels_leaves_no_memory_behind() -> None:
    def compiled(count: int) -> int:
        for number in range(count):
            build._compiled(f"def kernel(table, low, high):\n    x = {number}\n", 64)
        gc.collect()
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

    before = compiled(3)
    assert compiled(20) - before < 400  # KiB: 31 stayed of each pipeline of passes


def test_programs_of_cells_that_are_gone_are_freed() -> None:
    from wolfdog.layers.execution import cell_cache

    build.forget_kernels()
    gc.collect()
    before = len(cell_cache._records), len(build._codes)
    for units in range(5, 9):
        with torch.no_grad():
            wd.Recurrent(Leaky(units))(torch.randn(2, 2, 3))
    build.forget_kernels()
    assert (len(cell_cache._records), len(build._codes)) <= before
