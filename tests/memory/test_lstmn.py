"""The LSTM over its own past: against its equations in NumPy, against the LSTM, and by kernels against the loop."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

import wolfdog as wd
from attention_cases import drawn
from cases import scrambled
from tolerances import assert_agree, assert_same
from wolfdog.errors import InputError, ShapeError
from wolfdog.memory import LSTMNCell, Tape

Array = NDArray[np.float64]
RESETS = torch.tensor([[False, t == 4, False] for t in range(7)])
LENGTHS = [7, 6, 3]


def make(window: int = 3, **options: object) -> LSTMNCell:
    return scrambled(LSTMNCell(3, 4, window, **{"attention_size": 5, "dtype": torch.float64, **options}))


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def lstmn(p: Mapping[str, Array], events: Array, window: int) -> list[tuple[Array, Array]]:
    """The outputs of one sequence and the weights by age, written from the paper: tapes are lists that grow."""
    stms, ltms, read, found = [], [], np.zeros(4), []
    for x in events:
        tape = range(max(0, len(stms) - window), len(stms))
        energies = [p["v"] @ np.tanh(p["W_h"] @ stms[i] + p["W_x"] @ x + p["W_r"] @ read) for i in tape]
        powers = np.exp(energies)
        read = sum((s * stms[i] for s, i in zip(powers / powers.sum(), tape, strict=True)), np.zeros(4))
        kept = sum((s * ltms[i] for s, i in zip(powers / powers.sum(), tape, strict=True)), np.zeros(4))
        i, f, g, o = np.split(p["weight_ih"] @ x + p["bias_ih"] + p["weight_hh"] @ read + p["bias_hh"], 4)
        ltms.append(sigmoid(f) * kept + sigmoid(i) * np.tanh(g))
        stms.append(sigmoid(o) * np.tanh(ltms[-1]))
        weights = np.zeros(window)
        weights[: len(tape)] = (powers / powers.sum())[::-1]
        found.append((stms[-1], weights))
    return found


@pytest.mark.parametrize("window", [1, 3, 9])
def test_its_equations(window: int) -> None:
    cell, x = make(window), drawn(7, 2, 3)
    layer = wd.Recurrent(cell, backend="eager")
    y, _ = layer(x)
    weights = layer.activations(x)["weights"]
    p = {name: value.detach().numpy() for name, value in cell.state_dict().items()}
    for b in range(2):
        for t, (stm, shares) in enumerate(lstmn(p, x[:, b].numpy(), window)):
            assert_agree(y[t, b], torch.from_numpy(stm))
            assert_agree(weights[t, b], torch.from_numpy(shares))


def test_it_cannot_be_taken_for_one_with_another_window() -> None:
    cell, x = make(3), drawn(7, 1, 3)
    p = {name: value.detach().numpy() for name, value in cell.state_dict().items()}
    y, _ = wd.Recurrent(cell, backend="eager")(x)
    with pytest.raises(AssertionError):
        assert_agree(y[-1, 0], torch.from_numpy(lstmn(p, x[:, 0].numpy(), 2)[-1][0]))


def test_with_one_memory_it_is_the_lstm() -> None:
    cell, x = make(window=1), drawn(7, 2, 3)
    lstm = wd.cells.LSTMCell(3, 4, dtype=torch.float64)
    lstm.load_state_dict({name: cell.state_dict()[name] for name in lstm.state_dict()})
    y, tape = wd.Recurrent(cell, backend="eager")(x)
    right, (stm, ltm) = wd.Recurrent(lstm, backend="eager")(x)
    assert_agree((y, tape.stms[:, 0], tape.ltms[:, 0]), (right, stm, ltm))


def some(cell: LSTMNCell, batch: int) -> Tape:
    """A state with two entries on its tapes."""
    parts = [drawn(*part.shape, seed=seed) for seed, part in enumerate(cell.initial_state(batch))]
    filled = torch.arange(cell.window) < 2
    full = [part * filled[:, None].double() for part in parts[2:5]]
    return Tape(*(part.requires_grad_() for part in (*parts[:2], *full)), filled.double().expand(batch, -1))


def test_kernels_compute_what_the_loop_does() -> None:
    cell = make()
    results = []
    for backend in (None, "eager"):
        layer = wd.Recurrent(cell, backend=backend)
        assert layer.backend == ("eager" if backend else "llvm"), layer.fallback_reason
        x, before = drawn(7, 3, 3).requires_grad_(), some(cell, 3)
        y, tape = layer(x, before, lengths=LENGTHS, resets=RESETS)
        total = y.square().sum() + tape.keys.sum() + tape.ltms.square().sum()
        given = [x, *before[1:-1], *cell.parameters()]  # nothing looks at the short-term memory
        results.append((y, tuple(tape), torch.autograd.grad(total, given)))
    assert_agree(*results)


def test_whole_chunks_steps_lengths_and_resets_agree() -> None:
    layer, x = wd.Recurrent(make(), backend="eager"), drawn(7, 3, 3)
    y, tape = layer(x, lengths=LENGTHS, resets=RESETS)
    for b, length in enumerate(LENGTHS):
        state, outputs = None, []
        for t in range(length):
            y_t, state = layer.step(x[t, b], None if RESETS[t, b] else state)
            outputs.append(y_t)
        assert_agree(torch.stack(outputs), y[:length, b])
        assert_agree(tuple(state), tuple(part[b] for part in tape))
        assert not y[length:, b].any()
    first, state = layer(x[:2])
    second, _ = layer(x[2:], state)
    assert_same(torch.cat((first, second)), layer(x)[0])


def test_gradients() -> None:
    cell, x = make(window=2), drawn(4, 2, 3).requires_grad_()

    def outputs(x: Tensor, *_: Tensor) -> Tensor:
        return wd.Recurrent(cell, backend="eager")(x, resets=RESETS[2:6, :2])[0]

    assert torch.autograd.gradcheck(outputs, (x, *cell.parameters()), fast_mode=True)


def test_it_starts_as_an_lstm_and_without_biases_too() -> None:
    cell = LSTMNCell(3, 4, window=2, forget=wd.cells.ForgetBias(2.0))
    assert cell.attention_size == 4
    assert_same(cell.bias_ih.detach().chunk(4)[1], torch.full((4,), 2.0))
    assert LSTMNCell(3, 4, window=2, bias=False).bias_ih is None
    assert repr(cell) == "LSTMNCell(3, 4, window=2, attention_size=4)"


def test_mistakes() -> None:
    with pytest.raises(InputError, match="window must be a positive whole number; got 0"):
        LSTMNCell(3, 4, window=0)
    with pytest.raises(InputError, match="attention_size must be a positive"):
        LSTMNCell(3, 4, window=2, attention_size=-1)
    cell = LSTMNCell(3, 4, window=2)
    with pytest.raises(ShapeError, match=r"an event must be \[B, 3\]"):
        cell(torch.zeros(2, 4))
    for wrong in (torch.zeros(2, 4), LSTMNCell(3, 4, window=3).initial_state(2), cell.initial_state(3)):
        with pytest.raises(ShapeError, match=r"the state must be a Tape\('stm', .*\[2, 2, 4\].*; got"):
            cell(torch.zeros(2, 3), wrong)
    tape = cell.initial_state()
    assert isinstance(cell(torch.zeros(3), tape), Tape)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("backend", [None, "eager"])
def test_an_empty_tape_is_finite_in_reduced_formats(dtype: torch.dtype, backend: str | None) -> None:
    layer = wd.Recurrent(LSTMNCell(3, 4, window=3), backend=backend).to(dtype)
    y = layer(torch.randn(5, 2, 3, dtype=dtype))[0]
    y.float().sum().backward()
    assert y.isfinite().all()
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all() for parameter in layer.parameters()
    )
