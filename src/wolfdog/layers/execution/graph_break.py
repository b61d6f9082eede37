"""Calls that torch.compile excludes from its graphs. Importing this module loads torch.compile."""

from typing import Any

import torch
from torch import nn

_REASON = (
    "wolfdog: a layer runs beside the graph, over a PackedSequence, whose layout depends on values, or over a cell "
    "that reads what no guard of a graph can watch; outside of torch.compile a warning names it"
)


@torch.compiler.disable(reason=_REASON)  # type: ignore[no-untyped-call, untyped-decorator]
def outside_graph(layer: nn.Module, *arguments: Any) -> Any:
    """Result of a layer that runs as outside of torch.compile.

    Args:
        layer: The layer.
        *arguments: Arguments of its `forward`.
    """
    return layer.forward(*arguments)


@torch.compiler.disable(reason=_REASON)  # type: ignore[no-untyped-call, untyped-decorator]
def step_outside_graph(layer: Any, *arguments: Any) -> Any:
    """Result of a single step of a layer that runs as outside of torch.compile.

    Args:
        layer: The layer.
        *arguments: Arguments of its `step`.
    """
    return layer.step(*arguments)
