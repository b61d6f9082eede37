"""Calls that torch.compile leaves out of its graphs. Importing this module loads torch.compile."""

from typing import Any

import torch
from torch import nn


@torch.compiler.disable  # type: ignore[untyped-decorator]
def outside_graph(layer: nn.Module, events: Any, hx: Any) -> Any:
    """A layer over a PackedSequence: where its events lie depends on numbers, which a graph does not look at."""
    return layer.forward(events, hx)
