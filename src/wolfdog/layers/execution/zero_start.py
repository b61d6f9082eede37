"""Zeros as the first state of a cell that makes its own."""

from typing import Any

import torch
from torch import Tensor

from ..cell.rng import generators, replayed
from ..cell.state import State, tensors, transform
from .attribute_reads import Reads, recording
from .cell_cache import SETTINGS, CellRecord
from .eager import EagerRunner
from .kernel_access import default_device
from .probing import probing

NOT_ZEROS = "the cell makes a first state of its own, which is not zeros"


def zero_start(record: CellRecord, eager: EagerRunner, event: Tensor) -> State | str:
    """Zeros that equal what a step without a state starts from, or the reason why there are none.

    The first call for events of a form runs the step twice, without a state and from zeros, and compares the results.

    Args:
        record: Cache entry of the cell, which keeps what was found.
        eager: Eager runner of the cell.
        event: Event [B, ...].

    Returns:
        The zeros, each tensor [B, ...], or the reason.
    """
    key = event.shape[1:], event.dtype, torch.get_default_dtype(), default_device()
    known = record.zeros.get(key, [])
    form = next((form for reads, form in known if all(read.now() == read.key for read in reads)), None)
    if form is None:
        form = _compared(record, eager, event, key)
    return form if isinstance(form, str) else transform(lambda t: t.new_zeros(len(event), *t.shape[1:]), form)


def _compared(record: CellRecord, eager: EagerRunner, event: Tensor, key: Any) -> State | str:
    numbers = 3 * event[0].numel()
    low, high = (-1.0, 1.0) if event.is_floating_point() else (0.0, 0.0)  # a table has a row of number zero
    example = torch.linspace(low, high, numbers, dtype=event.dtype, device="cpu").view(3, *event.shape[1:])
    modules, unseen = record.modules, list[str]()
    reads = Reads(unseen.append)
    with probing(modules, event.device), recording(modules, reads):
        found = _tried(eager, example)
    kept = record.zeros.setdefault(key, [])
    kept.insert(0, (reads.all(), found))
    del kept[SETTINGS:]
    return found


def _tried(eager: EagerRunner, example: Tensor) -> State | str:
    with replayed(generators(example.device), example.device):  # both steps draw the same random numbers
        output, after = eager.step(example, None)
    if not all(isinstance(t, Tensor) and t.dim() > 0 and len(t) == 3 for t in tensors(after)):
        return "the cell's first state has no batch"
    zeros = transform(torch.zeros_like, after)
    output_again, after_again = eager.step(example, zeros)
    pairs = zip((output, *tensors(after)), (output_again, *tensors(after_again)), strict=True)
    return zeros if all(torch.equal(a, b) for a, b in pairs) else NOT_ZEROS
