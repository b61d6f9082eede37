"""Attention with learned queries over a memory bank."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...cells.cell import positive
from ...cells.initialisation import parameter_factory
from ...errors import InputError, ShapeError
from ...layers.cell.arguments import described
from ..arguments import checked_time
from ..attention.positions import RelativeTime
from ..attention.weighting import Weighting, check_weighting, weights_of
from .bank import MemoryBank


class BankReader(nn.Module):
    """Multi-head attention over a memory bank.

        head_h = sum_i softmax_i((W_q x + b_q)_h . m_i / sqrt(N) + b_h(time - time_i)) m_i
        y      = W_o [head_1, ..., head_n] + b_o

    This is multi-head attention whose key and value matrices are merged into W_q and W_o: entries are read as they are
    stored, at any number, and training does not make stored entries stale.

    `reader(x, bank)` takes x [B, I] or [I].

    Source: Vaswani et al. 2017, "Attention is all you need".

    Args:
        input_size: Features of a query's input, I.
        entry_size: Features of an entry, N.
        heads: Number of heads.
        output_size: Features of an output; None for `input_size`.
        position: `RelativeTime()` for the learned bias b_h; None to ignore times.
        weighting: "softmax" as written above, or "stick-breaking" for the weights of `stick_breaking` in its place,
            by which an entry hides older ones that match too.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer, the position encoding is of another type, or there is no such
            weighting.

    Examples:
        >>> bank = MemoryBank(entry_size=4, capacity=100)
        >>> kept = bank.write(torch.randn(4), time=0.0)
        >>> reader = BankReader(8, entry_size=4, heads=2, position=RelativeTime(longest=86_400.0))
        >>> y, weights = reader(torch.randn(3, 8), bank, time=60.0, need_weights=True)
        >>> y.shape, weights.shape
        (torch.Size([3, 8]), torch.Size([3, 2, 1]))
    """

    def __init__(
        self,
        input_size: int,
        entry_size: int,
        *,
        heads: int = 1,
        output_size: int | None = None,
        position: RelativeTime | None = None,
        weighting: Weighting = "softmax",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size, self.entry_size = (
            positive("input_size", input_size),
            positive("entry_size", entry_size),
        )
        self.heads = positive("heads", heads)
        self.output_size = input_size if output_size is None else positive("output_size", output_size)
        if position is not None and not isinstance(position, RelativeTime):
            raise InputError(
                f"a bank stores times, not positions: position must be RelativeTime() or None; got {position!r}"
            )
        self.position, self.weighting = position, check_weighting(weighting)
        parameter = parameter_factory(device, dtype)
        self.W_q, self.b_q = parameter(heads * entry_size, input_size), parameter(heads * entry_size)
        self.W_o, self.b_o = parameter(self.output_size, heads * entry_size), parameter(self.output_size)
        self.time_bias: nn.Parameter | None
        self.register_parameter("time_bias", parameter(heads, position.knots) if position else None)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: Glorot matrices, zero biases."""
        for parameter in self.parameters():
            nn.init.zeros_(parameter)
        nn.init.xavier_uniform_(self.W_q)
        nn.init.xavier_uniform_(self.W_o)

    def forward(
        self,
        x: Tensor,
        bank: MemoryBank,
        *,
        time: Tensor | float | None = None,
        bias: Tensor | None = None,
        need_weights: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Read a bank.

        Args:
            x: Inputs of the queries, [B, I] or [I].
            bank: The memory bank.
            time: Seconds, [B] or one number; required by `RelativeTime`.
            bias: Additive bias of the energies, [B, heads, n] or [heads, n] in the order of `bank.entries`.
            need_weights: Whether to return the weights.

        Returns:
            y [B, O], or (y, weights) with weights [B, heads, n] in the order of `bank.entries`.

        Raises:
            ShapeError: A shape or type is wrong.
            InputError: The time is missing, or is given although it is not used.
        """
        if x.dim() not in (1, 2) or x.shape[-1] != self.input_size or bank.entry_size != self.entry_size:
            raise ShapeError(
                f"BankReader takes [B, {self.input_size}], or [{self.input_size}] without a batch, and a bank with "
                f"entry_size={self.entry_size}; got {described(x)} and {bank!r}"
            )
        rows = x if x.dim() == 2 else x[None]
        when = checked_time(time, len(rows), x.dim() == 2, self.position is not None, x.device)
        queries = linear(rows, self.W_q, self.b_q).view(len(rows), self.heads, self.entry_size)
        if self.position is not None and self.time_bias is not None:
            of_time = self.position.bias((when - bank.times)[:, None], self.time_bias).squeeze(2)
            bias = of_time if bias is None else bias + of_time
        heads, weights = bank.read(queries, bias, weighting=self.weighting)
        y = linear(heads.flatten(1), self.W_o, self.b_o)
        if x.dim() == 1:
            y, weights = y[0], weights[0]
        return (y, weights) if need_weights else y

    def over(
        self,
        x: Tensor,
        entries: Tensor,
        held: Tensor,
        *,
        elapsed: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Read several banks, given as tensors, in one differentiable call.

        Args:
            x: Inputs of T queries of each of B banks, [B, T, I].
            entries: [B, n, N], the oldest first; gradients reach them.
            held: Booleans [B, T, n]: True for visible entries.
            elapsed: Seconds since the entries were observed, [B, T, n] or [1, T, n]; for `RelativeTime`.
            bias: Additive bias of the energies, [B, heads, T, n], as of `Forgetting`.

        Returns:
            y [B, T, O] and weights [B, heads, T, n]; weights are zero if nothing is visible.
        """
        B, T, _ = x.shape
        queries = linear(x, self.W_q, self.b_q).view(B, T, self.heads, self.entry_size)
        queries = queries.transpose(1, 2).flatten(1, 2)  # [B, heads T, N]
        energies = (queries @ entries.transpose(1, 2)).view(B, self.heads, T, -1) / math.sqrt(self.entry_size)
        if self.position is not None and self.time_bias is not None and elapsed is not None:
            energies = energies + self.position.bias(elapsed, self.time_bias)
        if bias is not None:
            energies = energies + bias
        weights = weights_of(self.weighting, energies, held[:, None])
        heads = (weights.flatten(1, 2) @ entries).view(B, self.heads, T, self.entry_size)
        return linear(heads.transpose(1, 2).flatten(2), self.W_o, self.b_o), weights

    def extra_repr(self) -> str:
        shown = f"{self.input_size}, {self.entry_size}, heads={self.heads}, output_size={self.output_size}"
        shown += "" if self.position is None else f", {self.position!r}"
        return shown if self.weighting == "softmax" else f"{shown}, weighting={self.weighting!r}"
