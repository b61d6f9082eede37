"""Parameters of each layer and direction of a layer of torch.nn, and the units that kernels run for them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..cell.int8_weight import NUMBERS, SCALES, int8_weights
from ..execution.backend import asked_backend
from ..execution.kernel_access import ordinary, plain, transformed
from ..execution.precision import reduces
from .kernels import Units, units_of
from .run_layers import Named

FORMATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
"""Formats of parameters that kernels take."""


def named_parameters(layer: nn.RNNBase, *, packed: bool = False) -> list[dict[str, Any]]:
    """Parameters of every layer and direction by the cell's names, as they are now.

    Args:
        layer: Layer of torch.nn.
        packed: Whether weights of int8 are given as numbers and scales, as kernels take them.
    """
    held = layer._parameters
    if packed and int8_weights(layer):
        return [
            {name.partition("_l")[0] + suffix: _held(layer, name + suffix) for name, suffix in kept}
            for names in layer._all_weights
            for kept in [_as_kept(names, int8_weights(layer))]
        ]
    return [
        {
            name.partition("_l")[0]: held[name] if name in held else getattr(layer, name, None)
            for name in names
        }
        for names in layer._all_weights
    ]


def units_or_reason(layer: nn.RNNBase, named: Sequence[Named]) -> Units | str:
    """Units of every layer and direction, or the reason why torch.nn runs them.

    Args:
        layer: Layer of torch.nn.
        named: Its `named_parameters`.
    """
    if asked_backend() == "eager":
        return "the eager backend was asked for"
    if type(layer.num_layers) is not int or type(layer.bidirectional) is not bool:
        return "num_layers must be an int and bidirectional a bool"  # as torch.nn says when it is called
    int8 = "weight_ih" + NUMBERS in named[0]
    dtype = getattr(named[0]["weight_ih" + (SCALES if int8 else "")], "dtype", None)
    if dtype not in FORMATS:
        return f"kernels take {', '.join(map(str, FORMATS))}; got {dtype}"
    sizes = (layer.input_size, layer.hidden_size, layer.proj_size)
    reduced = dtype is torch.float32 and not torch.compiler.is_compiling() and reduces(None)
    directions = 2 if layer.bidirectional else 1
    units = units_of(layer.mode, sizes, layer.bias, dtype, layer.num_layers, directions, int8, reduced)
    for unit, tensors in zip(units, named, strict=True):
        for name, shape in unit.shapes.items():
            tensor = tensors[name]
            held = ordinary(tensor) if transformed() else plain(tensor)
            wanted = torch.int8 if name.endswith(NUMBERS) else dtype
            if not held or tensor.dtype is not wanted or tensor.shape != shape:
                return f"{name} is no plain tensor of {wanted}, {list(shape)}, on the CPU"
    return units


def _held(layer: nn.RNNBase, name: str) -> Any:
    """Parameter or buffer of a name; None where there is none."""
    return layer._parameters.get(name, layer._buffers.get(name))


def _as_kept(names: Sequence[str], int8: Sequence[str]) -> list[tuple[str, str]]:
    """Names of parameters with the suffixes of the tensors that hold each."""
    suffixes = dict.fromkeys(int8, (NUMBERS, SCALES))
    return [(name, suffix) for name in names for suffix in suffixes.get(name, ("",))]
