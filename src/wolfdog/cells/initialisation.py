"""How the units' parameters start, so that a gated unit bridges long gaps from the first step of training.

- Recurrent matrices are orthogonal, gate by gate (Saxe, McClelland and Ganguli 2014): they neither shrink nor
  stretch what they carry.
- Input matrices are drawn after Glorot and Bengio 2010 (uniform), gate by gate.
- Gates that keep get a bias by the time span over which they shall keep: `Chrono` (the default) or
  `ForgetBias`.
- Peepholes start at zero, but for the restoring one of the full PeepholeLSTM; so does every other bias.

Where a unit has two biases for one gate, as torch.nn's have, only their sum counts: the first carries it, the
second is zero.
"""

from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from ..errors import InputError


@dataclass(frozen=True)
class Chrono:
    """Biases by the expected time span T, in steps: gates whose memories last from 2 to T steps.

        b_f ~ log U(1, T - 1),    b_i = -b_f

    A gate with bias b keeps sigmoid(b) of its memory at each step, so that the memory lasts 1 + exp(b) steps:
    uniform on [2, T]. In a GRU, where one gate both keeps and learns, the gate that keeps gets b_f.

    Source: Tallec and Ollivier 2018, "Can recurrent neural networks warp time?".
    Raises InputError for a time span under 2.

    >>> forget, learn = Chrono(100).biases(4, torch.device("cpu"), torch.float64)
    >>> bool((forget >= 0).all()), bool((learn == -forget).all())
    (True, True)
    """

    time_span: float = 1000.0

    def __post_init__(self) -> None:
        if not 2 <= self.time_span < float("inf"):
            raise InputError(
                f"Chrono: time_span must be a number of steps from 2 upwards; got {self.time_span!r}"
            )

    def biases(self, size: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The biases of the forget gate and of the input gate, [size] each."""
        forget = torch.empty(size, device=device, dtype=dtype).uniform_(1, self.time_span - 1).log()
        return forget, -forget


@dataclass(frozen=True)
class ForgetBias:
    """One bias for the whole forget gate, and none for the input gate.

    Source: Gers, Schmidhuber and Cummins 2000; the value 1, Jozefowicz, Zaremba and Sutskever 2015.
    Raises InputError for a value that is not finite.

    >>> ForgetBias(2.0).biases(3, torch.device("cpu"), torch.float32)
    (tensor([2., 2., 2.]), tensor([0., 0., 0.]))
    """

    value: float = 1.0

    def __post_init__(self) -> None:
        if not float("-inf") < self.value < float("inf"):
            raise InputError(f"ForgetBias: value must be a finite number; got {self.value!r}")

    def biases(self, size: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The biases of the forget gate and of the input gate, [size] each."""
        return torch.full((size,), self.value, device=device, dtype=dtype), torch.zeros(
            size, device=device, dtype=dtype
        )


Forget: TypeAlias = Chrono | ForgetBias


def forget_option(forget: Forget | None, bias: bool) -> Forget | None:
    """The option that a unit goes by: `Chrono()` where none is given, and none for a unit without biases.

    Raises InputError for a unit without biases that is given one, and for anything that is no such option.
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


@torch.no_grad()
def keep_(option: Forget, forget: Tensor, learn: Tensor | None = None) -> None:
    """Fill the bias of the gate that keeps, and of the gate that learns where there is one; [H] each."""
    if (
        forget.is_meta
    ):  # has no numbers; to draw some there, PyTorch would import its compiler, which takes a second
        return
    keeping, learning = option.biases(len(forget), forget.device, forget.dtype)
    forget.copy_(keeping)
    if learn is not None:
        learn.copy_(learning)


@torch.no_grad()
def packed_weights_(weight_ih: Tensor, weight_hh: Tensor, gates: int) -> None:
    """Fill torch.nn's packed matrices, [gates * H, I] and [gates * H, H], gate by gate."""
    for block in weight_ih.chunk(gates):
        nn.init.xavier_uniform_(block)
    for block in weight_hh.chunk(gates):
        orthogonal_(block)


@torch.no_grad()
def gate_(gate: nn.Linear, hidden_size: int, peephole: bool = False) -> None:
    """Fill a gate over [STM, E], or over [LTM, STM, E] with a peephole; its bias becomes zero."""
    columns = gate.weight
    if peephole:
        nn.init.zeros_(columns[:, :hidden_size])
        columns = columns[:, hidden_size:]
    orthogonal_(columns[:, :hidden_size])
    nn.init.xavier_uniform_(columns[:, hidden_size:])
    if gate.bias is not None:
        nn.init.zeros_(gate.bias)


def orthogonal_(block: Tensor) -> None:
    # The QR decomposition behind it exists for float32 and float64 only.
    wide = torch.promote_types(block.dtype, torch.float32)
    block.copy_(nn.init.orthogonal_(torch.empty(block.shape, device=block.device, dtype=wide)))
