"""Entries of the library times modes of PyTorch: no entry hands a kernel what is no plain tensor."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils._python_dispatch import TorchDispatchMode

import wolfdog as wd
import wolfdog.memory as m
from wolfdog.errors import InputError
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.watcher import Watcher

Entry = Callable[[Any, Tensor], Tensor]


class _Cell(nn.Module):
    """A cell of a user, with a buffer and a number."""

    input_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.gain = nn.Linear(7, 4), 0.5
        self.register_buffer("scale", torch.ones(4))

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        h = x.new_zeros(len(x), 4) if h is None else h
        return torch.tanh(self.linear(torch.cat((x, h), -1)) * self.scale) * self.gain


class _Labels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.memory, self.head = wd.Recurrent(wd.cells.GRUCell(3, 4)), nn.Linear(4, 2)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        y, state = self.memory(x, state)
        return self.head(y), state


class _Reading(nn.Module):
    """Reading from a memory bank that was written before."""

    def __init__(self) -> None:
        super().__init__()
        self.bank, self.reader = m.MemoryBank(3, 4), m.BankReader(3, 3)
        for time, entry in enumerate(torch.randn(3, 3)):
            self.bank.write(entry, float(time))

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.reader(x[0], self.bank), *self.bank.read(x[0])]


def _watcher() -> nn.Module:
    return Watcher(
        WatcherConfig(("wolf", "dog"), 5.0, memory="gru", size=16, width=2, embedding=3, hidden=4)
    ).eval()


def _frames(x: Tensor) -> Tensor:
    return torch.arange(5 * 2 * 16 * 16 * 3, device="cpu").view(5, 2, 16, 16, 3).to(torch.uint8)


def _words(x: Tensor) -> Tensor:
    return torch.arange(2 * 4 * 3, device="cpu").view(2, 4, 3) % 8 + 1


def _first(layer: Any, x: Tensor) -> Tensor:
    return layer(x)[0]


def _chunks(layer: Any, x: Tensor) -> Tensor:
    return torch.cat([y for y, _, _ in wd.TruncatedBPTT(layer, (x[:2], x[2:]))])


def _gru() -> nn.Module:
    return wd.Recurrent(wd.cells.GRUCell(3, 4))


ENTRIES: dict[str, tuple[Callable[[], nn.Module], Entry]] = {
    "RNN": (lambda: wd.RNN(3, 4), _first),
    "LSTM": (lambda: wd.LSTM(3, 4, bidirectional=True), _first),
    "GRU": (lambda: wd.GRU(3, 4, num_layers=2), _first),
    "Recurrent": (_gru, _first),
    "Recurrent of torch's cell": (lambda: wd.Recurrent(nn.LSTMCell(3, 4)), _first),
    "Recurrent of a user's cell": (lambda: wd.Recurrent(_Cell()), _first),
    "step": (_gru, lambda layer, x: layer.step(x[0])[0]),
    "step of torch's cell": (lambda: wd.Recurrent(nn.GRUCell(3, 4)), lambda layer, x: layer.step(x[0])[0]),
    "Stack": (lambda: wd.Stack(wd.cells.GRUCell(3, 3), wd.cells.LSTMCell(3, 3), skip="highway"), _first),
    "Bidirectional": (lambda: wd.Bidirectional(wd.cells.GRUCell(3, 4)), _first),
    "TruncatedBPTT": (_gru, _chunks),
    "Checkpointed": (lambda: wd.Checkpointed(_Labels(), every=2), _first),
    "checkpoint_every": (lambda: wd.Recurrent(wd.cells.GRUCell(3, 4), checkpoint_every=2), _first),
    "activations": (_gru, lambda layer, x: layer.activations(x)["stm"]),
    "additive attention": (lambda: m.AdditiveAttention(3, 5, window=3), _first),
    "multi-head attention": (lambda: m.MultiHeadAttention(3, 1, window=3), _first),
    "Attending": (lambda: m.Attending(wd.Recurrent(nn.GRUCell(3, 4)), m.MultiHeadAttention(4, 2, window=3)), _first),
    "a bank": (_Reading, lambda layer, x: torch.cat([part.flatten() for part in layer(x)])),
    "NTM": (lambda: wd.Recurrent(m.NTMCell(3, 4, slots=5, slot_size=2)), _first),
    "LSTMN": (lambda: wd.Recurrent(m.LSTMNCell(3, 4, 3)), _first),
    "hops": (lambda: m.EntryHops(3, 3, hops=2), lambda layer, x: layer(x.transpose(0, 1), x.transpose(0, 1))[0]),
    "memory network": (lambda: wd.MemoryNetwork(9, 4).eval(), lambda layer, x: layer(_words(x), _words(x)[:, 0])),
    "watcher": (_watcher, lambda layer, x: layer(_frames(x))[1]),
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


def _whole(found: Tensor) -> Tensor:
    return found.a if isinstance(found, TwoTensor) else found


def _compiled(run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    torch._dynamo.reset()
    result: Tensor = torch.compile(run, backend="eager")(x)
    return result


def _gradients(run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What the run returns; its gradient by torch.func is that of autograd."""
    with torch.enable_grad():
        given = x.clone().requires_grad_()
        y = run(given)
        if y.requires_grad:
            (expected,) = torch.autograd.grad(y.sum(), given)
            torch.testing.assert_close(torch.func.grad(lambda x: run(x).sum())(x), expected)
    return y.detach()


