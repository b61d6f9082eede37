"""Dynamic quantization by torch.ao.quantization.quantize_dynamic, as of torch.nn's layers.

PyTorch chooses the layers to be quantized by their class, and finds the quantized class in a table. A layer of this
library is chosen where the layer of torch.nn that it replaces is chosen, or where it is chosen itself.
"""

import sys
from typing import Any

import torch
from torch import nn


def chosen_like(own: type[nn.Module]) -> Any:
    """Configuration that PyTorch, which is now choosing layers, has for a class of torch.nn; None where it has none."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "_propagate_qconfig_helper":
        frame = frame.f_back  # type: ignore[assignment]
    choice = None if frame is None else frame.f_locals.get("qconfig_dict")
    return choice.get(own) if isinstance(choice, dict) else None


class DynamicallyQuantized:
    """Row of PyTorch's table of dynamically quantized classes: PyTorch's own quantized layer, with its numbers."""

    @classmethod
    def from_float(cls, layer: Any, use_precomputed_fake_quant: bool = False) -> nn.Module:
        """Quantized layer of PyTorch.

        Args:
            layer: Layer of this library.
            use_precomputed_fake_quant: As of PyTorch's classes.

        Returns:
            The layer that PyTorch makes of torch.nn's layer with the same parameters.
        """
        sizes = (layer.input_size, layer.hidden_size, layer.num_layers)
        options = {name: getattr(layer, name) for name in ("bias", "batch_first", "dropout", "bidirectional")}
        twin = layer.own(*sizes, **options, device="meta")
        for name in list(twin._parameters):
            twin._parameters[name] = nn.Parameter(getattr(layer, name).detach(), requires_grad=False)
        twin.qconfig = layer.qconfig
        quantized = getattr(torch.ao.nn.quantized.dynamic, layer.own.__name__)
        made: nn.Module = quantized.from_float(twin, use_precomputed_fake_quant)
        return made.train(layer.training)


def register(*kinds: type[nn.Module]) -> None:
    """Enter classes into PyTorch's table."""
    table: dict[Any, Any] = torch.ao.quantization.quantization_mappings.DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS
    table.update(dict.fromkeys(kinds, DynamicallyQuantized))
