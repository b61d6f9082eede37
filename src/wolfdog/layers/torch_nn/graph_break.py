"""Calls that torch.compile excludes from its graphs. Importing this module loads torch.compile."""

from typing import Any

import torch
from torch import nn


@torch.compiler.disable  # type: ignore[untyped-decorator]
def outside_graph(layer: nn.Module, events: Any, hx: Any) -> Any:
    """Result of a layer over a PackedSequence, whose layout depends on values, which a graph does not read."""
    return layer.forward(events, hx)
