"""What torch.compile leaves out of its graphs. Importing this loads torch.compile: only its tracer does."""

from typing import Any

import torch
from torch import nn


@torch.compiler.disable  # type: ignore[untyped-decorator]
def outside_graph(layer: nn.Module, events: Any, hx: Any) -> Any:
    """A layer over a PackedSequence: where its events lie depends on numbers, which a graph does not look at."""
    return layer.forward(events, hx)
