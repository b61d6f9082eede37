"""Initialisation of cells for long time lags.

- Recurrent matrices are orthogonal, gate by gate (Saxe, McClelland and Ganguli 2014): they preserve the norm of the
  state.
- Input matrices are uniform after Glorot and Bengio 2010, gate by gate.
- Biases of forget gates depend on the expected time span: `Chrono` (the default) or `ForgetBias`.
- Peepholes start at zero, except the restoring one of the full PeepholeLSTMCell. All other biases start at zero.

Some cells have two biases for one gate, as torch.nn's have. Only their sum matters: the first one is initialised as
above, the second is zero.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from ..errors import InputError


@dataclass(frozen=True)
class Chrono:
    """Chrono initialisation: gate biases by the expected time span T in steps, for memories that last 2 to T steps.

        b_f ~ log U(1, T - 1),    b_i = -b_f

    A gate with bias b keeps sigmoid(b) of its memory at each step, so the memory lasts 1 + exp(b) steps: uniform on [2,
    T]. In a GRU, where one gate keeps and learns, that gate gets b_f.

    Uniform time spans are nearly all long: of T = 1000, one unit in ten lasts less than 100 steps. With
    `spread="log"` the biases are uniform instead,

        b_f ~ U(0, log(T - 1)),    b_i = -b_f

    and every order of magnitude of time spans gets as many units. Counting and other tasks with events a few steps
    apart are then learned in fewer steps.

    Source: Tallec and Ollivier 2018, "Can recurrent neural networks warp time?".

    Args:
        time_span: T, a number of steps.
        spread: "uniform" or "log", the distribution of time spans.

    Raises:
        InputError: The time span is less than 2, or there is no such spread.

    Examples:
        >>> forget, learn = Chrono(100).biases(4, torch.device("cpu"), torch.float64)
        >>> bool((forget >= 0).all()), bool((learn == -forget).all())
        (True, True)
    """

    time_span: float = 1000.0
    spread: Literal["uniform", "log"] = field(default="uniform", kw_only=True)

    def __post_init__(self) -> None:
        if self.spread not in ("uniform", "log"):
            raise InputError(f'Chrono: spread must be "uniform" or "log"; got {self.spread!r}')
        if not 2 <= self.time_span < float("inf"):
            raise InputError(
                f"Chrono: time_span must be a number of steps from 2 upwards; got {self.time_span!r}"
            )

    def biases(self, size: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Biases of the forget gate and of the input gate, [size] each.

        Args:
            size: Number of units.
            device: Device of the biases.
            dtype: Type of the biases.

        Returns:
            Both biases.
        """
        forget = torch.empty(size, device=device, dtype=dtype)
        if self.spread == "log":
            forget.uniform_(0, math.log(self.time_span - 1))
        else:
            forget.uniform_(1, self.time_span - 1).log_()
        return forget, -forget


@dataclass(frozen=True)
class ForgetBias:
    """Constant bias of the forget gate; zero bias of the input gate.

    Source: Gers, Schmidhuber and Cummins 2000, "Learning to forget"; the value 1: Jozefowicz, Zaremba and Sutskever
    2015, "An empirical exploration of recurrent network architectures".

    Args:
        value: The bias.

    Raises:
        InputError: The value is not finite.

    Examples:
        >>> ForgetBias(2.0).biases(3, torch.device("cpu"), torch.float32)
        (tensor([2., 2., 2.]), tensor([0., 0., 0.]))
    """

    value: float = 1.0

    def __post_init__(self) -> None:
        if not float("-inf") < self.value < float("inf"):
            raise InputError(f"ForgetBias: value must be a finite number; got {self.value!r}")

    def biases(self, size: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Biases of the forget gate and of the input gate, [size] each.

        Args:
            size: Number of units.
            device: Device of the biases.
            dtype: Type of the biases.

        Returns:
            Both biases.
        """
        return torch.full((size,), self.value, device=device, dtype=dtype), torch.zeros(
            size, device=device, dtype=dtype
        )


Forget: TypeAlias = Chrono | ForgetBias


def check_forget(forget: Forget | None, bias: bool) -> Forget | None:
    """Initialisation of forget biases: `Chrono()` by default, None for a cell without biases.

    Raises:
        InputError: The option is of another type, or the cell has no biases and an option.
    """
    if not bias:
        if forget is not None:
            raise InputError(f"forget={forget!r} sets biases, but bias=False: leave one of the two out")
        return None
    if forget is None:
        return Chrono()
    if not isinstance(forget, Chrono | ForgetBias):
        raise InputError(f"forget must be Chrono(time_span) or ForgetBias(value); got {forget!r}")
    return forget


def parameter_factory(
    device: torch.device | str | None, dtype: torch.dtype | None
) -> Callable[..., nn.Parameter]:
    """Constructor of uninitialised parameters, called with their sizes.

    Examples:
        >>> parameter_factory("cpu", torch.float64)(2, 3).shape
        torch.Size([2, 3])
    """
    return lambda *sizes: nn.Parameter(torch.empty(sizes, device=device, dtype=dtype))


@torch.no_grad()
def init_forget_bias_(option: Forget, forget: Tensor, learn: Tensor | None = None) -> None:
    """Fill the bias of the forget gate, and of the input gate if there is one; [H] each."""
    # "meta" tensors have no data, and drawing random numbers there imports PyTorch's compiler, which takes a second.
    if forget.is_meta:
        return
    forget_bias, learn_bias = option.biases(len(forget), forget.device, forget.dtype)
    forget.copy_(forget_bias)
    if learn is not None:
        learn.copy_(learn_bias)


@torch.no_grad()
def init_packed_weights_(weight_ih: Tensor, weight_hh: Tensor, gates: int) -> None:
    """Fill torch.nn's packed matrices, [gates * H, I] and [gates * H, H], gate by gate."""
    for block in weight_ih.chunk(gates):
        nn.init.xavier_uniform_(block)
    for block in weight_hh.chunk(gates):
        init_orthogonal_(block)


@torch.no_grad()
def init_gate_(gate: nn.Linear, hidden_size: int, *, peephole: bool = False) -> None:
    """Fill a gate over [STM, E], or over [LTM, STM, E] with a peephole; its bias becomes zero."""
    columns = gate.weight
    if peephole:
        nn.init.zeros_(columns[:, :hidden_size])
        columns = columns[:, hidden_size:]
    init_orthogonal_(columns[:, :hidden_size])
    nn.init.xavier_uniform_(columns[:, hidden_size:])
    if gate.bias is not None:
        nn.init.zeros_(gate.bias)


def init_orthogonal_(block: Tensor) -> None:
    """Fill a matrix with orthonormal rows or columns, in any floating point format."""
    # PyTorch has the QR decomposition for float32 and float64 only.
    wide = torch.promote_types(block.dtype, torch.float32)
    block.copy_(nn.init.orthogonal_(torch.empty(block.shape, device=block.device, dtype=wide)))
