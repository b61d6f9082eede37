"""One direction of one layer: its step, and what is compiled of it, once for all like it."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import linear

from ...compiler.fork_safety import compiling, lazy
from ..cell.state import tensors
from ..recurrent import Recurrent

if TYPE_CHECKING:
    from ...compiler.driver import Compiled

_compiled: "dict[Unit, Compiled | str]" = {}


@dataclass(frozen=True)
class Unit:
    """What one direction of one layer computes, but for the numbers in its parameters."""

    mode: str
    input_size: int
    hidden_size: int
    proj_size: int
    bias: bool
    dtype: torch.dtype

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters' shapes by the cell's names, in torch.nn's order."""
        gates = {"LSTM": 4, "GRU": 3}.get(self.mode, 1) * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (gates, self.input_size),
            "weight_hh": (gates, self.proj_size or self.hidden_size),
        }
        if self.bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes


class UnitCell(nn.Module):
    """One step of a unit: its equations, with parameters that hold nobody's numbers.

    h is [B, P] where it is projected: W_hr (o * tanh(c)), and what the gates read. Source of that: Sak, Senior and
    Beaufays 2014, "Long short-term memory based recurrent neural network architectures".
    """

    weight_ih: nn.Parameter
    weight_hh: nn.Parameter
    weight_hr: nn.Parameter | None
    bias_ih: nn.Parameter | None
    bias_hh: nn.Parameter | None

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self.mode = unit.mode
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"):
            shape = unit.shapes.get(name)
            empty = None if shape is None else torch.empty(shape, dtype=unit.dtype, device="cpu")
            self.register_parameter(name, None if empty is None else nn.Parameter(empty))

    def forward(self, x: Tensor, state: Any) -> Any:
        h = state[0] if self.mode == "LSTM" else state
        from_x = linear(x, self.weight_ih, self.bias_ih)
        from_h = linear(h, self.weight_hh, self.bias_hh)
        if self.mode == "LSTM":
            i, f, g, o = (from_x + from_h).chunk(4, -1)
            c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            return (h if self.weight_hr is None else linear(h, self.weight_hr)), c
        if self.mode == "GRU":
            (r_x, z_x, n_x), (r_h, z_h, n_h) = from_x.chunk(3, -1), from_h.chunk(3, -1)
            z = torch.sigmoid(z_x + z_h)
            n = torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h)
            return (1 - z) * n + z * h
        return torch.relu(from_x + from_h) if self.mode == "RNN_RELU" else torch.tanh(from_x + from_h)


class Units(tuple[Unit, ...]):
    """What every layer and direction computes."""

    @lazy
    def kernels(self) -> "list[Compiled] | str":
        """What is compiled for each, or why one cannot be."""
        found = []
        for unit in self:
            kernel = compiled(unit)
            if isinstance(kernel, str):
                return kernel
            found.append(kernel)
        return found


@cache
def units_of(
    mode: str, sizes: tuple[int, int, int], bias: bool, dtype: torch.dtype, layers: int, directions: int
) -> Units:
    """The units of a layer; sizes of events, of hidden units, and projected (or 0)."""
    events, hidden, projected = sizes
    first = Unit(mode, events, hidden, projected, bias, dtype)
    inner = Unit(mode, directions * (projected or hidden), hidden, projected, bias, dtype)
    return Units([first] * directions + [inner] * (directions * (layers - 1)))


def compiled(unit: Unit) -> "Compiled | str":
    """What is compiled for a unit, or why it cannot be; it is kept, so that a second layer like it costs nothing."""
    found = _compiled.get(unit)
    if found is None:
        with compiling:
            found = _compiled.get(unit)
            if found is None:
                found = _compiled[unit] = _compile(unit)
    return found


def run_loop(
    unit: Unit, named: Mapping[str, Tensor], x: Tensor, states: Sequence[Tensor], lengths: Tensor | None
) -> tuple[Tensor, Sequence[Tensor]]:
    """A unit over a sequence by the loop that kernels stand for: what torch.func's transforms can take apart."""
    layer = Recurrent(UnitCell(unit), returns="state", backend="eager")
    parameters = {f"cell.{name}": tensor for name, tensor in named.items()}
    state = tuple(states) if len(states) > 1 else states[0]
    y, after = functional_call(layer, parameters, (x, state, lengths))
    return y, list(tensors(after))


@torch.inference_mode(False)  # its cell is to be differentiated
def _compile(unit: Unit) -> "Compiled | str":
    from ...compiler.driver import Compiled, Refusal  # llvmlite loads slowly

    cell = UnitCell(unit)

    def step(x: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        after = cell(x, tuple(states) if len(states) > 1 else states[0])
        return next(tensors(after)), list(tensors(after))

    event = torch.empty(2, unit.input_size, dtype=unit.dtype, device="cpu")
    sizes = [unit.proj_size or unit.hidden_size, *([unit.hidden_size] if unit.mode == "LSTM" else [])]
    states = [torch.empty(2, size, dtype=unit.dtype, device="cpu") for size in sizes]
    try:
        return Compiled(step, dict(cell.named_parameters()), event, states)
    except Refusal as refusal:
        text = f"{unit.mode} runs by PyTorch's own operators, not as a kernel: {refusal}"
        warnings.warn(text, RuntimeWarning, stacklevel=2)
        return str(refusal)
