"""Parameters in torch.nn's names and layout, so that state_dicts are exchangeable with torch.nn's cells."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from .initialisation import init_packed_weights_, parameter_factory
from .masks import Masked


class PackedParameters(Masked):
    """Parameters of all gates, stacked by rows: weight_ih [gates * H, I], weight_hh [gates * H, H], biases [gates * H].

    A cell whose short-term memory has P features has a weight_hh of P columns.
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
        *,
        memory_size: int | None = None,
    ) -> None:
        """Register uninitialised parameters; bias_ih and bias_hh are None without biases."""
        parameter = parameter_factory(device, dtype)
        self.weight_ih = parameter(gates * hidden_size, input_size)
        self.weight_hh = parameter(gates * hidden_size, memory_size or hidden_size)
        self.register_parameter("bias_ih", parameter(gates * hidden_size) if bias else None)
        self.register_parameter("bias_hh", parameter(gates * hidden_size) if bias else None)

    @torch.no_grad()
    def reset_packed_parameters(self, gates: int) -> tuple[Tensor, ...]:
        """Initialise: Glorot input weights, orthogonal recurrent weights, zero biases.

        Returns:
            The blocks of bias_ih, one for each gate; none without biases.
        """
        init_packed_weights_(self.weight_ih, self.weight_hh, gates)
        if self.bias_ih is None or self.bias_hh is None:
            return ()
        nn.init.zeros_(self.bias_ih)
        nn.init.zeros_(self.bias_hh)
        return self.bias_ih.chunk(gates)

    def gates_of(self, event: Tensor, stm: Tensor) -> Tensor:
        """Pre-activations of all gates, W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh, [B, gates * H]."""
        return linear(event, self.weight_ih, self.bias_ih) + linear(
            self.recalled(stm), self.weight_hh, self.bias_hh
        )
