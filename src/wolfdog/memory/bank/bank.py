"""Memory bank: a bounded store of observations of one deployment, for streams without an end."""

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
from ..attention.weighting import Weighting, check_weighting, stick_breaking
from .eviction import POLICIES, Eviction, LeastUsed, Recent

KIND = "wolfdog memory bank"


class MemoryBank:
    """Bounded store of past observations of one deployment with their times, read by attention.

        weights_i = softmax_i(q . m_i / sqrt(N) + bias_i)          over the n stored entries m_i
        read      = sum_i weights_i m_i

    Entries are stored without their graphs: gradients reach the queries, not the writers. `entries` [n, N] and their
    `times` [n], in seconds, share slots that new entries overwrite. `BankReader` reads with learned queries.

    Source: memory of one camera: Beery et al. 2020, "Context R-CNN: long term temporal context for per-camera object
    detection"; this one holds past observations only.

    Args:
        entry_size: Features of an observation, N, for example an encoder's embedding of a frame.
        capacity: Maximum number of entries.
        keep: Eviction policy: `Recent()` if None, `Strided(seconds)`, `Reservoir(seed)`, `Novel(threshold)` or
            `LeastUsed(decay)`.
        device: Device of the entries.
        dtype: Type of the entries.

    Raises:
        InputError: A size is not a positive integer, or the policy is of another type.

    Examples:
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
        *,
        keep: Eviction | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.entry_size = positive("entry_size", entry_size)
        self.capacity = positive("capacity", capacity)
        if keep is not None and not isinstance(keep, Eviction):
            raise InputError(f"keep must be one of {', '.join(POLICIES)}; got {keep!r}")
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
        """Number of stored entries."""
        return min(self.kept, self.capacity)

    def __repr__(self) -> str:
        return f"MemoryBank({self.entry_size}, {self.capacity}, {self.keep!r}) with {len(self)} entries"

    @property
    def entries(self) -> Tensor:
        """Stored entries [n, N]: a view, whose slots later entries overwrite."""
        return self._entries[: len(self)]

    @property
    def times(self) -> Tensor:
        """Times of the stored entries, [n] seconds in float64: a view, likewise."""
        return self._times[: len(self)]

    @torch.no_grad()
    def write(self, entry: Tensor, time: float) -> bool:
        """Offer an observation to the bank.

        Args:
            entry: Observation [N].
            time: Its time in seconds.

        Returns:
            Whether it was stored.

        Raises:
            ShapeError: The shape or type is wrong.
            InputError: Some number is not finite.
        """
        if not isinstance(entry, Tensor) or list(entry.shape) != [self.entry_size]:
            raise ShapeError(f"an entry must be [{self.entry_size}]; got {described(entry)}")
        entry = entry.to(self._entries)
        if not (math.isfinite(time) and bool(entry.isfinite().all())):
            raise InputError(f"an entry and its time must be finite numbers; got {entry} at {time!r}")
        slot = self.keep.slot(self, entry, time)
        self.seen += 1
        if slot is None:
            return False
        self._entries[slot], self._times[slot], self._norms[slot] = entry, time, entry.norm()
        self.kept += 1
        self.latest = float(time)
        return True

    def read(
        self, queries: Tensor, bias: Tensor | None = None, *, weighting: Weighting = "softmax"
    ) -> tuple[Tensor, Tensor]:
        """Read the bank with queries.

        Differentiable with respect to queries and bias; later writes do not change a gradient.

        Args:
            queries: [..., N].
            bias: Additive bias of the energies [..., n], or None.
            weighting: "softmax", or "stick-breaking" for the weights of `stick_breaking` by the entries' times.

        Returns:
            What is read, [..., N], and the weights [..., n] in the order of `entries`; zeros if the bank is empty.

        Raises:
            ShapeError: The shape or type is wrong.
        """
        if queries.dim() < 1 or queries.shape[-1] != self.entry_size or queries.dtype != self._entries.dtype:
            raise ShapeError(
                f"queries must be [..., {self.entry_size}] of {self._entries.dtype}, as the entries are; "
                f"got {described(queries)}"
            )
        entries = self.entries
        if torch.is_grad_enabled() and (queries.requires_grad or (bias is not None and bias.requires_grad)):
            entries = entries.clone()  # later writes must not change the gradient
        rows = queries.reshape(-1, self.entry_size)
        # entries [n, N] first: with n >> number of queries, this order reads the entries once and is the fastest
        energies = (entries @ rows.T).T.reshape(*queries.shape[:-1], len(self)) / math.sqrt(self.entry_size)
        weights = self._weights(energies if bias is None else energies + bias, weighting)
        if len(self.usage) and len(self):
            self.usage[: len(self)] += weights.detach().reshape(-1, len(self)).sum(0)
        return weights @ entries, weights

    def _weights(self, energies: Tensor, weighting: Weighting) -> Tensor:
        """Weights of the entries by energies [..., n]."""
        if check_weighting(weighting) == "softmax":
            return torch.softmax(energies, -1)
        order = self.times.argsort(stable=True)
        return stick_breaking(energies[..., order])[..., order.argsort()]

    def cosine_similarity(self, entry: Tensor) -> Tensor:
        """Cosine similarities of an observation and the stored entries; zero for a zero vector.

        Args:
            entry: The observation [N].

        Returns:
            Similarities [n].
        """
        norms = self._norms[: len(self)] * entry.norm()
        cosines: Tensor = self.entries @ entry / norms.clamp(min=torch.finfo(norms.dtype).tiny)
        return cosines

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the bank as a safetensors file, atomically.

        Args:
            path: The file.

        Raises:
            CheckpointError: It cannot be written.
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
    def load(cls, path: str | os.PathLike[str], *, device: torch.device | str | None = None) -> "MemoryBank":
        """Bank that `save` wrote; it continues exactly as the saved one.

        Args:
            path: The file.
            device: Device of its tensors.

        Returns:
            The bank.

        Raises:
            CheckpointError: The file is missing, damaged, or of another kind.
        """
        path = Path(path)
        tensors, notes = load_checkpoint(path, KIND)
        try:
            return cls._from_checkpoint(tensors, notes, device)
        except (KeyError, TypeError, ValueError, RuntimeError, WolfdogError) as error:
            raise CheckpointError(f"{path}: not a bank that wolfdog saved, or damaged: {error!r}") from error

    @classmethod
    def _from_checkpoint(
        cls, tensors: Mapping[str, Tensor], notes: Mapping[str, Any], device: torch.device | str | None
    ) -> "MemoryBank":
        keep = POLICIES[notes["keep"]](**notes["options"])
        entries, times = tensors["entries"], tensors["times"]
        bank = cls(notes["entry_size"], notes["capacity"], keep=keep, device=device, dtype=entries.dtype)
        bank.seen, bank.kept, bank.latest = int(notes["seen"]), int(notes["kept"]), notes["latest"]
        usage = bank.usage[: len(bank)]
        shapes = [list(tensor.shape) for tensor in (entries, times, tensors["usage"])]
        expected = [list(tensor.shape) for tensor in (bank.entries, bank.times, usage)]
        if not 0 <= bank.kept <= bank.seen or shapes != expected:
            raise ValueError("the shapes of its tensors contradict its metadata")
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("it holds numbers that are not finite")
        bank.latest = None if bank.latest is None else float(bank.latest)
        bank.entries.copy_(entries)
        bank.times.copy_(times)
        usage.copy_(tensors["usage"])
        bank._norms[: len(bank)] = bank.entries.norm(dim=1)
        return bank
