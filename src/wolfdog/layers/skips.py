"""Residual and highway connections around a layer."""

from typing import Any

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """Residual connection: the sum of a layer's output and its input.

        y = layer(x) + x                                                 W x in the place of x, where sizes differ

    Source: He, Zhang, Ren and Sun 2016, "Deep residual learning for image recognition"; between recurrent layers: Wu et
    al. 2016, "Google's neural machine translation system".

    Args:
        input_size: Features of the layer's input, I.
        output_size: Features of the layer's output, H.
        device: Device of the parameters.
        dtype: Type of the parameters.
    """

    def __init__(self, input_size: int, output_size: int, *, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.project = _projection(input_size, output_size, device, dtype)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Output with the connection, of the layer's input x [..., I] and output y [..., H]."""
        skipped: Tensor = self.project(x)
        return y + skipped


class Highway(nn.Module):
    """Highway connection: a gated mean of a layer's output and its input.

        t = sigmoid(W_t x + b_t)
        y = t * layer(x) + (1 - t) * x                                   W x in the place of x, where sizes differ

    b_t starts at -1, so that the input dominates at first.

    Source: Srivastava, Greff and Schmidhuber 2015, "Training very deep networks".

    Args:
        input_size: Features of the layer's input, I.
        output_size: Features of the layer's output, H.
        device: Device of the parameters.
        dtype: Type of the parameters.
    """

    def __init__(self, input_size: int, output_size: int, *, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.project = _projection(input_size, output_size, device, dtype)
        self.gate = nn.Linear(input_size, output_size, device=device, dtype=dtype)
        nn.init.constant_(self.gate.bias, -1.0)

    def reset_parameters(self) -> None:
        """Draw every parameter."""
        self.gate.reset_parameters()
        nn.init.constant_(self.gate.bias, -1.0)
        if isinstance(self.project, nn.Linear):
            self.project.reset_parameters()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Output with the connection, of the layer's input x [..., I] and output y [..., H]."""
        skipped: Tensor = self.project(x)
        return skipped + torch.sigmoid(self.gate(x)) * (y - skipped)


def _projection(input_size: int, output_size: int, device: Any, dtype: Any) -> nn.Module:
    if input_size == output_size:
        return nn.Identity()
    # Without a bias, so that outputs past the end of a sequence, where x is zero, are zero.
    return nn.Linear(input_size, output_size, bias=False, device=device, dtype=dtype)


SKIPS: dict[str, type[nn.Module]] = {"residual": Residual, "highway": Highway}
"""Skip connections by name."""
