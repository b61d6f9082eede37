"""What layers made of layers have in common: parts that are cells or layers, a copy that begins anew."""

import copy
from collections.abc import Sequence

from torch import nn

from ..errors import InputError
from .cell.sequence_layer import SequenceLayer
from .recurrent import Recurrent


def as_layer(given: nn.Module, batch_first: bool, owner: str) -> SequenceLayer:
    """A layer as it is, and a cell in a `Recurrent`.

    Raises InputError for what is neither, and for a layer of another layout than its owner's.
    """
    layer = given if isinstance(given, SequenceLayer) else Recurrent(given, batch_first=batch_first)
    if layer.batch_first != batch_first:
        raise InputError(
            f"{owner}(batch_first={batch_first}) was given a {type(layer).__name__} with "
            f"batch_first={layer.batch_first}: give both the same"
        )
    return layer


def common_backend(layers: Sequence[SequenceLayer]) -> str:
    """What runs all of them: "eager" where that is what runs one."""
    found = {layer.backend for layer in layers}
    return found.pop() if len(found) == 1 else "eager"


def drawn_anew(layer: SequenceLayer, owner: str) -> SequenceLayer:
    """A copy with parameters of its own, drawn by the `reset_parameters` of its modules.

    Raises InputError where a module has parameters and no such method.
    """
    fresh = copy.deepcopy(layer)
    draw_anew(fresh, owner)
    return fresh


def draw_anew(module: nn.Module, owner: str) -> None:
    """Draw all parameters of a module, by its `reset_parameters` or those of its modules; errors as drawn_anew's."""
    draw = getattr(module, "reset_parameters", None)
    if callable(draw):
        try:
            draw()
            return
        except NotImplementedError:  # a cell that has no such method of its own
            pass
    if any(True for _ in module.parameters(recurse=False)):
        raise InputError(
            f"{owner} cannot draw the parameters of a second {type(module).__name__}, which has no method "
            "reset_parameters(): pass the backward direction too"
        )
    for child in module.children():
        draw_anew(child, owner)
