"""Calls that torch.compile excludes from its graphs. Importing this module loads torch.compile."""

from typing import Any

import torch
from torch import nn

_REASON = (
    "wolfdog: a layer runs beside the graph, over a PackedSequence, whose layout depends on values, or over a cell "
    "that reads what no guard of a graph can watch; outside of torch.compile a warning names it"
)


@torch.compiler.disable(reason=_REASON)  # type: ignore[no-untyped-call, untyped-decorator]
def outside_graph(layer: nn.Module, method: str, *arguments: Any) -> Any:
    """Result of a layer's method that runs as outside of torch.compile.

    Args:
        layer: The layer.
        method: Name of the method, as "forward".
        *arguments: Arguments of the method.
    """
    return getattr(layer, method)(*arguments)
