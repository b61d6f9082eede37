"""`quantize`: layers with weights of int8."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import TypeVar

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..cell.int8_weight import int8_weights, keep_as_int8
from ..recurrent import Recurrent
from ..torch_nn.base import OnKernels

Layer = TypeVar("Layer", bound=nn.Module)


def quantize(layer: Layer) -> Layer:
    """Copy of a layer whose recurrent weights are int8, with a scale for each output, for inference.

        weight[n, k] = numbers[n, k] * scales[n],   scales[n] = max_k |weight[n, k]| / 127

    Every matrix of every cell is quantized that is float32 and no table of an embedding; biases, other vectors and
    what lies outside cells stay as they are. Events, states and sums are float32. Kernels read int8: a step reads a
    quarter of the memory. Where no kernel runs, PyTorch computes with `numbers * scales`, which gives the same to
    rounding.

    The copy is frozen: its parameters need no gradient, and kernels keep packed weights until PyTorch counts a change,
    as by `load_state_dict`. A change that it does not count, as through `.data`, goes unnoticed. To load a saved
    state_dict, quantize a layer of the same form and load it there.

    Args:
        layer: `Recurrent`, `Stack`, `Bidirectional`, `LSTM`, `GRU`, `RNN`, or any module that contains such layers.

    Returns:
        The copy, in eval mode.

    Raises:
        InputError: The module has no cell with a matrix of float32.

    Examples:
        >>> import torch, wolfdog as wd
        >>> layer = wd.Recurrent(wd.cells.GRUCell(8, 64))
        >>> small = wd.quantize(layer)
        >>> x = torch.randn(10, 2, 8)
        >>> bool((small(x)[0] - layer(x)[0]).abs().max() < 0.05)
        True
        >>> sum(tensor.nbytes for tensor in small.state_dict().values()), sum(p.nbytes for p in layer.parameters())
        (16896, 56832)
    """
    made = deepcopy(layer)
    found = list(dict.fromkeys(_matrices(made)))
    if not found and not any(map(int8_weights, made.modules())):
        raise InputError(
            f"{type(layer).__name__} has no recurrent cell with a matrix of float32 to quantize; pass a layer such as "
            "Recurrent(cell), Stack or Bidirectional, or a module that contains one"
        )
    made.requires_grad_(False)
    for module, name in found:
        keep_as_int8(module, name)
    return made.eval()


def _matrices(layer: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Modules and names of the matrices of all cells within a module."""
    for part in layer.modules():
        for module in _computing(part):
            if isinstance(module, nn.Embedding | nn.EmbeddingBag):
                continue
            for name, parameter in module.named_parameters(recurse=False):
                if _is_matrix(parameter):
                    yield module, name


def _computing(part: nn.Module) -> Iterable[nn.Module]:
    """Modules whose matrices a layer multiplies with at every step."""
    if isinstance(part, OnKernels):
        return [part]
    return part.cell.modules() if isinstance(part, Recurrent) else []


def _is_matrix(parameter: Tensor) -> bool:
    return parameter.dim() == 2 and parameter.dtype is torch.float32 and parameter.numel() > 0
