"""Operands of ATen calls: tensors that are read and written."""

from typing import Any

from torch import Tensor


def flat(arguments: Any) -> list[Any]:
    """Leaves of nested arguments."""
    if isinstance(arguments, dict):
        return [leaf for item in arguments.values() for leaf in flat(item)]
    if isinstance(arguments, list | tuple):
        return [leaf for item in arguments for leaf in flat(item)]
    return [arguments]


def written(func: Any, args: Any, kwargs: Any) -> list[Tensor]:
    """Tensors that an operation writes."""
    tensors = []
    for position, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            found = args[position] if position < len(args) else kwargs.get(argument.name)
            tensors += [a for a in flat(found) if isinstance(a, Tensor)]
    return tensors
