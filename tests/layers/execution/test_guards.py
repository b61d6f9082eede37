"""Steps and sequences that are run again: what is looked at before, and that any difference is seen."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import wolfdog as wd
from compiled_layers import close, eager_of
from wolfdog.compiler.tensor_forms import alike, alike_in_python
from wolfdog.errors import InputError


class _Part(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3, dtype=torch.float64)

    def forward(self, h: Tensor) -> Tensor:
        return self.linear(h)


class _Cell(nn.Module):
    """A cell with everything that may change: a part, a list, a number, a tensor that is an attribute, a buffer."""

    input_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.part, self.factors, self.rate = _Part(), [1.0, 2.0], 0.5
        self.offset = torch.full((1,), 0.25, dtype=torch.float64)
        self.register_buffer("scale", torch.full((3,), 1.5, dtype=torch.float64))

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 3, dtype=torch.float64)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        drive = self.part(h) * self.scale + x * self.factors[0]
        return h + self.rate * torch.tanh(drive) * self.factors[1] + self.offset


def _other_linear(cell: _Cell) -> None:
    cell.part.linear = nn.Linear(3, 3, dtype=torch.float64)


def _other_data(cell: _Cell) -> None:
    cell.part.linear.weight.data = torch.randn(3, 3, dtype=torch.float64)


def _other_offset(cell: _Cell) -> None:
    cell.offset = torch.full((1,), 0.25, dtype=torch.float64)  # equal, and edited later
    cell.offset += 1


CHANGES: dict[str, Callable[[_Cell], object]] = {
    "a module": _other_linear,
    "memory": _other_data,
    "an attribute that is a tensor": _other_offset,
    "a list, in place": lambda cell: cell.factors.append(cell.factors.pop(0)),
    "a number": lambda cell: setattr(cell, "rate", 0.25),
    "a buffer, in place": lambda cell: cell.scale.mul_(2),
    "a hook": lambda cell: cell.register_forward_hook(lambda module, inputs, output: 2 * output),
    "a hook of a part": lambda cell: cell.part.register_forward_hook(lambda module, inputs, out: 2 * out),
    "a function": lambda cell: setattr(cell.part, "forward", lambda h: h),
}


RUNS: dict[str, Callable[[wd.Recurrent, Tensor, Tensor], Tensor]] = {
    "steps": lambda layer, x, h: layer.step(x[0], h)[0],
    "sequences": lambda layer, x, h: layer(x, h)[0],
    "sequences without a state": lambda layer, x, h: layer(x)[0],
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("what", CHANGES)
def test_a_change_in_between_is_seen(what: str, run: Callable[..., Tensor]) -> None:
    torch.manual_seed(0)
    layer = wd.Recurrent(_Cell())
    x, h = torch.randn(4, 2, 3, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    with torch.no_grad():
        before = [run(layer, x, h) for _ in range(4)][-1]
        assert layer.backend == "llvm"
        CHANGES[what](layer.cell)
        found = [run(layer, x, h) for _ in range(4)]
        expected = run(eager_of(layer), x, h)
    assert not torch.allclose(before, expected)
    for y in found:
        close(y, expected)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_another_cell_and_a_copy_are_run_as_they_are(run: Callable[..., Tensor]) -> None:
    layer = wd.Recurrent(_Cell())
    x, h = torch.randn(4, 2, 3, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    with torch.no_grad():
        for _ in range(3):
            run(layer, x, h)
        other = copy.deepcopy(layer)
        other.cell.scale.zero_()
        run(layer, x, h)
        close(run(other, x, h), run(eager_of(other), x, h))
        layer.cell = other.cell
        close(run(layer, x, h), run(eager_of(layer), x, h))


@pytest.mark.parametrize("batch_first", [False, True])
def test_sequences_of_every_form_in_turn(batch_first: bool) -> None:
    """As steps: and with lengths, resets, gradients, in inference mode and under autocast."""
    layer = wd.Recurrent(wd.cells.LSTMCell(3, 4), batch_first=batch_first)
    eager = wd.Recurrent(layer.cell, batch_first=batch_first, backend="eager")
    wide = torch.randn(5, 5, 6)
    state = torch.randn(2, 5, 4).unbind()

    def agree(*arguments: Any, **named: Any) -> None:
        for _ in range(3):
            (y, last), (expected, after) = layer(*arguments, **named), eager(*arguments, **named)
            for found, should in zip((y, *last), (expected, *after), strict=True):
                torch.testing.assert_close(found, should)

    for turned_on in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        with turned_on():
            for x in (wide[..., :3], wide[..., :3].contiguous(), wide[..., ::2], wide[:, :, 3:]):
                agree(x)
                agree(x, state)
                for lengths in ([2, 5, 1, 0, 3], torch.tensor([5, 4, 4, 1, 1]), [5] * 5):
                    agree(x, lengths=lengths)
                    agree(x, state, lengths=lengths)
                with pytest.raises(InputError, match=r"lengths must lie in 0\.\.5"):
                    layer(x, lengths=[6, 1, 1, 1, 1])
                agree(x, resets=torch.rand(5, 5) < 0.5)
            agree(wide[:, 0, :3])
    x = wide[..., :3].clone().requires_grad_()
    for _ in range(3):
        found = torch.autograd.grad(layer(x)[0].square().sum(), [x, *layer.parameters()])
        expected = torch.autograd.grad(eager(x)[0].square().sum(), [x, *layer.parameters()])
        torch.testing.assert_close(found, expected)


def test_what_a_first_state_of_its_own_says_is_asked_every_time() -> None:
    class Counting(nn.Module):
        input_size, calls = 3, 0

        def initial_state(self, batch: int) -> Tensor:
            Counting.calls += 1
            return torch.full((batch, 3), float(Counting.calls))

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return h + 0 * x

    layer = wd.Recurrent(Counting())
    with torch.no_grad():
        found = [float(layer(torch.zeros(2, 1, 3))[0][0, 0, 0]) for _ in range(6)]
    assert len(set(found)) == 6


LOOKS: dict[str, Callable[[Tensor], object]] = {
    "the same": lambda t: t.clone(),
    "another size": lambda t: t[:1],
    "other strides": lambda t: t.t().contiguous().t(),
    "another format": lambda t: t.float(),
    "with a gradient": lambda t: t.clone().requires_grad_(),
    "a parameter": lambda t: nn.Parameter(t.clone(), requires_grad=False),
    "elsewhere": lambda t: t.to("meta"),
    "the conjugate's part": lambda t: torch.complex(t, t).conj().imag,
    "no tensor": lambda t: t.tolist(),
}


@pytest.mark.parametrize("made", [alike, alike_in_python])
@pytest.mark.parametrize("what", LOOKS)
def test_what_looks_otherwise_is_seen(what: str, made: Callable[..., Callable[..., bool]]) -> None:
    tensor = torch.randn(3, 3, dtype=torch.float64)
    same = made([tensor, torch.zeros(2)])
    assert same(LOOKS[what](tensor), torch.ones(2)) is (what == "the same")


def test_guards_for_a_tensor_given_twice_take_it_twice_and_apart() -> None:
    zeros = torch.zeros(2, 3)
    same = alike([torch.zeros(1), zeros, zeros])
    assert same(torch.zeros(1), zeros, zeros)
    assert same(torch.zeros(1), torch.ones(2, 3), torch.zeros(2, 3))
    assert not same(torch.zeros(1), torch.ones(2, 3), torch.zeros(2, 4))
    assert not same(torch.zeros(1), torch.ones(2, 3), torch.zeros(2, 3, requires_grad=True))
    assert not same(torch.zeros(1), torch.ones(2, 3).double(), torch.zeros(2, 3))


class _Seen(TorchDispatchMode):
    """Mode that notes the operators that it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("twice", [torch.zeros(2, 3), nn.Parameter(torch.zeros(2, 3))])
