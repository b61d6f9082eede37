"""Trial runs of a step without side effects on attributes, buffers or random number generators."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..cell.recurrent_dropout import fresh_dropout_masks
from ..cell.rng import generators, replayed
from ..cell.zoneout import with_step_masks
from .attribute_places import OWN, PARTS, dict_of
from .code_names import library
from .frozen_values import frozen
from .snapshots import Part, parts


class Untouched:
    """Snapshot of modules and their contents, which restores what running a step changes."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._kept: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._within: list[tuple[str, Part]] = []
        functions: list[Any] = []
        for module in modules:
            held = dict_of(module)
            self._kept.append((held, dict(held)))
            self._kept += [(held[name], dict(held[name])) for name in PARTS]
            for key, value in held.items():
                if key not in OWN and key not in PARTS and not isinstance(value, Tensor):
                    self._within += [(key, part) for part in parts(value)]
            for kind in type(module).__mro__:
                if not library(kind):
                    functions += [item for key, item in vars(kind).items() if not key.startswith("__")]
        self._within += [("an object outside", part) for part in parts(*functions)]

    def put_back(self) -> set[str]:
        """Restore everything; the result is the names of the attributes that had changed."""
        changed = set()
        for held, kept in self._kept:
            different = [key for key in {**kept, **held} if not _same(held, kept, key)]
            if different:
                changed.update(different)
                held.clear()
                held.update(kept)
        for name, part in self._within:
            if not part.unchanged():
                changed.add(name)
                part.restore()
        return changed


def _same(held: dict[str, Any], kept: dict[str, Any], key: str) -> bool:
    if key not in held or key not in kept:
        return False
    now, was = held[key], kept[key]
    if now is was:
        return True
    return (
        isinstance(now, int | float | str)
        and isinstance(was, int | float | str)
        and frozen(now) == frozen(was)
    )


@contextmanager
def probing(modules: Sequence[nn.Module], device: torch.device) -> Iterator[None]:
    """Context in which steps run without gradient; on exit everything is restored, the contents of tensors too."""
    untouched = Untouched(modules)
    tensors = [
        (tensor, tensor._version, tensor.detach().clone())
        for module in modules
        for held in (dict_of(module)["_buffers"], dict_of(module))
        for tensor in held.values()
        if isinstance(tensor, Tensor) and not tensor.is_inference()
    ]
    try:
        with torch.no_grad(), replayed(generators(device), device):
            yield
    finally:
        untouched.put_back()
        for tensor, version, was in tensors:
            if tensor._version != version:
                with torch.no_grad():
                    tensor.copy_(was)


@contextmanager
def trial(cell: nn.Module, event: Tensor) -> Iterator[Tensor]:
    """Event [B, ...] as a step of the cell takes it, with masks; random number generators keep their state."""
    with replayed(generators(event.device), event.device), fresh_dropout_masks(cell, len(event)):
        yield with_step_masks(cell, event.unsqueeze(0)).squeeze(0)


_READERS = (
    Tensor.tolist, Tensor.numpy, Tensor.__array__, Tensor.data_ptr, Tensor.__dlpack__, Tensor.untyped_storage,
)  # fmt: skip
_FACTS = {
    getattr(Tensor, name).__get__: name
    for name in ("requires_grad", "grad", "grad_fn", "is_leaf", "_version")
} | {Tensor.stride: "stride", Tensor.storage_offset: "storage_offset"}


class NumbersUnread(TorchFunctionMode):
    """Mode that refuses a step that reads a tensor's memory other than by PyTorch's operators.

    Args:
        refuse: Exception that is raised with a reason.
    """

    def __init__(self, refuse: type[Exception]) -> None:
        super().__init__()
        self._refuse = refuse

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _READERS:
            raise self._refuse(f"the numbers of a tensor are read by {func.__name__}")
        if func in _FACTS:
            raise self._refuse(
                f"{_FACTS[func]} of a tensor is read, which may be another one in the next call"
            )
        return func(*args, **(kwargs or {}))
