"""Layers as leaves of torch.fx.symbolic_trace, as torch.nn's layers are."""

from typing import Any

from torch import nn
from torch.fx import Proxy

SYMBOLIC: Any = Proxy
"""Class of the values that stand for tensors in a symbolic trace."""


def traced_call(module: nn.Module, *given: Any, **named: Any) -> tuple[Any, Any]:
    """Call of a module as one node of the graph of a symbolic trace, of which a value is the first argument.

    Args:
        module: The module, a part of the traced one.
        *given: Arguments.
        **named: Further arguments, of which those that are None are left out.

    Returns:
        The value that stands for the output and the state.

    Raises:
        TraceError: The module is the traced one itself.
    """
    tracer = given[0].tracer
    named = {name: value for name, value in named.items() if value is not None}
    result: tuple[Any, Any] = tracer.create_proxy("call_module", _path(tracer, module), given, named)
    return result


def traced_method(module: nn.Module, method: str, *given: Any) -> tuple[Any, Any]:
    """Call of a module's method, as of `traced_call`."""
    tracer = given[0].tracer
    itself = tracer.create_proxy("get_attr", _path(tracer, module), (), {})
    result: tuple[Any, Any] = tracer.create_proxy("call_method", method, (itself, *given), {})
    return result


def _path(tracer: Any, module: nn.Module) -> str:
    path: str = tracer.path_of_module(module)
    if path == "":
        from torch.fx.proxy import TraceError

        raise TraceError(
            f"symbolic_trace takes a {type(module).__name__} as one operation, as it takes torch.nn's layers, and not "
            "apart: trace a model that contains it"
        )
    return path
