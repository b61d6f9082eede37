"""Construction of layers from cells and layers."""

import copy
from collections.abc import Sequence

from torch import nn

from ..errors import InputError
from .cell.sequence_layer import SequenceLayer
from .recurrent import Recurrent


def as_layer(module: nn.Module, batch_first: bool, owner: str) -> SequenceLayer:
    """Layer unchanged, or a cell wrapped in a `Recurrent`.

    Raises:
        InputError: The module is neither, or a layer of another layout.
    """
    layer = module if isinstance(module, SequenceLayer) else Recurrent(module, batch_first=batch_first)
    if layer.batch_first != batch_first:
        raise InputError(
            f"{owner}(batch_first={batch_first}) received a {type(layer).__name__} with "
            f"batch_first={layer.batch_first}: both must be the same"
        )
    return layer


def common_backend(layers: Sequence[SequenceLayer]) -> str:
    """Backend of several layers: "eager" if they differ."""
    backends = {layer.backend for layer in layers}
    return backends.pop() if len(backends) == 1 else "eager"


def reinitialised_copy(layer: SequenceLayer, owner: str) -> SequenceLayer:
    """Copy of a layer with newly drawn parameters.

    Raises:
        InputError: A module has parameters and no method `reset_parameters`.
    """
    duplicate = copy.deepcopy(layer)
    reinitialise(duplicate, owner)
    return duplicate


def reinitialise(module: nn.Module, owner: str) -> None:
    """Draw all parameters of a module by its `reset_parameters` or those of its submodules.

    Raises:
        InputError: A module has parameters and no method `reset_parameters`.
    """
    draw = getattr(module, "reset_parameters", None)
    if callable(draw):
        try:
            draw()
            return
        except NotImplementedError:  # a subclass of Cell that does not define it
            pass
    if any(True for _ in module.parameters(recurse=False)):
        raise InputError(
            f"{owner} cannot draw the parameters of a second {type(module).__name__}, which has no method "
            "reset_parameters(): pass the backward direction as well"
        )
    for child in module.children():
        reinitialise(child, owner)
