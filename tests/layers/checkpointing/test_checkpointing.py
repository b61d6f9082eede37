"""Sequences in pieces against sequences in one: outputs and every gradient; and what it costs."""

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import wolfdog as wd
from cases import CELLS, scrambled
from foreign_cells import LearnedStart, Nested, OutputAndPair, OutputAndState, OwnZero, OwnZeroPair
from tolerances import SAME_EQUATIONS, assert_agree, assert_same
from wolfdog.errors import InputError
from wolfdog.layers.cell.state import tensors, transform

CELLS_OF = {case.name: lambda make=case.make: make(3, 4) for case in CELLS}
CELLS_OF |= {"torch_rnn": lambda: nn.RNNCell(3, 4), "torch_lstm": lambda: nn.LSTMCell(3, 4)}
CELLS_OF |= {cell.__name__: cell for cell in (LearnedStart, Nested, OutputAndPair, OutputAndState, OwnZero)}
CELLS_OF |= {"own_zero_pair": OwnZeroPair}


def make(name: str, **options: object) -> wd.Recurrent:
    torch.manual_seed(1)
    if name == "own_zero_pair":
        options["returns"] = "state"
    return wd.Recurrent(scrambled(CELLS_OF[name]()).double(), **options)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def results(layer: nn.Module, x: Tensor, state: object = None, **options: object) -> tuple[Tensor, ...]:
    """Outputs, last states, and gradients of events, first states and parameters, of an uneven mix of everything."""
    x = x.detach().requires_grad_()
    if state is not None:
        state = transform(lambda t: t.detach().requires_grad_(), state)
    y, last = layer(x, state, **options)
    parts = [y, *tensors(last)]
    loss = sum((part * drawn(*part.shape).to(part.dtype)).sum() for part in parts)
    wanted = [x, *([] if state is None else tensors(state)), *layer.parameters()]
    found = torch.autograd.grad(loss, wanted, allow_unused=True)
    zeros = [torch.zeros_like(t) if g is None else g for g, t in zip(found, wanted, strict=True)]
    return (*(part.detach() for part in parts), *zeros)


@st.composite
def forms(draw: st.DrawFn) -> tuple[int, int, int, list[int] | None, Tensor | None]:
    steps, batch, every = draw(st.integers(2, 9)), draw(st.integers(1, 3)), draw(st.integers(1, 5))
    length = st.integers(1, steps)  # a cell that makes its own first state has none at 0
    lengths = draw(st.none() | st.lists(length, min_size=batch, max_size=batch))
    row = st.lists(st.booleans(), min_size=batch, max_size=batch)
    return (
        steps,
        batch,
        every,
        lengths,
        draw(st.none() | st.lists(row, min_size=steps, max_size=steps).map(torch.tensor)),
    )


@pytest.mark.parametrize("name", CELLS_OF)
@pytest.mark.parametrize("backend", [None, "eager"])
@settings(max_examples=6)
@given(form=forms(), given_state=st.booleans())
def test_pieces_are_the_whole(
    name: str,
    backend: str | None,
    form: tuple[int, int, int, list[int] | None, Tensor | None],
    given_state: bool,
) -> None:
    steps, batch, every, lengths, resets = form
    layer, x = make(name, backend=backend), drawn(steps, batch, 3)
    state = layer(drawn(2, batch, 3))[1] if given_state else None
    whole = results(layer, x, state, lengths=lengths, resets=resets)
    layer.checkpoint_every = every
    assert_agree(results(layer, x, state, lengths=lengths, resets=resets), whole)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32])
