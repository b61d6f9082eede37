"""A bounded store of what one camera saw, for streams without an end."""

import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...cells.cell import positive
from ...checkpoint import load_checkpoint, save_checkpoint
from ...errors import CheckpointError, InputError, ShapeError, WolfdogError
from ...layers.cell.arguments import described
from .eviction import BY_NAME, Keep, LeastUsed, Recent

KIND = "wolfdog memory bank"


class MemoryBank:
    """A bounded store of past observations of one deployment, each with its time, that is read by attention.

        weights_i = softmax_i(q . m_i / sqrt(N) + bias_i)          over the n entries m_i that are held
        read      = sum_i weights_i m_i

    entry_size  N, the features of an observation: what an eye makes of a frame, for example
    capacity    how many entries are held at most
    keep        what is kept: `Recent()` unless given, `Strided(seconds)`, `Reservoir(seed)`, `Novel(threshold)`,
                `LeastUsed(decay)`

    Entries are numbers, not a graph: gradients reach what asks, not what wrote. They lie in `entries` [n, N], their
    times in `times` [n], in seconds, in slots that new entries take over. `BankReader` asks with learned queries.

    Source: as a bank for each camera, Beery et al. 2020, "Context R-CNN: long term temporal context for per-camera
    object detection"; this one holds nothing of the future.
    Raises InputError for sizes that are no positive whole numbers, and for what is no rule.

    >>> bank = MemoryBank(entry_size=4, capacity=100, keep=Recent())
    >>> for minute in range(3):
    ...     kept = bank.write(torch.randn(4), time=60.0 * minute)
    >>> context, weights = bank.read(torch.randn(2, 4))
    >>> len(bank), context.shape, weights.shape
    (3, torch.Size([2, 4]), torch.Size([2, 3]))
    """

    def __init__(
        self,
        entry_size: int,
        capacity: int,
        keep: Keep | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.entry_size = positive("entry_size", entry_size)
        self.capacity = positive("capacity", capacity)
        if keep is not None and not isinstance(keep, Keep):
            raise InputError(f"keep must be one of {', '.join(BY_NAME)}; got {keep!r}")
        self.keep = Recent() if keep is None else keep
        self._entries = torch.zeros(capacity, entry_size, device=device, dtype=dtype)
        if not self._entries.is_floating_point():
            raise InputError(f"dtype must be a floating point format; got {dtype}")
        self._times = torch.zeros(capacity, dtype=torch.float64, device=device)
        self._norms = self._entries.new_zeros(capacity)
        self.usage = self._times.new_zeros(capacity if isinstance(keep, LeastUsed) else 0)
        self.seen = self.kept = 0
        self.latest: float | None = None

    def __len__(self) -> int:
        """How many entries are held."""
        return min(self.kept, self.capacity)

    def __repr__(self) -> str:
        return f"MemoryBank({self.entry_size}, {self.capacity}, {self.keep!r}) with {len(self)} entries"

    @property
    def entries(self) -> Tensor:
        """What is held, [n, N]: a view, in which later entries take over slots."""
        return self._entries[: len(self)]

    @property
    def times(self) -> Tensor:
        """When the entries were observed, [n] seconds in float64: a view likewise."""
        return self._times[: len(self)]

    @torch.no_grad()
    def write(self, entry: Tensor, time: float) -> bool:
        """Offer one observation [N] with its time in seconds; returns whether it was kept.

        Raises ShapeError for a wrong shape or dtype, InputError for numbers that are not finite.
        """
        if not isinstance(entry, Tensor) or list(entry.shape) != [self.entry_size]:
            raise ShapeError(f"an entry must be [{self.entry_size}]; got {described(entry)}")
        entry = entry.to(self._entries)
        if not (math.isfinite(time) and bool(entry.isfinite().all())):
            raise InputError(f"an entry and its time must be finite numbers; got {entry} at {time!r}")
        slot = self.keep.place(self, entry, time)
        self.seen += 1
        if slot is None:
            return False
        self._entries[slot], self._times[slot], self._norms[slot] = entry, time, entry.norm()
        self.kept += 1
        self.latest = float(time)
        return True

    def read(self, queries: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What is read, [..., N], by queries [..., N], and the weights [..., n]; zeros where nothing is held.

        bias  [..., n], added before the softmax, or None

        Differentiable to queries and bias; what is written later changes nothing of a gradient. Weights stand in the
        order of `entries`. Raises ShapeError for a wrong shape or dtype.
        """
        if queries.dim() < 1 or queries.shape[-1] != self.entry_size or queries.dtype != self._entries.dtype:
            raise ShapeError(
                f"queries must be [..., {self.entry_size}] of {self._entries.dtype}, as the entries are; "
                f"got {described(queries)}"
            )
        held = self.entries
        if torch.is_grad_enabled() and (queries.requires_grad or (bias is not None and bias.requires_grad)):
            held = held.clone()  # what is written later must not change what the gradient is made of
        asked = queries.reshape(-1, self.entry_size)
        # a hundred thousand rows by a few columns: in this order the product reads the entries once, and fast
        energies = (held @ asked.T).T.reshape(*queries.shape[:-1], len(self)) / math.sqrt(self.entry_size)
        weights = torch.softmax(energies if bias is None else energies + bias, -1)
        if len(self.usage) and len(self):
            self.usage[: len(self)] += weights.detach().reshape(-1, len(self)).sum(0)
        return weights @ held, weights

    def likeness(self, entry: Tensor) -> Tensor:
        """The cosines [n] of an observation [N] and what is held; zero for a vector of zeros."""
        norms = self._norms[: len(self)] * entry.norm()
        cosines: Tensor = self.entries @ entry / norms.clamp(min=torch.finfo(norms.dtype).tiny)
        return cosines

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the bank as a safetensors file, whole or not at all.

        Raises CheckpointError when it cannot be written.
        """
        tensors = {"entries": self.entries, "times": self.times, "usage": self.usage[: len(self)]}
        notes = {
            "entry_size": self.entry_size,
            "capacity": self.capacity,
            "keep": type(self.keep).__name__,
            "options": asdict(self.keep),
            "seen": self.seen,
            "kept": self.kept,
            "latest": self.latest,
        }
        save_checkpoint(Path(path), KIND, tensors, notes)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: torch.device | str | None = None) -> "MemoryBank":
        """The bank of a file that `save` wrote, which goes on as it would have.

        Raises CheckpointError when the file is missing, damaged, or not of a bank.
        """
        path = Path(path)
        tensors, notes = load_checkpoint(path, KIND)
        try:
            return cls._of(tensors, notes, device)
        except (KeyError, TypeError, ValueError, RuntimeError, WolfdogError) as error:
            raise CheckpointError(f"{path}: not a bank that wolfdog saved, or damaged: {error!r}") from error

    @classmethod
    def _of(
        cls, tensors: Mapping[str, Tensor], notes: Mapping[str, Any], device: torch.device | str | None
    ) -> "MemoryBank":
        keep = BY_NAME[notes["keep"]](**notes["options"])
        entries, times = tensors["entries"], tensors["times"]
        bank = cls(notes["entry_size"], notes["capacity"], keep, device, entries.dtype)
        bank.seen, bank.kept, bank.latest = int(notes["seen"]), int(notes["kept"]), notes["latest"]
        usage = bank.usage[: len(bank)]
        told = (list(tensor.shape) for tensor in (entries, times, tensors["usage"]))
        expected = (list(tensor.shape) for tensor in (bank.entries, bank.times, usage))
        if not 0 <= bank.kept <= bank.seen or list(told) != list(expected):
            raise ValueError("its tensors have not the shapes that its notes tell")
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("it holds numbers that are not finite")
        bank.latest = None if bank.latest is None else float(bank.latest)
        bank.entries.copy_(entries)
        bank.times.copy_(times)
        usage.copy_(tensors["usage"])
        bank._norms[: len(bank)] = bank.entries.norm(dim=1)
        return bank
