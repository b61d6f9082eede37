"""RNN, LSTM and GRU beside torch.nn's with arguments and inputs drawn at random, right ones and wrong ones."""

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

import wolfdog as wd
from tolerances import assert_agree
from torch_nn_cases import NAMES, flat, gradients

TRIALS = 120

OPTIONS: dict[str, tuple[list[Any], list[Any]]] = {  # right ones, and wrong ones
    "num_layers": ([1, 2, 3], [0, -1, 1.5, True]),
    "bias": ([True, False], [1, None]),
    "batch_first": ([True, False], [0, None]),
    "dropout": ([0, 0.3, 1.0], [-0.1, 1.5, True]),
    "bidirectional": ([True, False], [1, None]),
    "proj_size": ([0, 1, 2], [-1, 4, 5]),
    "dtype": ([torch.float32, torch.float64, torch.bfloat16], [torch.int64, "float32"]),
    "device": (["cpu", "meta"], ["nonsense"]),
}


class Draw:
    """What is drawn for one trial."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def options(self, name: str) -> dict[str, Any]:
        drawn = {}
        for option, (right, wrong) in OPTIONS.items():
            known = option != "proj_size" or name == "LSTM"
            if self.chance(0.35 if known and option != "device" else 0.02):
                drawn[option] = self.random.choice(wrong if self.chance(0.06) else right)
        return drawn

    def tensor(self, *shape: int, dtype: torch.dtype) -> Tensor:
        """Nine times in ten of this shape and format, laid out in any way."""
        if self.chance(0.05):
            shape = self.random.choice(
                [shape[1:], (1, *shape), (*shape[:-1], shape[-1] + 1), (0, *shape[1:])]
            )
        if self.chance(0.05):
            dtype = self.random.choice([torch.float32, torch.float64, torch.int64])
        drawn = torch.randn(shape).to(dtype)
        return drawn.transpose(0, -1).contiguous().transpose(0, -1) if self.chance(0.2) and shape else drawn

    def inputs(self, layer: Any) -> tuple[Any, Any]:
        steps, batch, dtype = self.random.choice([1, 2, 6]), self.random.choice([1, 3]), torch.float32
        if layer.weight_ih_l0.is_floating_point():
            dtype = layer.weight_ih_l0.dtype
        form = self.random.choice(["tensor", "packed", "alone"])
        first, second = (batch, steps) if layer.batch_first else (steps, batch)
        alone = form == "alone"
        x: Any = self.tensor(steps, 3, dtype=dtype) if alone else self.tensor(first, second, 3, dtype=dtype)
        if form == "packed" and list(x.shape[:2]) == [first, second]:
            lengths = torch.tensor([self.random.randint(1, steps) for _ in range(batch)])
            x = pack_padded_sequence(x, lengths, layer.batch_first, enforce_sorted=False)
        if self.chance(0.5):
            return x, None
        depth = layer.num_layers * (2 if layer.bidirectional else 1)
        middle = () if alone else (batch,)
        h = self.tensor(depth, *middle, layer.proj_size or layer.hidden_size, dtype=dtype)
        if layer.mode != "LSTM":
            return x, h
        pair = (h, self.tensor(depth, *middle, layer.hidden_size, dtype=dtype))
        return x, pair if self.chance(0.95) else h


def found(function: Any, *arguments: Any, **options: Any) -> Any:
    """A result, or the exception in its place."""
    torch.manual_seed(4)
    try:
        return function(*arguments, **options)
    except Exception as error:
        return error


def second(layer: nn.Module, result: Any) -> tuple[Tensor, ...]:
    """Derivatives of the gradients' squares to the parameters; zeros where there are none."""
    parameters = list(layer.parameters())
    total = sum((tensor**3).sum() for tensor in flat(result))
    once = torch.autograd.grad(total, parameters, create_graph=True)
    squares = sum((gradient**2).sum() for gradient in once)
    return torch.autograd.grad(squares, parameters, allow_unused=True, materialize_grads=True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")
def test_the_same_results_or_the_same_exceptions(name: str) -> None:
    ran = refused = 0
    for seed in range(TRIALS):
        draw = Draw(seed)
        options = draw.options(name)
        theirs, ours = (found(getattr(package, name), 3, 4, **options) for package in (nn, wd))
        at = (seed, options, theirs, ours)
        if isinstance(theirs, Exception):
            assert type(ours) is type(theirs), at
            refused += 1
            continue
        x, state = draw.inputs(theirs)
        expected, actual = (found(layer, x, state) for layer in (theirs, ours))
        at = (*at, x, state, expected, actual)
        if isinstance(expected, Exception):
            assert (type(actual), str(actual)) == (type(expected), str(expected)), at
            refused += 1
            continue
        assert [(t.shape, t.dtype, t.device) for t in flat(actual)] == [
            (t.shape, t.dtype, t.device) for t in flat(expected)
        ], at
        if theirs.weight_ih_l0.is_meta:
            continue
        ran += 1
        assert_agree(tuple(flat(actual)), tuple(flat(expected)))
        assert_agree(gradients(ours, actual), gradients(theirs, expected))
        if theirs.weight_ih_l0.dtype is torch.float64:
            again = [found(layer, x, state) for layer in (ours, theirs)]
            assert_agree(second(ours, again[0]), second(theirs, again[1]))
    assert ran > TRIALS / 3
    assert refused > TRIALS / 10
