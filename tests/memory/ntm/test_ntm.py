"""The neural Turing machine: against the paper's equations in NumPy, by kernels against the loop, and on a task."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import wolfdog as wd
from attention_cases import drawn
from cases import scrambled
from ntm_equations import Array, machine
from tolerances import assert_agree, assert_same
from wolfdog.errors import InputError, ShapeError
from wolfdog.layers.cell.state import tensors
from wolfdog.memory import Feedforward, NTMCell, NTMState

RESETS = torch.tensor([[False, t == 4, False] for t in range(7)])
LENGTHS = [7, 6, 3]


def make(**options: object) -> NTMCell:
    """The machine of the kernels' tables, so that they are built once."""
    sizes = {"slots": 6, "slot_size": 4, "read_heads": 2, "dtype": torch.float64}
    return scrambled(NTMCell(3, 5, **{**sizes, **options}))


def flat(state: NTMState) -> tuple[Tensor, ...]:
    return tuple(tensors(state))


def parameters(cell: NTMCell) -> dict[str, Array]:
    return {name.removeprefix("controller."): p.detach().numpy() for name, p in cell.named_parameters()}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"write_heads": 3, "slots": 7, "shift_range": 2},
        {"read_heads": 1, "slots": 1, "slot_size": 1, "shift_range": 0},
    ],
    ids=["two_read", "three_write", "smallest"],
)
def test_its_equations(options: dict[str, int]) -> None:
    cell, x = make(**options), drawn(7, 2, 3)
    layer = wd.Recurrent(cell, backend="eager")
    (y, _), activations = layer(x), layer.activations(x)
    for b in range(2):
        for t, found in enumerate(machine(cell, parameters(cell), x[:, b].numpy())):
            right = tuple(map(torch.from_numpy, found))
            assert_agree((y[t, b], activations["weights"][t, b], activations["memory"][t, b]), right)
            heads = torch.cat((activations["read_weights"], activations["write_weights"]), 2)
            assert_same(heads, activations["weights"])


def test_it_cannot_be_taken_for_one_that_shifts_the_other_way() -> None:
    cell, x = make(), drawn(7, 1, 3)
    activations = wd.Recurrent(cell, backend="eager").activations(x)
    first, last = np.cumsum(cell.sizes)[2:4]
    p = parameters(cell)
    for name in ("interface.weight", "interface.bias"):
        shares = p[name][first:last].reshape(3, 3, -1)[:, ::-1].reshape(p[name][first:last].shape)
        p[name] = np.concatenate((p[name][:first], shares, p[name][last:]))
    output, weights, _ = map(torch.from_numpy, machine(cell, p, x[:, 0].numpy())[-1])
    with pytest.raises(AssertionError):
        assert_agree(activations["weights"][-1, 0], weights)
    assert_agree(activations["output"][-1, 0], output)  # all heads mirror each other's ring


def some(cell: NTMCell, batch: int) -> NTMState:
    """A state in the midst of things."""
    with torch.no_grad():
        _, state = wd.Recurrent(cell, backend="eager")(drawn(3, batch, 3, seed=1))
    return wd.layers.cell.state.transform(lambda part: part.clone().requires_grad_(), state)


def test_kernels_compute_what_the_loop_does() -> None:
    cell = make()
    results = []
    for backend in (None, "eager"):
        layer = wd.Recurrent(cell, backend=backend)
        assert layer.backend == ("eager" if backend else "llvm"), layer.fallback_reason
        x, before = drawn(7, 3, 3).requires_grad_(), some(cell, 3)
        y, state = layer(x, before, lengths=LENGTHS)
        assert isinstance(state, NTMState)
        total = y.square().sum() + state.memory.square().sum() + state.weights.square().sum()
        gradients = torch.autograd.grad(total, [x, *flat(before), *cell.parameters()])
        results.append((y, flat(state), gradients))
    assert_agree(*results)


def test_whole_chunks_steps_lengths_and_resets_agree() -> None:
    layer, x = wd.Recurrent(make(), backend="eager"), drawn(7, 3, 3)
    y, last = layer(x, lengths=LENGTHS, resets=RESETS)
    for b, length in enumerate(LENGTHS):
        state, outputs = None, []
        for t in range(length):
            y_t, state = layer.step(x[t, b], None if RESETS[t, b] else state)
            outputs.append(y_t)
        assert_agree(torch.stack(outputs), y[:length, b])
        assert_agree(flat(state), tuple(part[b] for part in flat(last)))
        assert not y[length:, b].any()
    first, state = layer(x[:2])
    second, _ = layer(x[2:], state)
    assert_same(torch.cat((first, second)), layer(x)[0])


