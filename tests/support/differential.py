"""Random programs, changed between calls, by kernels and by the eager loop: what differs is returned."""

import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

import wolfdog as wd
from random_cells import BATCH, CHANGES, ROWS, RandomCell

CLOSE = {torch.float64: 1e-7, torch.float32: 2e-3}
"""Differences that rounding explains, of numbers of about one: kernels and the loop sum in other orders."""

ROUNDING = {torch.float64: 1e-13, torch.float32: 1e-6}
"""Relative sizes of changes by which a call is tried for numbers on a step or a kink."""


class OtherRounding(TorchDispatchMode):
    """Mode in which every result of PyTorch's operators is off by a random error of a relative size.

    It shows exact cancellation, as of b / 3 - b / 3, which rounding of the inputs alone does not.
    """

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size, self._generator = size, torch.Generator().manual_seed(0)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if any(returned.alias_info is not None for returned in func._schema.returns):
            return result
        return tree_map_only(Tensor, self._off, result)

    def _off(self, tensor: Tensor) -> Tensor:
        if not tensor.is_floating_point():
            return tensor
        error = torch.randn(tensor.shape, generator=self._generator, dtype=tensor.dtype)
        return tensor * (1 + self.size * error)


@dataclass
class Outcome:
    """What the calls of one program came to: differences, and numbers of calls.

    `kernels` counts the calls that kernels ran, `unstable` those that differ where the loop differs from itself too.
    """

    differences: list[str] = field(default_factory=list)
    calls: int = 0
    kernels: int = 0
    unstable: int = 0


