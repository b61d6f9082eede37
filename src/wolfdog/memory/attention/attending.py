"""Attention over the outputs of a recurrent layer."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from ...errors import InputError, ShapeError
from ...layers import Recurrent
from ...layers.cell.state import State
from ...layers.cell.symbolic_trace import SYMBOLIC, traced_call
from .attention import Attention

Join = Literal["concatenate", "add", "context"]


class Attending(nn.Module):
    """Recurrent layer with attention over its own past outputs.

        h_t = layer(x_t)
        c_t = attention over h_{t-W+1}, ..., h_t with the query h_t
        y_t = [h_t, c_t]          join="concatenate"
        y_t = h_t + c_t           join="add"
        y_t = c_t                 join="context", for LuongAttention, whose outputs contain h_t

    Calls and `step` are those of `Attention`. The state is a pair: the layer's state, and the attention's `Past`.

    Source: after Daniluk et al. 2017, "Frustratingly short attention spans in neural language modeling".

    Args:
        layer: A `wd.Recurrent` with any cell.
        attention: An attention of `wd.memory` with a window, whose input_size is the layer's output_size.
        join: "concatenate", "add" or "context".

    Raises:
        InputError: The layer or attention is of another type, their layouts differ, `join` is unknown, or the attention
            has no window.

    Examples:
        >>> import wolfdog as wd
        >>> layer = Attending(wd.Recurrent(wd.cells.GRUCell(3, 8)), wd.memory.MultiHeadAttention(8, heads=2, window=50))
        >>> y, state = layer(torch.randn(20, 4, 3))
        >>> y_next, state = layer.step(torch.randn(4, 3), state)
        >>> y.shape, y_next.shape
        (torch.Size([20, 4, 16]), torch.Size([4, 16]))
    """

    def __init__(self, layer: Recurrent, attention: Attention, *, join: Join = "concatenate") -> None:
        super().__init__()
        if not isinstance(layer, Recurrent) or not isinstance(attention, Attention):
            raise InputError(
                "Attending takes a wd.Recurrent and an attention of wd.memory; got "
                f"{type(layer).__name__} and {type(attention).__name__}"
            )
        if layer.batch_first != attention.batch_first:
            raise InputError(
                f"layer and attention must have the same layout; got batch_first={layer.batch_first} and "
                f"{attention.batch_first}"
            )
        if join not in get_args(Join):
            raise InputError(f"join must be one of {', '.join(map(repr, get_args(Join)))}; got {join!r}")
        if attention.window is None:
            raise InputError("Attending needs an attention with a window (its number of visible outputs)")
        self.layer, self.attention, self.join = layer, attention, join

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
        times: Tensor | None = None,
        need_weights: bool = False,
    ) -> tuple[Any, ...]:
        """Outputs and state of a sequence.

        Args:
            x: As of `Attention.forward`.
            state: As of `Attention.forward`.
            lengths: As of `Attention.forward`.
            resets: As of `Attention.forward`.
            times: As of `Attention.forward`.
            need_weights: Whether the attention weights are returned.

        Returns:
            (y, state), or (y, state, weights) if `need_weights`.
        """
        if isinstance(x, SYMBOLIC):
            options = {
                "lengths": lengths,
                "resets": resets,
                "times": times,
                "need_weights": need_weights or None,
            }
            return traced_call(self, x, state=state, **options)
        layer_state, past = _pair(state)
        h, layer_state = self.layer(x, layer_state, lengths, resets)
        c, past, *weights = self.attention(
            h, past, lengths=lengths, resets=resets, times=times, need_weights=need_weights
        )
        return (self._joined(h, c), (layer_state, past), *weights)

    def step(
        self, x_t: Tensor, state: State | None = None, *, time: Any = None, need_weights: bool = False
    ) -> tuple[Any, ...]:
        """Output and state of one event.

        Args:
            x_t: As of `Attention.step`.
            state: As of `Attention.step`.
            time: As of `Attention.step`.
            need_weights: Whether the attention weights are returned.

        Returns:
            (y_t, state), or (y_t, state, weights) if `need_weights`.
        """
        layer_state, past = _pair(state)
        h, layer_state = self.layer.step(x_t, layer_state)
        attend: Any = self.attention.step
        c, past, *weights = attend(h, past, time=time, need_weights=need_weights)
        return (self._joined(h, c), (layer_state, past), *weights)

    def extra_repr(self) -> str:
        return f"join={self.join!r}"

    def _joined(self, h: Tensor, c: Tensor) -> Tensor:
        if self.join == "concatenate":
            return torch.cat((h, c), -1)
        if self.join == "context":
            return c
        if h.shape != c.shape:
            raise ShapeError(
                f'join="add" needs outputs of the layer and of attention of one size; got {h.shape[-1]} '
                f"and {c.shape[-1]}"
            )
        return h + c


def _pair(state: State | None) -> tuple[Any, Any]:
    if state is None:
        return None, None
    if not isinstance(state, tuple) or len(state) != 2:
        raise ShapeError("the state must be a pair: the layer's state, and the attention's Past")
    return state