@pytest.mark.parametrize(
    "around",
    [
        lambda: make("gru", checkpoint_every=2),
        lambda: wd.Checkpointed(make("gru"), every=2),
        lambda: wd.Stack(make("gru"), nn.GRUCell(4, 4).double(), checkpoint_every=2),
        lambda: wd.Bidirectional(make("gru", checkpoint_every=2)),
    ],
    ids=["Recurrent", "Checkpointed", "Stack", "Bidirectional"],
)
def test_lengths_are_whole_numbers_of_any_format(dtype: torch.dtype, around: Callable[[], nn.Module]) -> None:
    layer, x, lengths = around(), drawn(7, 4, 3), torch.tensor([2, 7, 1, 4])
    assert_same(results(layer, x, lengths=lengths.to(dtype)), results(layer, x, lengths=lengths))


def test_a_wrong_gradient_is_seen() -> None:
    layer, x = make("lstm"), drawn(6, 2, 3)
    whole = results(layer, x)
    layer.checkpoint_every = 2
    layer.cell.weight_hh.register_hook(lambda gradient: gradient + 1e-6)
    with pytest.raises(AssertionError):
        assert_agree(results(layer, x), whole)


@pytest.mark.parametrize("backend", [None, "eager"])
class TestOfEveryBackend:
    """What holds beside the numbers."""

    def test_layouts(self, backend: str | None) -> None:
        for batch_first, shape in ((True, (2, 9, 3)), (False, (9, 3))):
            plain = make("lstm", backend=backend, batch_first=batch_first)
            layer = make("lstm", backend=backend, batch_first=batch_first, checkpoint_every=4)
            assert_agree(results(layer, drawn(*shape)), results(plain, drawn(*shape)))

    def test_nothing_is_kept_but_states(self, backend: str | None) -> None:
        kept: list[Tensor] = []
        layer, x = make("lstm", backend=backend, checkpoint_every=10), drawn(100, 2, 3).requires_grad_()
        for events in (x[:5], x[:5], x, x):  # the shortest have no pieces
            layer(events)
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
            layer(x)
        own = sum(tensor.numel() for tensor in (x, *layer.parameters()))
        assert sum(tensor.numel() for tensor in kept) == own + 10 * 2 * 2 * 4  # pieces, memories, B, H

    def test_second_derivatives(self, backend: str | None) -> None:
        found = []
        for every in (None, 2):
            layer = make("four_gate_lstm", backend=backend, checkpoint_every=every)
            x = drawn(5, 2, 3).requires_grad_()
            y, _ = layer(x, lengths=[5, 3])
            (first,) = torch.autograd.grad((y**3).sum(), x, create_graph=True)
            found.append(torch.autograd.grad((first**2).sum(), [x, *layer.parameters()]))
        assert_agree(found[1], found[0])

    def test_under_autocast(self, backend: str | None) -> None:
        found = []
        for every in (None, 3):
            layer = make("gru", backend=backend, checkpoint_every=every).float()
            x = drawn(8, 2, 3).float().requires_grad_()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                y, state = layer(x)
                again, _ = layer(x)
            assert y.dtype is torch.float32
            assert state.dtype is torch.float32
            gradients = torch.autograd.grad((y + again).square().sum(), [x, *layer.parameters()])
            found.append((y, again, gradients))
        assert_agree(found[1][:2], found[0][:2])
        for pieces, whole in zip(found[1][2], found[0][2], strict=True):
            # the loop adds up what a whole sequence does to a weight in bfloat16
            bound = SAME_EQUATIONS[torch.bfloat16 if backend else torch.float32][0]
            assert (pieces - whole).norm() <= bound * whole.norm()

    def test_with_parameters_put_in_for_the_call(self, backend: str | None) -> None:
        layer, x = make("lstm", backend=backend), drawn(7, 2, 3)
        scale = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
        found = []
        for every in (None, 3):
            layer.checkpoint_every = every
            other = {name: scale * value for name, value in layer.named_parameters()}
            y, _ = torch.func.functional_call(layer, other, (x,))
            found.append((y, *torch.autograd.grad(y.sum(), [scale])))
        assert_agree(found[1], found[0])

    def test_what_changed_since_is_refused_as_ever(self, backend: str | None) -> None:
        layer = make("lstm", backend=backend, checkpoint_every=3)
        y, _ = layer(drawn(7, 2, 3))
        with torch.no_grad():
            layer.cell.weight_hh.mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()

    def test_without_gradients(self, backend: str | None) -> None:
        layer, x = make("lstm", backend=backend, checkpoint_every=3), drawn(7, 2, 3)
        with torch.no_grad():
            y, _ = layer(x, lengths=[4, 6])
        assert not y.requires_grad
        assert_agree(y, make("lstm")(x, lengths=[4, 6])[0].detach())


