"""Printed compilation stages of a layer's cell."""

from typing import Literal, get_args

import torch

from ..errors import InputError
from .execution.compiled import CompiledRunner
from .execution.probing import trial
from .recurrent import Recurrent

Stage = Literal["equations", "program", "adjoint", "plan", "source"]


def show(layer: Recurrent, stage: Stage = "equations", *, input_size: int | None = None) -> str:
    """Printed result of a compilation stage of a layer's cell.

    Args:
        layer: A Recurrent layer.
        stage: "equations": the traced step. "program": the parts computed once, for all events together, and at every
            step. "adjoint": the backward step. "plan": matrix products with their sizes, fused stages, FLOPs and bytes
            of a step, and the saved values. "source": the generated kernels.
        input_size: Features of an event, if the cell has no attribute `input_size`.

    Returns:
        The text.

    Raises:
        InputError: The stage is unknown, or the cell cannot be compiled; the message gives the reason.

    Examples:
        >>> import wolfdog as wd
        >>> print(wd.show(wd.Recurrent(wd.cells.ElmanCell(2, 3))))  # doctest: +ELLIPSIS
        def parameters(weight_ih, weight_hh, bias_ih, bias_hh):
        ...
        y' = ...
    """
    from ..compiler.explain import explain  # llvmlite loads slowly

    if stage not in get_args(Stage):
        raise InputError(f"stage must be one of {', '.join(map(repr, get_args(Stage)))}; got {stage!r}")
    size = input_size if input_size is not None else getattr(layer.cell, "input_size", None)
    if not isinstance(size, int):
        raise InputError(f"{type(layer.cell).__name__} has no attribute input_size: pass input_size=")
    runner = CompiledRunner(layer.cell, layer.returns)
    dtype = next((p.dtype for p in layer.parameters() if p.is_floating_point()), torch.get_default_dtype())
    with trial(layer.cell, torch.zeros(2, size, dtype=dtype, device="cpu")) as event:
        compiled = runner.prepare(event)
    if compiled is None:
        raise InputError(f"{type(layer.cell).__name__} is not compiled: {runner.reason}")
    return explain(compiled, stage)