def _inference(run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.inference_mode():
        return run(x.clone()).clone()


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
    "a subclass": lambda run, x: _whole(run(TwoTensor(x, x))),
    "func.grad": _gradients,
    "inference_mode": _inference,
    "torch.compile": _compiled,
    "autocast off": _within(lambda: torch.autocast("cpu", enabled=False)),
    "parametrize.cached": _within(parametrize.cached),
    "lazy negation": lambda run, x: run(torch._neg_view(-x)),
}


WORDS = "names or words, whose numbers no graph holds"
TORCHS = ("Recurrent of torch's cell", "step of torch's cell", "Attending")
REFUSED = {
    **{("activations", mode): WORDS for mode in ("vmap", "jvp", "torch.jit.trace", "make_fx", "func.grad")},
    **{("memory network", mode): WORDS for mode in ("make_fx", "vmap", "jvp", "torch.jit.trace")},
    ("a bank", "make_fx"): WORDS,
    ("watcher", "make_fx"): WORDS,
    ("hops", "torch.jit.trace"): "torch.jit.trace itself refuses it",
    **{
        (entry, "jvp"): "PyTorch's attention has no such derivative"
        for entry in ("multi-head attention", "Attending")
    },
    **{(entry, "a subclass"): "PyTorch's own cell gives other numbers for this subclass" for entry in TORCHS},
    ("RNN", "a subclass"): "torch.nn's own forward, which runs it, gives other numbers for this subclass",
    ("GRU", "a subclass"): "torch.nn's own forward, which runs it, gives other numbers for this subclass",
}
"""Pairs that end with an error of Python, or that are torch.nn's alone."""


COMPILED = ("LSTM", "Recurrent", "step of torch's cell")
"""Entries that torch.compile takes here; test_torch_compile has the others."""


@pytest.mark.parametrize(
    ("entry", "mode"),
    [(entry, mode) for entry in ENTRIES for mode in MODES if mode != "torch.compile" or entry in COMPILED],
)
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::UserWarning",
    "ignore::FutureWarning",
    "ignore::torch.jit.TracerWarning",
)
def test_every_entry_in_every_mode(entry: str, mode: str) -> None:
    torch.manual_seed(0)
    make, call = ENTRIES[entry]
    layer, x = make().requires_grad_(False), torch.randn(5, 2, 3)
    if (entry, mode) in REFUSED:
        with suppress(Exception):  # the process goes on, and so does the layer
            MODES[mode](lambda given: call(layer, given), x)
        call(layer, x)
        return
    fresh = copy.deepcopy(layer)
    with torch.no_grad():
        for _ in range(3):  # warm: what is run again is checked as a first call is
            expected = call(layer, x)
        found = MODES[mode](lambda given: call(layer, given), x)
        after = call(layer, x)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(after, expected)
    with torch.no_grad():
        torch.testing.assert_close(MODES[mode](lambda given: call(fresh, given), x), expected)


