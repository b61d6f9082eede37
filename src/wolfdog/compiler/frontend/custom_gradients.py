"""Detection of custom gradients, which a trace of operations does not show.

A `torch.autograd.Function` has its own backward pass, and `torch.no_grad` stops gradients; a trace has the same
operations with and without them. So the step also runs once under autograd, and its graph is inspected.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction
from torch.overrides import TorchFunctionMode

from ..errors import Refusal

Step = Callable[[Tensor, Sequence[Tensor]], tuple[Tensor, Sequence[Tensor]]]
"""Function of an event and states to an output and the next states."""


class _Switches(TorchFunctionMode):
    """Mode that refuses a step that switches gradients off or on."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch._C._set_grad_enabled:
            raise Refusal("the step turns gradients off for some of its operations")
        return func(*args, **(kwargs or {}))


def _unpacked(tensor: Tensor) -> Tensor:
    return tensor


def check_gradients(step: Step, event: Tensor, states: Sequence[Tensor]) -> None:
    """Raise Refusal where a gradient of the step is not that of its operations."""
    # This graph must not reach hooks of the caller on saved tensors (torch.utils.checkpoint counts them). A hook that
    # keeps a saved output itself would make a reference cycle with its graph, which no garbage collector sees.
    unseen = torch.autograd.graph.saved_tensors_hooks(Tensor.detach, _unpacked)
    with torch.enable_grad(), torch.autocast(event.device.type, enabled=False), unseen:
        given = [t.clone().requires_grad_(t.is_floating_point()).clone() for t in (event, *states)]
        with _Switches():
            y, after = step(given[0], given[1:])
    seen: set[Any] = set()
    left = [tensor.grad_fn for tensor in (y, *after) if tensor.grad_fn is not None]
    while left:
        node = left.pop()
        if node in seen:
            continue
        seen.add(node)
        if issubclass(type(node), BackwardCFunction):
            name = type(node).__name__.removesuffix("Backward")
            raise Refusal(f"{name}, a torch.autograd.Function, has a gradient of its own")
        left += [before for before, _ in node.next_functions if before is not None]
