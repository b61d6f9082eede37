"""Step of one direction of one layer, and its compiled kernel, shared by all of the same form."""

import contextlib
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.func import functional_call

from ... import cells
from ...compiler.fork_safety import compiling, lazy
from ..cell.int8_weight import NUMBERS, SCALES, keep_as_int8
from ..cell.state import tensors
from ..execution.compile_step import HALF, inner_format
from ..recurrent import Recurrent

if TYPE_CHECKING:
    from ...compiler.driver import Compiled

_compiled: "OrderedDict[Unit, Compiled | str]" = OrderedDict()
UNITS = 256
"""Units that kernels are kept for; that used longest ago goes first."""


@dataclass(frozen=True)
class Unit:
    """Unit of one direction of one layer, without the values of its parameters."""

    mode: str
    input_size: int
    hidden_size: int
    proj_size: int
    bias: bool
    dtype: torch.dtype
    int8: bool = False  # whether weights are numbers and scales
    reduced: bool = False  # whether products round to bfloat16

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the tensors by the cell's names, in torch.nn's order."""
        gates = {"LSTM": 4, "GRU": 3}.get(self.mode, 1) * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (gates, self.input_size),
            "weight_hh": (gates, self.proj_size or self.hidden_size),
        }
        if self.bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        if self.int8:
            for name in [name for name in shapes if name.startswith("weight")]:
                numbers = shapes.pop(name)
                shapes |= {name + NUMBERS: numbers, name + SCALES: (numbers[0], 1)}
        return shapes


Made = Callable[..., nn.Module]

CELLS: dict[str, Made] = {
    "LSTM": cells.LSTMCell,
    "LSTM projected": cells.ProjectedLSTMCell,
    "GRU": cells.GRUCell,
    "RNN_TANH": partial(cells.ElmanCell, nonlinearity="tanh"),
    "RNN_RELU": partial(cells.ElmanCell, nonlinearity="relu"),
}
"""Cells whose equations the layers compute, by torch.nn's name of the unit."""


def cell_of(unit: Unit) -> nn.Module:
    """Cell of a unit, with parameters that have no values."""
    projected = [unit.proj_size] if unit.proj_size else []
    made = CELLS[f"{unit.mode} projected" if projected else unit.mode]
    where = torch.device("meta")
    with temporarily_clear_interpreter_stack():  # vmap would refuse the first values, which nobody reads
        return made(
            unit.input_size, unit.hidden_size, *projected, bias=unit.bias, device=where, dtype=unit.dtype
        )


class Units(tuple[Unit, ...]):
    """Units of every layer and direction."""

    @lazy
    def kernels(self) -> "list[Compiled] | str":
        """Compiled kernels, or the reason why one cannot be made."""
        found = []
        for unit in self:
            kernel = compiled(unit)
            if isinstance(kernel, str):
                return kernel
            found.append(kernel)
        return found


@lru_cache(UNITS)
def units_of(
    mode: str,
    sizes: tuple[int, int, int],
    bias: bool,
    dtype: torch.dtype,
    layers: int,
    directions: int,
    int8: bool = False,
    reduced: bool = False,
) -> Units:
    """Units of a layer.

    Args:
        mode: As of torch.nn.RNNBase.
        sizes: Sizes of events, of the hidden state, and of the projection (or 0).
        bias: Whether there are biases.
        dtype: Format of the parameters.
        layers: Number of layers.
        directions: 1 or 2.
        int8: Whether weights are int8 and scales.
        reduced: Whether products round to bfloat16.

    Returns:
        The units of every layer and direction.
    """
    events, hidden, projected = sizes
    first = Unit(mode, events, hidden, projected, bias, dtype, int8, reduced)
    inner = Unit(mode, directions * (projected or hidden), hidden, projected, bias, dtype, int8, reduced)
    return Units([first] * directions + [inner] * (directions * (layers - 1)))


def compiled(unit: Unit) -> "Compiled | str":
    """Compiled kernel of a unit, or the reason why there is none; kept for other layers of the same form."""
    found = _compiled.get(unit)
    if found is not None:
        with contextlib.suppress(KeyError):  # another thread may just have let it go
            _compiled.move_to_end(unit)
    else:
        with compiling:
            found = _compiled.get(unit)
            if found is None:
                found = _compiled[unit] = _compile(unit)
                while len(_compiled) > UNITS:
                    _compiled.popitem(last=False)
    return found


def clear() -> None:
    """Discard the compiled kernels of all units."""
    units_of.cache_clear()
    with compiling:
        _compiled.clear()


def run_loop(
    unit: Unit, named: Mapping[str, Tensor], x: Tensor, states: Sequence[Tensor], lengths: Tensor | None
) -> tuple[Tensor, Sequence[Tensor]]:
    """Result of a unit over a sequence by an eager loop equivalent to the kernel, which torch.func can transform."""
    layer = Recurrent(cell_of(unit), returns="state", backend="eager")
    parameters = {f"cell.{name}": tensor for name, tensor in named.items()}
    state = tuple(states) if len(states) > 1 else states[0]
    y, after = functional_call(layer, parameters, (x, state, lengths))
    return y, list(tensors(after))


@torch.inference_mode(False)  # its cell is to be differentiated
def _compile(unit: Unit) -> "Compiled | str":
    from ...compiler.driver import Compiled, MatrixFormat, Refusal  # llvmlite loads slowly

    outer = unit.dtype if unit.dtype in HALF else None
    unit = replace(unit, dtype=inner_format(unit.dtype))
    cell = cell_of(unit).to_empty(device="cpu")
    matrices = MatrixFormat.BFLOAT16 if unit.reduced or outer is torch.bfloat16 else MatrixFormat.FLOAT32
    if unit.int8:
        matrices = MatrixFormat.INT8
        for name in [name for name, held in cell.named_parameters() if held.dim() == 2]:
            keep_as_int8(cell, name)

    def step(x: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        after = cell(x, tuple(states) if len(states) > 1 else states[0])
        return next(tensors(after)), list(tensors(after))

    event = torch.empty(2, unit.input_size, dtype=unit.dtype, device="cpu")
    sizes = [unit.proj_size or unit.hidden_size, *([unit.hidden_size] if unit.mode == "LSTM" else [])]
    states = [torch.empty(2, size, dtype=unit.dtype, device="cpu") for size in sizes]
    try:
        named = dict(cell.named_parameters()) | dict(cell.named_buffers())
        return Compiled(step, named, event, states, matrices=matrices, outer=outer)
    except Refusal as refusal:
        text = f"{unit.mode} runs by PyTorch's own operators, not as a kernel: {refusal}"
        warnings.warn(text, RuntimeWarning, stacklevel=2)
        return str(refusal)
