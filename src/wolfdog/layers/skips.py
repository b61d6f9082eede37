"""Ways past a layer: residual and highway connections."""

from typing import Any

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """What a layer puts out, added to what it takes in.

        y = layer(x) + x                                                 W x in the place of x, where sizes differ

    Source: He, Zhang, Ren and Sun 2016, "Deep residual learning for image recognition"; between recurrent layers
    Wu et al. 2016, "Google's neural machine translation system".
    """

    def __init__(self, input_size: int, output_size: int, *, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.project = _projection(input_size, output_size, device, dtype)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """x what the layer takes, y what it puts out: [..., I] and [..., H]."""
        past: Tensor = self.project(x)
        return y + past


class Highway(nn.Module):
    """A gate says, feature by feature, what comes from the layer and what passes it by.

        t = sigmoid(W_t x + b_t)
        y = t * layer(x) + (1 - t) * x                                   W x in the place of x, where sizes differ

    b_t starts at -1: more passes by than comes from the layer.

    Source: Srivastava, Greff and Schmidhuber 2015, "Training very deep networks".
    """

    def __init__(self, input_size: int, output_size: int, *, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.project = _projection(input_size, output_size, device, dtype)
        self.gate = nn.Linear(input_size, output_size, device=device, dtype=dtype)
        nn.init.constant_(self.gate.bias, -1.0)

    def reset_parameters(self) -> None:
        """Draw every parameter afresh."""
        self.gate.reset_parameters()
        nn.init.constant_(self.gate.bias, -1.0)
        if isinstance(self.project, nn.Linear):
            self.project.reset_parameters()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """x what the layer takes, y what it puts out: [..., I] and [..., H]."""
        past: Tensor = self.project(x)
        return past + torch.sigmoid(self.gate(x)) * (y - past)


def _projection(input_size: int, output_size: int, device: Any, dtype: Any) -> nn.Module:
    if input_size == output_size:
        return nn.Identity()
    # without a bias: past the end of a sequence, where x is zero, so is what comes past the layer
    return nn.Linear(input_size, output_size, bias=False, device=device, dtype=dtype)


SKIPS: dict[str, type[nn.Module]] = {"residual": Residual, "highway": Highway}
"""The ways past a layer, by name."""