class Dropping(nn.Module):
    """An Elman unit that forgets by chance."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(3 + 4, 4)

    def initial_state(self, batch: int) -> Tensor:
        return self.mix.weight.new_zeros(batch, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return nn.functional.dropout(torch.tanh(self.mix(torch.cat((x, h), -1))), 0.4)


def test_random_numbers_are_the_same_again() -> None:
    layer, x = wd.Recurrent(Dropping().double(), backend="eager"), drawn(9, 2, 3)
    torch.manual_seed(5)
    whole = results(layer, x)
    after = torch.rand(3)
    layer.checkpoint_every = 2
    torch.manual_seed(5)
    assert_agree(results(layer, x), whole)
    assert_same(torch.rand(3), after)  # drawing again in between leaves no trace


def test_a_mask_that_is_drawn_once_a_sequence() -> None:
    class Masked(wd.cells.LSTMCell):
        def forward(self, event: Tensor, state: object = None) -> object:
            return super().forward(event * self.mask, state)

    torch.manual_seed(0)
    layer, x = wd.Recurrent(Masked(3, 4).double()), drawn(9, 2, 3).requires_grad_()
    found = []
    for every in (None, 2):
        layer.checkpoint_every = every
        layer.cell.mask = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64)
        y, _ = layer(x)
        layer.cell.mask = torch.zeros(3, dtype=torch.float64)  # the next sequence's
        found.append(torch.autograd.grad(y.sum(), [x, *layer.parameters()]))
    assert layer.backend == "llvm"
    assert_agree(found[1], found[0])


def test_a_tensor_that_is_not_the_cell_s_is_refused() -> None:
    weight = torch.ones(3, 3, requires_grad=True)

    class Outside(nn.Module):
        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return torch.tanh(x @ weight + h)

    layer = wd.Recurrent(Outside(), backend="eager", checkpoint_every=2)
    y, _ = layer(torch.randn(5, 2, 3), torch.zeros(2, 3, requires_grad=True))
    with pytest.raises(
        InputError, match=r"uses a tensor \[3, 3\] that requires a gradient and is none of its parameters"
    ):
        y.sum().backward()


@pytest.mark.parametrize("every", [0, -1, 1.5, True, "sqrt"])
def test_what_is_no_number_of_steps(every: object) -> None:
    with pytest.raises(InputError, match="checkpoint_every must be a number of steps"):
        make("lstm", checkpoint_every=every)
    with pytest.raises(InputError, match="every must be a number of steps"):
        wd.Checkpointed(nn.Linear(1, 1), every=every)


def test_it_is_shown() -> None:
    assert "checkpoint_every='auto'" in repr(make("lstm", checkpoint_every="auto"))
    assert "checkpoint" not in repr(make("lstm"))


class Model(nn.Module):
    """An encoder, a memory, dropout and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Linear(3, 5)
        self.memory = wd.Recurrent(wd.cells.GRUCell(5, 4))
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(4, 2))

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: object = None, resets: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        y, state = self.memory(torch.tanh(self.look(x)), state, lengths, resets)
        return self.head(y), state


