"""Entries of the library times modes of PyTorch: no entry hands a kernel what is no plain tensor."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils._python_dispatch import TorchDispatchMode

import wolfdog as wd

Entry = Callable[[Any, Tensor], Tensor]

ENTRIES: dict[str, tuple[Callable[[], nn.Module], Entry]] = {
    "RNN": (lambda: wd.RNN(3, 4), lambda layer, x: layer(x)[0]),
    "LSTM": (lambda: wd.LSTM(3, 4, bidirectional=True), lambda layer, x: layer(x)[0]),
    "GRU": (lambda: wd.GRU(3, 4, num_layers=2), lambda layer, x: layer(x)[0]),
    "Recurrent": (lambda: wd.Recurrent(wd.cells.GRUCell(3, 4)), lambda layer, x: layer(x)[0]),
    "step": (lambda: wd.Recurrent(wd.cells.GRUCell(3, 4)), lambda layer, x: layer.step(x[0])[0]),
    "Stack": (
        lambda: wd.Stack(wd.Recurrent(wd.cells.GRUCell(3, 3)), wd.Recurrent(wd.cells.GRUCell(3, 4))),
        lambda layer, x: layer(x)[0],
    ),
    "Bidirectional": (
        lambda: wd.Bidirectional(wd.cells.GRUCell(3, 4), wd.cells.GRUCell(3, 4)),
        lambda layer, x: layer(x)[0],
    ),
    "Checkpointed": (
        lambda: wd.Recurrent(wd.cells.GRUCell(3, 4), checkpoint_every=2),
        lambda layer, x: layer(x)[0],
    ),
    "activations": (lambda: wd.Recurrent(wd.cells.GRUCell(3, 4)), lambda layer, x: layer.activations(x)["stm"]),
}  # fmt: skip


class _Watching(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class _Functions(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@contextmanager
def _default_device() -> Iterator[None]:
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


def _in_graph(run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    result: Tensor = make_fx(run)(torch.randn_like(x))(x)
    return result


def _traced(run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    result: Tensor = torch.jit.trace(run, (torch.randn_like(x),), check_trace=False)(x)
    return result


def _first(found: Tensor) -> Tensor:
    return found.a if isinstance(found, TwoTensor) else found


def _within(context: Callable[[], Any]) -> Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]:
    def run(call: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        with context():
            return call(x)

    return run


MODES: dict[str, Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]] = {
    "none": _within(nullcontext),
    "a default device": _within(_default_device),
    "a dispatch mode": _within(_Watching),
    "a function mode": _within(_Functions),
    "make_fx": _in_graph,
    "torch.jit.trace": _traced,
    "vmap": lambda run, x: torch.func.vmap(run)(x.unsqueeze(0))[0],
    "jvp": lambda run, x: torch.func.jvp(run, (x,), (x,))[0],
    "a subclass": lambda run, x: _first(run(TwoTensor(x, x))),
    "lazy negation": lambda run, x: run(torch._neg_view(-x)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::torch.jit.TracerWarning"
)
def test_every_entry_in_every_mode(entry: str, mode: str) -> None:
    torch.manual_seed(0)
    make, call = ENTRIES[entry]
    layer, x = make().requires_grad_(False), torch.randn(5, 2, 3)
    if entry in ("RNN", "GRU") and mode == "a subclass":
        pytest.skip("torch.nn's own forward, which runs these, gives other numbers for this subclass")
    if entry == "activations" and mode in ("vmap", "jvp", "torch.jit.trace", "make_fx"):
        pytest.skip("names are read from the source, which no graph holds")
    with torch.no_grad():
        for _ in range(3):  # warm: what is run again is checked as a first call is
            expected = call(layer, x)
        found = MODES[mode](lambda given: call(layer, given), x)
        after = call(layer, x)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(after, expected)
    fresh = make().requires_grad_(False)
    fresh.load_state_dict(layer.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(MODES[mode](lambda given: call(fresh, given), x), expected)


def test_memory_that_was_given_back_is_not_read() -> None:
    layer, x = wd.Recurrent(wd.cells.GRUCell(3, 4)), torch.randn(5, 2, 3)
    layer(x)
    layer.cell.weight_hh.untyped_storage().resize_(0)
    with pytest.raises(RuntimeError), torch.no_grad():
        layer(x)
