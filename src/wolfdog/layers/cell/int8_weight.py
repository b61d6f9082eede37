"""Modules with weights of int8, and a scale for each output."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

NUMBERS, SCALES = "_int8", "_scales"
"""Suffixes of the buffers that hold a weight."""


def int8_numbers(weight: Tensor, axis: int = 0) -> tuple[Tensor, Tensor]:
    """Whole numbers from -127 to 127, and scales, whose product is nearest to a weight.

        weight[n, k] = numbers[n, k] * scales[n],   scales[n] = max_k |weight[n, k]| / 127           axis 0

    Args:
        weight: The weight, a matrix.
        axis: Axis of the outputs, 0 or 1.

    Returns:
        Numbers, int8, and scales, with one number along the other axis.

    Examples:
        >>> import torch
        >>> int8_numbers(torch.tensor([[0.5, -1.0], [0.0, 2.0]]))[0]
        tensor([[  64, -127],
                [   0,  127]], dtype=torch.int8)
    """
    with torch.no_grad():
        most = weight.detach().abs().amax(1 - axis, keepdim=True)
        scales = torch.where(most > 0, most / 127, torch.ones_like(most))
        return (weight.detach() / scales).round_().clamp_(-127, 127).to(torch.int8), scales


def keep_as_int8(module: nn.Module, name: str, axis: int = 0) -> None:
    """Replace a parameter by buffers of int8 and scales; the attribute is their product from then on.

    Args:
        module: The module, whose class becomes a subclass of its own.
        name: Name of the parameter, a matrix.
        axis: Axis of the outputs.
    """
    numbers, scales = int8_numbers(getattr(module, name), axis)
    del module._parameters[name]
    module.register_buffer(name + NUMBERS, numbers)
    module.register_buffer(name + SCALES, scales)
    module.__class__ = _class(without_int8(type(module)), (*int8_weights(module), name))  # type: ignore[arg-type]


def int8_weights(module: nn.Module) -> Sequence[str]:
    """Names of a module's weights that are kept as int8."""
    names: tuple[str, ...] = getattr(type(module), "_int8_weights", ())
    return names


def without_int8(kind: type[nn.Module]) -> type[nn.Module]:
    """Class of a module before weights of it were replaced."""
    return kind.__mro__[1] if "_int8_weights" in vars(kind) else kind


def _reduced(module: nn.Module, _: Any) -> Any:
    """Parts from which a module is copied and pickled, whose class has no name in a file."""
    return _empty, (without_int8(type(module)), int8_weights(module)), module.__getstate__()  # type: ignore[no-untyped-call]


@cache
def _class(base: type[nn.Module], names: tuple[str, ...]) -> type[nn.Module]:
    """Subclass whose weights of these names are products of buffers."""
    held: dict[str, Any] = {name: _weight(name) for name in names}
    held |= {"_int8_weights": names, "__module__": base.__module__, "__doc__": base.__doc__}
    held["__reduce_ex__"] = _reduced
    return type(f"Int8{base.__name__}", (base,), held)


def _weight(name: str) -> Any:
    def weight(module: Any) -> Tensor:
        scales: Tensor = getattr(module, name + SCALES)
        numbers: Tensor = getattr(module, name + NUMBERS)
        return numbers.to(scales.dtype) * scales

    return property(weight)


def _empty(base: type[nn.Module], names: tuple[str, ...]) -> nn.Module:
    kind = _class(base, names)  # type: ignore[arg-type]
    return kind.__new__(kind)