class TestWholeModels:
    """`Checkpointed`."""

    @pytest.mark.parametrize("given_state", [False, True])
    def test_a_model_with_a_head(self, given_state: bool) -> None:
        model = Model().double().eval()
        state = drawn(2, 4) if given_state else None
        resets = torch.tensor([[False, t == 4] for t in range(9)])
        whole = results(model, drawn(9, 2, 3), state, resets=resets)
        assert_agree(results(wd.Checkpointed(model, every=2), drawn(9, 2, 3), state, resets=resets), whole)
        whole = results(model, drawn(9, 2, 3), state, lengths=torch.tensor([7, 9]))
        found = results(wd.Checkpointed(model, every=2), drawn(9, 2, 3), state, lengths=torch.tensor([7, 9]))
        assert_agree(found, whole)

    def test_dropout_is_the_same_backwards(self) -> None:
        layer = wd.Checkpointed(Model().double(), every=2)
        x = drawn(9, 2, 3).requires_grad_()

        def loss(x: Tensor) -> Tensor:
            torch.manual_seed(7)
            return layer(x)[0].square().sum()

        assert torch.autograd.gradcheck(loss, [x])

    @pytest.mark.parametrize("batch_first", [False, True])
    def test_torch_s_own_layers(self, batch_first: bool) -> None:
        model = scrambled(nn.LSTM(3, 4, num_layers=2, batch_first=batch_first, dtype=torch.float64))
        x = drawn(2, 9, 3) if batch_first else drawn(9, 2, 3)
        layer = wd.Checkpointed(model, every=4, batch_first=batch_first)
        state = (drawn(2, 2, 4), drawn(2, 2, 4))
        for before in (None, state):
            assert_agree(results(layer, x, before), results(model, x, before))
        assert model._flat_weights[0] is model.weight_ih_l0

    def test_a_short_sequence_is_run_as_it_is(self) -> None:
        model = Model().double().eval()
        assert_same(wd.Checkpointed(model)(drawn(9, 2, 3)), model(drawn(9, 2, 3)))


COST = """
import sys, torch, wolfdog as wd
def size(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
torch.set_num_threads(1)
layer = wd.Recurrent(wd.cells.LSTMCell(4, 64), checkpoint_every=eval(sys.argv[1]))
def train(steps):
    y, _ = layer(torch.randn(steps, 8, 4))
    y.sum().backward()
train(500)
before = size("RssAnon")
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew, whatever compiling took
files = size("RssFile")
train(10_000)
print(size("VmHWM") - files - before)
"""


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="reads the peak of memory from Linux's /proc"
)
@pytest.mark.slow
def test_memory() -> None:
    def peak(every: str) -> int:
        run = subprocess.run([sys.executable, "-c", COST, every], capture_output=True, text=True, check=True)
        return int(run.stdout)

    plain, pieces = peak("None"), peak("'auto'")
    assert plain > 100_000
    assert pieces < 0.15 * plain  # of which the outputs themselves are half


def test_a_cell_that_cannot_be_compiled_warns_once() -> None:
    class Sorting(nn.Module):
        def initial_state(self, batch: int) -> Tensor:
            return torch.zeros(batch, 3)

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return torch.sort(x + h).values

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        layer = wd.Recurrent(Sorting(), checkpoint_every=2)
        results(layer, torch.randn(7, 2, 3))
    assert len(caught) == 1
    assert layer.backend == "eager"


def test_attributes_of_tensors_hold_in_the_second_run() -> None:
    class Marked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unit = nn.GRUCell(3, 4)
            self.unit.weight_hh.factor = 3.0  # type: ignore[assignment]

        def initial_state(self, batch: int) -> Tensor:
            return torch.zeros(batch, 4)

        def forward(self, x: Tensor, state: Tensor) -> Tensor:
            return self.unit(x, state) * getattr(self.unit.weight_hh, "factor", 1.0)

    cell, x, found = Marked(), torch.randn(6, 2, 3), []
    for every in (None, 2):
        layer = wd.Recurrent(cell, backend="eager", checkpoint_every=every)
        found.append(torch.autograd.grad(layer(x)[0].sum(), list(cell.parameters())))
    torch.testing.assert_close(*found)
