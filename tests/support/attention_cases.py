"""The attentions that tests go through, one row each, and positions by name."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from cases import scrambled
from wolfdog import memory as m

SIZE = 4
CASES: dict[str, Callable[..., m.Attention]] = {
    "additive": partial(m.AdditiveAttention, SIZE, 5),
    "dot": partial(m.LuongAttention, SIZE, score=m.Dot()),
    "general": partial(m.LuongAttention, SIZE, output_size=3),
    "concat": partial(m.LuongAttention, SIZE, score=m.Concat(5)),
    "dot_local": partial(m.LuongAttention, SIZE, score=m.Dot(), span=m.LocalP(2, 3)),
    "general_local": partial(m.LuongAttention, SIZE, span=m.LocalP(1, 3)),
    "concat_local": partial(m.LuongAttention, SIZE, score=m.Concat(5), span=m.LocalP(2, 3)),
    "multi_head": partial(m.MultiHeadAttention, SIZE, 2),
    "stick_breaking": partial(m.MultiHeadAttention, SIZE, 2, weighting="stick-breaking"),
}
POSITIONS: dict[str | None, m.Sinusoidal | m.Rotary | m.RelativeTime | None] = {
    None: None,
    "sinusoidal": m.Sinusoidal(),
    "rotary": m.Rotary(),
    "time": m.RelativeTime(shortest=0.5, longest=30.0, knots=5),
}
NO_ROTARY = ("additive", "concat", "concat_local")
PAIRS = [(case, at) for case in CASES for at in POSITIONS if not (at == "rotary" and case in NO_ROTARY)]


def make(name: str, position: str | None = None, window: int | None = 3, **options: object) -> m.Attention:
    attention = CASES[name](window=window, position=POSITIONS[position], dtype=torch.float64, **options)
    return scrambled(attention)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def clock(steps: int, batch: int, seed: int = 0) -> Tensor:
    """Uneven seconds that go on, from some time in this century."""
    passed = 8 * torch.rand(steps, batch, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return 1.7e9 + passed.square().cumsum(0)


def timed(position: str | None, times: Tensor, name: str = "times") -> dict[str, Tensor]:
    """The argument `times`, for a position that looks at it."""
    return {name: times} if position == "time" else {}


def stepped(
    attention: m.Attention, x: Tensor, state: object, times: Tensor | None
) -> tuple[Tensor, object, Tensor]:
    """Outputs, state and weights of a sequence [T, B, I], one event at a time."""
    outputs, weights = [], []
    for t, event in enumerate(x):
        time = None if times is None else times[t]
        y, state, w = attention.step(event, state, time=time, need_weights=True)
        outputs.append(y)
        weights.append(w)
    return torch.stack(outputs), state, torch.stack(weights)


def plain(result: object) -> object:
    """What a call returned, its state as a plain tuple of floating point numbers."""
    if isinstance(result, m.Past):
        return tuple(part.double() for part in result)
    return tuple(map(plain, result)) if isinstance(result, tuple) else result
