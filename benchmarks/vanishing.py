"""Training with a loss of the last output alone: the gradient vanishes on its way to the first event.

There it becomes subnormal, below 1.2e-38, and processors of x86-64 are slow with such numbers. Layers begin with the
same weights, PyTorch's initial ones.
"""

import torch
from torch import Tensor, nn

import wolfdog as wd
from timing import disagreement, in_turn, subnormals_as_zeros

LAYERS = {"LSTM": (wd.LSTM, nn.LSTM), "GRU": (wd.GRU, nn.GRU), "Elman": (wd.RNN, nn.RNN)}
STEPS = (100, 400, 1600)
BATCH, UNITS = 32, 64


def vanishing_row(name: str, steps: int, seconds: float) -> dict[str, float | str]:
    """Milliseconds of a training step, ours and torch.nn's, the latter also with subnormal numbers as zeros.

    Raises RuntimeError where gradients differ: then there is nothing to compare.
    """
    torch.manual_seed(0)
    ours, theirs = (make(UNITS, UNITS) for make in LAYERS[name])
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(steps, BATCH, UNITS)
    error = disagreement(_gradients(ours, x), _gradients(theirs, x))
    if error > 1e-3:
        raise RuntimeError(f"{name}: gradients of wolfdog and torch.nn differ by {error:.1e} of the largest")
    times = in_turn(
        {
            "wolfdog": lambda: _gradients(ours, x),
            "torch.nn": lambda: _gradients(theirs, x),
            "torch.nn, zeros": lambda: _with_zeros(theirs, x),
        },
        seconds,
    )
    return {"cell": name, "steps": steps, "batch": BATCH, "units": UNITS} | times


def _gradients(layer: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    y, _ = layer(x)
    return torch.autograd.grad(y[-1].square().mean(), list(layer.parameters()))


def _with_zeros(layer: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    with subnormals_as_zeros():
        return _gradients(layer, x)
