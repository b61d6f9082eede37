"""Parameters in torch.nn's names and layout, so that state_dicts fit torch.nn's cells and ours alike."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from .initialisation import packed_weights_
from .masks import Masked


class PackedParameters(Masked):
    """Gates one below the other: weight_ih [gates * H, I], weight_hh [gates * H, H], biases [gates * H].

    A unit whose short-term memory is narrower than H has a weight_hh of as many columns.
    """

    weight_ih: nn.Parameter
    weight_hh: nn.Parameter
    bias_ih: nn.Parameter | None
    bias_hh: nn.Parameter | None

    def add_packed_parameters(
        self,
        gates: int,
        input_size: int,
        hidden_size: int,
        bias: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
        memory_size: int | None = None,
    ) -> None:
        """Register the parameters, uninitialised; without biases, bias_ih and bias_hh are None."""

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.weight_ih = parameter(gates * hidden_size, input_size)
        self.weight_hh = parameter(gates * hidden_size, memory_size or hidden_size)
        self.register_parameter("bias_ih", parameter(gates * hidden_size) if bias else None)
        self.register_parameter("bias_hh", parameter(gates * hidden_size) if bias else None)

    @torch.no_grad()
    def reset_packed_parameters(self, gates: int) -> tuple[Tensor, ...]:
        """Glorot input weights, orthogonal recurrent weights, biases zero: the blocks of bias_ih, if there are any."""
        packed_weights_(self.weight_ih, self.weight_hh, gates)
        if self.bias_ih is None or self.bias_hh is None:
            return ()
        nn.init.zeros_(self.bias_ih)
        nn.init.zeros_(self.bias_hh)
        return self.bias_ih.chunk(gates)

    def gates_of(self, event: Tensor, stm: Tensor) -> Tensor:
        """W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh, [B, gates * H]."""
        return linear(event, self.weight_ih, self.bias_ih) + linear(
            self.recalled(stm), self.weight_hh, self.bias_hh
        )