def differences(seed: int, changes: int | None = None) -> Outcome:
    """Outcome of the calls of one random program, with so many changes between them, or one to four.

    A program is called in one way, or in two or three: each takes kernels of its own, whose compilation takes longest.
    """
    draw = random.Random(seed)
    changes = draw.randint(1, 4) if changes is None else changes
    torch.manual_seed(seed)
    RandomCell.shared = 1.0
    dtype = torch.float64 if draw.random() < 0.8 else torch.float32
    cell = RandomCell(draw, dtype)
    first, every = draw.random() < 0.2, draw.choice([None, None, None, None, 2])
    layer, loop = (
        wd.Recurrent(cell, backend=backend, batch_first=first, checkpoint_every=every)
        for backend in (None, "eager")
    )
    outcome, history = Outcome(), []
    kinds = draw.sample(sorted(CALLS), draw.choice([1, 1, 1, 2, 3]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(changes):
            change = draw.choice(sorted(CHANGES))
            CHANGES[change](cell, draw)
            history.append(change)
            for _ in range(draw.randint(1, 3)):
                kind = draw.choice(kinds)
                steps = draw.choice([1, 5])
                given = torch.randn(steps, BATCH, 3, dtype=dtype)
                given = torch.randint(0, ROWS, given.shape) if cell.whole else given
                state = [0.5 * torch.randn(BATCH, 4, dtype=dtype) for _ in range(3)]
                ours, theirs = (_tried(one, kind, given, state, seed, first) for one in (layer, loop))
                outcome.calls += 1
                outcome.kernels += layer.backend == "llvm"
                what = _difference(ours, theirs, CLOSE[dtype])
                again = lambda given: _tried(loop, kind, given, state, seed, first)  # noqa: B023, E731
                if what and _unstable(again, theirs, cell, given, dtype):
                    outcome.unstable += 1
                elif what:
                    outcome.differences.append(
                        f"seed {seed}, {kind} of {steps} steps after {history}: {what}"
                    )
    return outcome


def _tried(layer: Any, kind: str, x: Tensor, parts: list[Tensor], seed: int, first: bool) -> Any:
    """What a call returns, or the error that it raises."""
    torch.manual_seed(seed)  # of dropout
    form = layer.cell.form
    state = {"one": parts[0], "pair": (parts[0], parts[1]), "nested": ((parts[0], parts[1]), parts[2])}[form]
    x = x.transpose(0, 1) if first and kind not in ("step", "step training") else x
    try:
        return [*CALLS[kind](layer, x, state, first)]
    except Exception as error:  # the loop has to raise it too
        return f"{type(error).__name__}: {error}"


def _difference(ours: Any, theirs: Any, close: float) -> str | None:
    if isinstance(ours, str) or isinstance(theirs, str):
        same = (
            isinstance(ours, str) and isinstance(theirs, str) and ours.split(":")[0] == theirs.split(":")[0]
        )
        return None if same else f"{ours if isinstance(ours, str) else 'a result'} for {theirs}"
    if len(ours) != len(theirs):
        return f"{len(ours)} results for {len(theirs)}"
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a.shape != b.shape or a.dtype != b.dtype or not torch.allclose(a, b, close, close, equal_nan=True):
            size = (a - b).abs().max() if a.shape == b.shape else f"{list(a.shape)} for {list(b.shape)}"
            return f"result {number} differs by {size}"
    return None


def _unstable(
    run: Callable[[Tensor], Any], were: Any, cell: RandomCell, given: Tensor, dtype: torch.dtype
) -> bool:
    """Whether changes of the size of rounding change what the loop returns: its numbers lie on a step or a kink."""
    if isinstance(were, str):
        return False
    size = ROUNDING[dtype]
    numbers = [*cell.parameters(), *cell.buffers(), cell.mask_x, cell.mask_h, cell.each]
    held = {id(t): (t, t.detach().clone()) for t in numbers if t.is_floating_point()}
    try:
        for _ in range(6):
            for tensor, value in held.values():
                tensor.data.copy_(value * (1 + size * torch.randn_like(value)))
            event = given * (1 + size * torch.randn_like(given)) if given.is_floating_point() else given
            with OtherRounding(size):
                found = run(event)
            if not isinstance(found, str) and _difference(found, were, CLOSE[dtype]):
                return True
        return False
    finally:
        for tensor, value in held.values():
            tensor.data.copy_(value)


def _leaves(state: Any) -> Iterator[Tensor]:
    if isinstance(state, Tensor):
        yield state
    else:
        for part in state:
            yield from _leaves(part)


def _seen(result: Any) -> list[Tensor]:
    y, state = result
    return [y.detach(), *(part.detach() for part in _leaves(state))]


def _training(run: Callable[[Tensor, Any], Any], layer: Any, x: Tensor, state: Any) -> list[Tensor]:
    x = x.clone().requires_grad_(x.is_floating_point())
    for part in _leaves(state):
        part.requires_grad_()
    y, after = run(x, state)
    loss = y.square().sum() + 0 * next(_leaves(state)).sum()  # which has a gradient even where y has none
    loss = loss + sum(part.sin().sum() for part in _leaves(after))
    held = (x, *_leaves(state), *layer.parameters())
    wanted = [tensor for tensor in held if tensor.requires_grad]
    gradients = torch.autograd.grad(loss, wanted, allow_unused=True)
    return [
        *_seen((y, after)),
        *(torch.zeros_like(w) if g is None else g for g, w in zip(gradients, wanted, strict=True)),
    ]


def _marks(x: Tensor, first: bool) -> Tensor:
    return torch.eye(*x.shape[:2], dtype=torch.bool)


def _ends(x: Tensor, first: bool) -> list[int]:
    steps = x.shape[1 if first else 0]
    return [steps, steps // 2]


@torch.no_grad()
def _without_gradient(run: Callable[[], Any]) -> list[Tensor]:
    return _seen(run())


CALLS: dict[str, Callable[..., list[Tensor]]] = {
    "sequence": lambda layer, x, s, first: _without_gradient(lambda: layer(x)),
    "state": lambda layer, x, s, first: _without_gradient(lambda: layer(x, s)),
    "step": lambda layer, x, s, first: _without_gradient(lambda: layer.step(x[0], s)),
    "first step": lambda layer, x, s, first: _without_gradient(lambda: layer.step(x.reshape(-1, 3)[:BATCH])),
    "lengths": lambda layer, x, s, first: _without_gradient(lambda: layer(x, lengths=_ends(x, first)[::-1])),
    "resets": lambda layer, x, s, first: _without_gradient(lambda: layer(x, s, resets=_marks(x, first))),
    "one example": lambda layer, x, s, first: _without_gradient(lambda: layer(x[:, 0] if not first else x[0])),
    "training": lambda layer, x, s, first: _training(lambda x, s: layer(x), layer, x, s),
    "training from a state": lambda layer, x, s, first: _training(layer, layer, x, s),
    "training of lengths": lambda layer, x, s, first: _training(
        lambda x, s: layer(x, s, lengths=_ends(x, first)), layer, x, s
    ),
    "training of resets": lambda layer, x, s, first: _training(
        lambda x, s: layer(x, s, resets=_marks(x, first)), layer, x, s
    ),
    "step training": lambda layer, x, s, first: _training(lambda x, s: layer.step(x[0], s), layer, x, s),
}  # fmt: skip
"""Calls of a layer, each a function of the layer, events, a state, and whether the batch comes first."""