def test_guards_for_a_tensor_given_twice_see_modes_of_pytorch(twice: Tensor) -> None:
    one = torch.zeros(1)
    same = alike([one, twice, twice])
    for mode in (torch.autocast("cpu", torch.bfloat16), _Seen()):
        assert same(one, twice, twice)
        with mode:
            assert not same(one, twice, twice)
            assert not same(one, twice.detach().clone(), twice)


@torch.no_grad()
def test_steps_from_one_zero_of_both_states_are_seen_by_modes() -> None:
    layer, x = wd.Recurrent(nn.LSTMCell(3, 4)), torch.randn(2, 3)
    for _ in range(3):
        layer.step(x)
    with _Seen() as mode:
        layer.step(x)
    assert any("mm" in name for name in mode.names)


@pytest.mark.filterwarnings("ignore:LSTMCell runs as an eager loop")
@torch.no_grad()
def test_steps_of_half_formats_see_autocast_of_another() -> None:
    layer, x = wd.Recurrent(nn.LSTMCell(3, 4).half()), torch.randn(2, 3).half()
    loop, found = wd.Recurrent(layer.cell, backend="eager"), []
    for one in (layer, loop):
        formats = [one.step(x)[0].dtype for _ in range(3)]
        for autocast in (torch.bfloat16, torch.float16, torch.bfloat16):
            with torch.autocast("cpu", autocast):
                for _ in range(2):
                    formats += [one.step(x)[0].dtype, one(x.unsqueeze(0))[0].dtype]
        found.append([*formats, one.step(x)[0].dtype])
    assert found[0] == found[1]


def test_steps_of_every_form_in_turn() -> None:
    """What was run last is not what is run now: sizes, batches, strides, states without a gradient and with one."""
    layer = wd.Recurrent(wd.cells.GRUCell(3, 4, dtype=torch.float64))
    eager = eager_of(layer)
    wide = torch.randn(2, 6, dtype=torch.float64)
    with torch.no_grad():
        for _ in range(2):
            for x in (wide[:, :3], wide[:, :3].contiguous(), wide[:1, :3], wide[:, ::2], wide[0, :3]):
                shape = (*x.shape[:-1], 4)
                for h in (torch.randn(shape, dtype=torch.float64), None):
                    close(layer.step(x, h)[0], eager.step(x, h)[0])
    x, h = wide[:, :3], torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    layer.step(x, h)[0].sum().backward()
    assert h.grad is not None