def test_gradients() -> None:
    cell, x = make(slots=4, slot_size=2), drawn(4, 2, 3).requires_grad_()

    def outputs(x: Tensor, *_: Tensor) -> Tensor:
        return wd.Recurrent(cell, backend="eager")(x, resets=RESETS[2:6, :2])[0]

    assert torch.autograd.gradcheck(outputs, (x, *cell.parameters()), fast_mode=True)


@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.integers(0, 4), st.integers(1, 4), st.integers(1, 3),
    st.integers(0, 3),
)  # fmt: skip
def test_any_sizes(
    reads: int, writes: int, shift: int, more: int, width: int, steps: int, batch: int
) -> None:
    cell = make(
        read_heads=reads, write_heads=writes, shift_range=shift, slots=2 * shift + 1 + more, slot_size=width
    )
    x = 100 * drawn(steps, batch, 3)  # loud
    y, state = wd.Recurrent(cell, backend="eager")(x)
    assert y.shape == (steps, batch, cell.output_size) == (steps, batch, 5 + reads * width)
    assert [list(part.shape) for part in flat(state)[2:]] == [
        [batch, reads, width], [batch, reads + writes, cell.slots], [batch, cell.slots, width]
    ]  # fmt: skip
    assert (state.weights >= 0).all()
    assert_agree(state.weights.sum(-1), torch.ones(batch, reads + writes, dtype=torch.float64))
    assert y.isfinite().all()


@torch.no_grad()
def tape_machine(gate: float = -50.0) -> NTMCell:
    """Set by hand: writes what comes one slot further at every step, and reads where it writes."""
    cell = NTMCell(2, 2, slots=5, slot_size=2, controller=Feedforward, dtype=torch.float64)
    for parameter in cell.parameters():
        parameter.zero_()
    cell.controller.weight[:, :2] = torch.eye(2)
    _, _, gates, shares, powers, erase, add = cell.interface.bias.split(cell.sizes)
    gates.fill_(gate)
    shares.view(2, 3)[:, 2] = 50.0
    powers.fill_(5.0)
    erase.fill_(50.0)
    cell.interface.weight[-2:] = torch.eye(2)
    assert not add.any()
    return cell


def test_a_tape_is_written_slot_by_slot_and_around() -> None:
    x = drawn(7, 1, 2)
    y, state = wd.Recurrent(tape_machine(), backend="eager")(x)
    said = torch.tanh(x[:, 0])
    assert_agree(y[:, 0], torch.cat((said, said), -1))
    assert_agree(state.memory[0], said[[4, 5, 6, 2, 3]])  # the first two of seven were written over
    assert_agree(state.weights[0], torch.eye(5, dtype=torch.float64)[[2, 2]])


def test_content_is_found() -> None:
    cell = tape_machine(gate=50.0)
    state = cell.initial_state(1)
    state.memory[0, 3] = torch.tensor([0.3, -0.6], dtype=torch.float64)
    with torch.no_grad():
        cell.interface.weight[:2] = torch.eye(2)  # the reading head looks for what comes
        key, strength, *_ = cell.interface.bias.split(cell.sizes)
        strength.fill_(100.0)
        cell.interface.bias.split(cell.sizes)[3].view(2, 3)[:] = torch.tensor([0.0, 50.0, 0.0])
    _, after = cell(torch.atanh(torch.tensor([[0.2, -0.4]], dtype=torch.float64)), state)
    assert not key.any()
    assert after.weights[0, 0].argmax() == 3
    assert after.weights[0, 0, 3] > 0.999


@pytest.mark.parametrize(
    "controller",
    [Feedforward, wd.cells.GRUCell, nn.LSTMCell, partial(wd.cells.ProjectedLSTMCell, projection_size=2)],
    ids=["feedforward", "gru", "torch", "projected"],
)
def test_any_unit_controls(controller: object) -> None:
    cell = make(controller=controller)
    cell.reset_parameters()
    assert not cell.interface.bias.any()
    y, state = wd.Recurrent(cell, backend="eager")(drawn(4, 2, 3))
    size = 2 if isinstance(controller, partial) else 5
    assert y.shape == (4, 2, size + 8)
    assert_same(y[-1, :, :size], next(tensors(state)))
    assert_same(y[-1, :, size:], state.read.flatten(1))


