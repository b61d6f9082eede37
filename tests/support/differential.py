"""Random programs, changed between calls, by kernels and by the eager loop: what differs is returned."""

import random
import warnings

import torch

import wolfdog as wd
from random_cells import CHANGES, UNITS, RandomCell


def differences(seed: int, calls: int = 6) -> tuple[list[str], int]:
    """What differs in the calls of one random program, and how many of the calls ran as kernels."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    RandomCell.shared = 1.0
    cell = RandomCell(draw)
    layer, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    x, h = torch.randn(5, 2, 3), 0.5 * torch.randn(2, UNITS)
    found, compiled, history = [], 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(calls):
            change = draw.choice(sorted(CHANGES))
            CHANGES[change](cell, draw)
            history.append(change)
            for _ in range(draw.randint(1, 3)):
                kind = draw.choice(["sequence", "state", "step", "lengths", "resets", "training"])
                results = []
                for one in (layer, loop):
                    torch.manual_seed(seed)  # of dropout
                    results.append(_call(one, kind, x, h))
                compiled += layer.backend == "llvm"
                if not all(torch.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in zip(*results, strict=True)):
                    found.append(f"seed {seed}, {kind} after {history}")
    return found, compiled


def _call(layer: wd.Recurrent, kind: str, x: torch.Tensor, h: torch.Tensor) -> list[torch.Tensor]:
    if kind == "training":
        parameters = [p for p in layer.parameters() if p.requires_grad]
        y, _ = layer(x)
        gradients = torch.autograd.grad(y.square().sum(), parameters, allow_unused=True)
        return [y.detach(), *(g for g in gradients if g is not None)]
    with torch.no_grad():
        if kind == "step":
            return [layer.step(x[0], h)[0]]
        if kind == "state":
            return list(layer(x, h))
        if kind == "lengths":
            return list(layer(x, lengths=[5, 2]))
        if kind == "resets":
            return list(layer(x, resets=torch.eye(5, 2, dtype=torch.bool)))
        return list(layer(x))