@pytest.mark.parametrize(
    "entry", [name for name in ENTRIES if name not in ("activations", "memory network", "watcher")]
)
def test_fake_tensors_after_warm_calls(entry: str) -> None:
    make, call = ENTRIES[entry]
    layer, x = make().requires_grad_(False), torch.randn(5, 2, 3)
    with torch.no_grad():
        for _ in range(3):
            expected = call(layer, x)
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            found: Any = None
            with suppress(Exception):
                found = call(layer, mode.from_tensor(x))
        if found is not None:
            assert (type(found).__name__, found.shape, found.dtype) == (
                "FakeTensor",
                expected.shape,
                expected.dtype,
            )
        torch.testing.assert_close(call(layer, x), expected)


TRAINED = {
    name: ENTRIES[name]
    for name in ("LSTM", "Recurrent", "Recurrent of torch's cell", "checkpoint_every", "NTM")
}
UNPACKED: dict[str, Callable[[Tensor], Tensor]] = {
    "as they were": lambda t: t,
    "copies": lambda t: t.clone(memory_format=torch.contiguous_format),
    "apart in memory": lambda t: torch.stack((t, t), -1)[..., 0],
    "a subclass": lambda t: TwoTensor(t, t),
    "another format": lambda t: t.half(),
    "elsewhere": lambda t: t.to("meta"),
    "too short": lambda t: t.flatten()[:1],
}


@pytest.mark.parametrize("unpacked", UNPACKED)
@pytest.mark.parametrize("entry", TRAINED)
def test_what_hooks_make_of_saved_tensors(entry: str, unpacked: str) -> None:
    make, call = TRAINED[entry]
    layer, x = make(), torch.randn(5, 2, 3)
    parameters = list(layer.parameters())
    expected = torch.autograd.grad(call(layer, x).square().sum(), parameters)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, UNPACKED[unpacked]):
        y = call(layer, x)
    if unpacked in ("as they were", "copies", "apart in memory"):
        torch.testing.assert_close(torch.autograd.grad(y.square().sum(), parameters), expected)
    elif unpacked == "a subclass":
        with suppress(RuntimeError):
            found = [_whole(g) for g in torch.autograd.grad(y.square().sum(), parameters)]
            torch.testing.assert_close(found, list(expected))
    else:
        with pytest.raises((RuntimeError, ValueError, InputError)):
            torch.autograd.grad(y.square().sum(), parameters)


@pytest.mark.parametrize("entry", TRAINED)
def test_modes_during_the_backward_pass(entry: str) -> None:
    make, call = TRAINED[entry]
    layer, x = make(), torch.randn(5, 2, 3)
    parameters = list(layer.parameters())
    expected = torch.autograd.grad(call(layer, x).square().sum(), parameters)
    for mode in (_Watching, _Functions, _default_device):
        y = call(layer, x).square().sum()
        with mode():
            found = torch.autograd.grad(y, parameters)
        torch.testing.assert_close(found, expected)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_nested_tensors_after_warm_calls() -> None:
    nested = torch.nested.nested_tensor([torch.randn(3, 3), torch.randn(2, 3)])
    for layer in (wd.Recurrent(nn.GRUCell(3, 4)), wd.LSTM(3, 4)):
        for _ in range(3):
            layer(torch.randn(5, 2, 3))
        with pytest.raises(Exception):  # noqa: B017, PT011  # of Python's; the process goes on
            layer(nested)


def test_memory_that_was_given_back_is_not_read() -> None:
    layer, x = wd.Recurrent(wd.cells.GRUCell(3, 4)), torch.randn(5, 2, 3)
    layer(x)
    layer.cell.weight_hh.untyped_storage().resize_(0)
    with pytest.raises(RuntimeError), torch.no_grad():
        layer(x)