def test_a_feedforward_controller_remembers_nothing() -> None:
    unit, x = Feedforward(3, 5, dtype=torch.float64), drawn(2, 3)
    assert_same(unit(x, drawn(2, 5, seed=1)), unit(x))
    assert_same(unit(x), torch.tanh(x @ unit.weight.T + unit.bias))


def test_its_start_can_be_learned() -> None:
    cell = wd.LearnedState(make())
    with torch.no_grad():
        cell.start[3].sub_(0.3)  # weights below zero count as nothing
    layer = wd.Recurrent(cell, backend="eager")
    layer(drawn(4, 2, 3))[0].square().sum().backward()
    assert all(theta.grad is not None and theta.grad.isfinite().all() for theta in cell.start)
    assert cell.start[4].grad.any()


def test_it_learns_to_copy() -> None:
    layer, bits = (
        wd.Recurrent(NTMCell(3, 5, slots=6, slot_size=4, read_heads=2).double()),
        nn.Linear(13, 2).double(),
    )
    parameters = [*layer.parameters(), *bits.parameters()]
    optimizer = torch.optim.Adam(parameters, 0.02)

    def copied(batch: int) -> tuple[Tensor, Tensor]:
        """Three pairs of bits, shown before a mark, and what is said of them after it."""
        shown = torch.randint(0, 2, (3, batch, 2)).double()
        events = torch.zeros(7, batch, 3, dtype=torch.float64)
        events[:3, :, :2], events[3, :, 2] = shown, 1
        return bits(layer(events)[0][4:]), shown

    for _ in range(400):
        loss = nn.functional.binary_cross_entropy_with_logits(*copied(8))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    with torch.no_grad():
        said, shown = copied(200)
    assert ((said > 0) != (shown > 0.5)).double().mean() < 0.2  # by chance one half


def test_the_trace_has_the_names_of_the_equations() -> None:
    activations = wd.Recurrent(make(), backend="eager").activations(drawn(4, 2, 3))
    named = {"key", "strength", "gate", "shift", "power", "erase", "add", "content", "gated"}
    states = ["stm", "ltm", "read", "weights", "memory"]
    assert named | {"read_weights", "write_weights", "controller.f"} <= set(activations)
    assert list(activations)[-6:] == ["output", *states]
    foreign = wd.Recurrent(make(controller=nn.LSTMCell), backend="eager").activations(drawn(4, 2, 3))
    assert list(foreign)[-5:] == ["controller.0", "controller.1", *states[2:]]


def test_mistakes() -> None:
    with pytest.raises(InputError, match="slots must be a positive whole number; got 0"):
        make(slots=0)
    with pytest.raises(InputError, match="write_heads must be a positive"):
        make(write_heads=-1)
    with pytest.raises(InputError, match="shift_range must be 0 or a positive whole number; got -1"):
        make(shift_range=-1)
    with pytest.raises(
        InputError, match="shift_range=3 slots in both directions need at least 7 slots; got slots=6"
    ):
        make(shift_range=3)
    with pytest.raises(InputError, match="Linear has no whole number output_size"):
        make(controller=nn.Linear)
    cell = make()
    with pytest.raises(ShapeError, match=r"an event must be \[B, 3\]"):
        cell(torch.zeros(2, 4))
    for wrong in (torch.zeros(2, 4), make(slots=5).initial_state(2), cell.initial_state(3), (1, 2, 3, 4)):
        with pytest.raises(
            ShapeError, match=r"the state must be an NTMState\('controller', .*\[2, 6, 4\].*; got"
        ):
            cell(torch.zeros(2, 3, dtype=torch.float64), wrong)
    with pytest.raises(ShapeError, match="stm must be"):
        cell(
            torch.zeros(2, 3, dtype=torch.float64),
            cell.initial_state(2)._replace(controller=make().initial_state(3).controller),
        )
    assert repr(cell).startswith(
        "NTMCell(\n  3, 5, slots=6, slot_size=4, read_heads=2, write_heads=1, shift_range=1"
    )
