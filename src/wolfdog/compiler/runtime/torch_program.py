"""Programs as PyTorch functions, for the computation before the loop."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..ir.printer import function
from ..ir.program import Program


def as_function(
    program: Program,
    linear: Callable[..., Tensor] = torch.nn.functional.linear,
    last: Callable[..., Any] | None = None,
) -> Callable[..., dict[str, Any]]:
    """Function of a program, from inputs by name to outputs by name; it ignores inputs that it does not need.

    `linear` computes products with a bias, and `last`, where it is given, those that are outputs and nothing else.
    """
    source = function(program, "run", annotate=False, last="last")
    scope: dict[str, Any] = {"torch": torch, "linear": linear, "last": last or linear}
    exec(source, scope)  # our own text
    compute: Callable[..., tuple[Tensor, ...]] = scope.pop("run")
    wanted = [value.name for value in program.inputs()]
    outputs = list(program.outputs)

    def run(like: Tensor, **inputs: Tensor) -> dict[str, Any]:
        results = compute(like, **{name: inputs[name] for name in wanted})
        return dict(zip(outputs, results, strict=True))

    run.__doc__ = source
    return run


def as_they_are(like: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
    """Function that returns its inputs, for an empty program."""
    return inputs
