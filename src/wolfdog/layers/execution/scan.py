"""Loop over the steps as torch's scan, for exported programs with a dynamic number of steps."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from ...compiler.ragged import masked, padding_mask
from ..cell.state import State, rebuilt, select, tensors

Step = Callable[[Tensor, State, Tensor | None], tuple[Tensor, State]]
"""Function of an event, a state, and a mask of the rows that are reset to an output and the state after."""


def dynamic(steps: object) -> bool:
    """Whether a number of steps is a variable of the graph that is made."""
    from torch.fx.experimental.symbolic_shapes import has_static_value  # loads sympy

    return not has_static_value(steps)  # type: ignore[arg-type]


def scan_steps(
    step: Step, x: Tensor, state: State, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, State]:
    """Outputs and final state, as of `EagerRunner.sequence`, by one operator whose body is the step.

    Args:
        step: The step.
        x: Events [T, B, ...].
        state: State before the sequence.
        lengths: [B], or None.
        resets: [T, B], or None.
    """
    from torch._higher_order_ops.scan import scan  # loads sympy

    inputs = [x]
    if lengths is not None:
        padding = padding_mask(x.shape[0], lengths.to(x.device))  # [T, B]
        inputs = [masked(x, padding), padding]
    if resets is not None:
        inputs.append(resets)

    def body(carry: list[Tensor], now: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        before = rebuilt(state, carry)
        fresh = None if resets is None else now[-1]
        output, after = step(now[0], before, fresh)
        if lengths is not None:
            ended = now[1]
            output = masked(output, ended)
            after = select(ended, before, after)
        return _copies(tensors(after)), _copies([output])

    final, [y] = scan(body, _copies(tensors(state)), inputs)
    return y, rebuilt(state, final)


def _copies(parts: Iterable[Tensor]) -> list[Tensor]:
    """Contiguous copies: operands and results of a scan must not share memory."""
    return [part.clone(memory_format=torch.contiguous_format) for part in parts]
