"""Pairs of layers, torch.nn's and ours, with the same arguments and the same seed; and what they are given."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import wolfdog as wd

NAMES = ("RNN", "LSTM", "GRU")


@dataclass(frozen=True)
class LayerCase:
    """A layer of a name, with arguments."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def pair(self, dtype: torch.dtype = torch.float64) -> tuple[Any, Any]:
        """torch.nn's layer and ours."""
        layers = []
        for package in (nn, wd):
            torch.manual_seed(3)
            layers.append(getattr(package, self.name)(3, 4, dtype=dtype, **self.options))
        return layers[0], layers[1]

    def state(self, batch: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Any:
        """A state before the sequence, drawn at random."""
        depth = self.options.get("num_layers", 1) * (2 if self.options.get("bidirectional") else 1)
        h = torch.randn(depth, *batch, self.options.get("proj_size") or 4, dtype=dtype)
        return (h, torch.randn(depth, *batch, 4, dtype=dtype)) if self.name == "LSTM" else h

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{name}={value}" for name, value in self.options.items())])


CASES = (
    *(LayerCase(name) for name in NAMES),
    *(LayerCase(name, {"num_layers": 2, "bidirectional": True}) for name in NAMES),
    *(LayerCase(name, {"num_layers": 3, "dropout": 0.4, "batch_first": True}) for name in NAMES),
    *(LayerCase(name, {"bias": False, "bidirectional": True, "batch_first": True}) for name in NAMES),
    LayerCase("RNN", {"nonlinearity": "relu", "num_layers": 2}),
    LayerCase("LSTM", {"proj_size": 2}),
    LayerCase("LSTM", {"proj_size": 2, "num_layers": 2, "bidirectional": True, "dropout": 0.4}),
)


def packed(x: Tensor, batch_first: bool, in_order: bool = False) -> PackedSequence:
    """Four sequences [6, 4, 3] (or [4, 6, 3]) with ends, as torch.nn takes them."""
    lengths = [6, 4, 4, 1] if in_order else [4, 1, 6, 4]
    return pack_padded_sequence(x, torch.tensor(lengths), batch_first, enforce_sorted=in_order)


def flat(result: Any) -> list[Tensor]:
    """The tensors of a result, in order."""
    if isinstance(result, PackedSequence):
        return [result.data]
    if isinstance(result, Tensor):
        return [result]
    return [tensor for part in result for tensor in flat(part)]


def gradients(layer: nn.Module, result: Any, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Of something that depends on all of a result, to inputs and parameters."""
    total = sum((tensor.double() ** 3).sum() for tensor in flat(result))
    return torch.autograd.grad(total, [*inputs, *layer.parameters()])
