"""Attention's equations once more, in float64 NumPy, one query at a time, written from the papers alone.

Each takes the parameters as a mapping of names to arrays, one event x [I], what it sees [S, M] (oldest first), a
`turn` of queries and keys, and what is added to the energies [heads, S]; it returns the output and the weights
[heads, S].
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = Mapping[str, Array]
Turn = Callable[[Array, int], Array]  # a vector, and the number of the entry; -1 for the query's own


def softmax(a: Array) -> Array:
    powers = np.exp(a - a.max(-1, keepdims=True)) if a.shape[-1] else a
    return powers / powers.sum(-1, keepdims=True)


def stick_breaking(a: Array) -> Array:
    left, shares = 1.0, []
    for energy in a[::-1]:
        shares.append(left / (1 + np.exp(-energy)))
        left -= shares[-1]
    return np.array(shares[::-1])


def additive(p: Weights, x: Array, seen: Array, turn: Turn, bias: Array) -> tuple[Array, Array]:
    energies = [p["v_a"] @ np.tanh(p["W_a"] @ x + p["U_a"] @ m + p["b_a"]) for m in seen]
    weights = softmax(np.array(energies) + bias[0])
    return np.zeros(seen.shape[1]) + sum(w * m for w, m in zip(weights, seen, strict=True)), weights[None]


def luong(
    p: Weights, x: Array, seen: Array, turn: Turn, bias: Array, score: str = "general", half_width: int = 0
) -> tuple[Array, Array]:
    energies = []
    for s, m in enumerate(seen):
        if score == "dot":
            energies.append(turn(x, -1) @ turn(m, s))
        elif score == "general":
            energies.append(turn(x, -1) @ turn(p["W_a"] @ m, s))
        else:
            energies.append(p["v_a"] @ np.tanh(p["W_a"] @ np.concatenate((x, m))))
    energies = np.array(energies) + bias[0]
    weights = softmax(energies)
    if half_width:
        S = len(seen)
        p_t = S / (1 + np.exp(-p["v_p"] @ np.tanh(p["W_p"] @ x)))
        near = [s for s in range(S) if p_t - half_width <= s <= p_t + half_width]
        weights, inside = np.zeros(S), softmax(energies[near])
        for a, s in zip(inside, near, strict=True):
            weights[s] = a * np.exp(-((s - p_t) ** 2) / (2 * (half_width / 2) ** 2))
    context = np.zeros(seen.shape[1]) + sum(w * m for w, m in zip(weights, seen, strict=True))
    return np.tanh(p["W_c"] @ np.concatenate((context, x))), weights[None]


def multi_head(
    p: Weights,
    x: Array,
    seen: Array,
    turn: Turn,
    bias: Array,
    weighting: Callable[[Array], Array] = softmax,
) -> tuple[Array, Array]:
    size = len(x)
    if "in_proj_weight" in p:
        W_q, W_k, W_v = np.split(p["in_proj_weight"], 3)
    else:
        W_q, W_k, W_v = (p[f"{name}_proj_weight"] for name in "qkv")
    b_q, b_k, b_v = np.split(p["in_proj_bias"], 3)
    width, heads, weights = size // len(bias), [], []
    for head, added in enumerate(bias):
        of_head = slice(head * width, (head + 1) * width)
        q = turn((W_q @ x + b_q)[of_head], -1)
        k = [turn((W_k @ m + b_k)[of_head], s) for s, m in enumerate(seen)]
        a = weighting(np.array([q @ key / np.sqrt(width) for key in k]) + added)
        weights.append(a)
        v = [(W_v @ m + b_v)[of_head] for m in seen]
        heads.append(np.zeros(width) + sum(w * value for w, value in zip(a, v, strict=True)))
    return p["out_proj.weight"] @ np.concatenate(heads) + p["out_proj.bias"], np.array(weights)


def waves(position: int, size: int) -> Array:
    pairs = [position / 10_000 ** (2 * i / size) for i in range(size // 2)]
    return np.array([f(angle) for angle in pairs for f in (np.sin, np.cos)])


def turned(vector: Array, position: int) -> Array:
    size = len(vector)
    angles = position / 10_000 ** (2 * np.arange(size // 2) / size)
    turned = (vector[::2] + 1j * vector[1::2]) * np.exp(1j * angles)
    return np.stack((turned.real, turned.imag), 1).reshape(-1)


def time_bias(elapsed: Array, values: Array, shortest: float, longest: float) -> Array:
    """[heads, S]: straight lines between knots that lie evenly over log(1 + seconds / shortest)."""
    knots = np.linspace(0, np.log(1 + longest / shortest), values.shape[1])
    return np.stack([np.interp(np.log(1 + elapsed / shortest), knots, of_head) for of_head in values])


def one_query(
    equations: Callable[..., tuple[Array, Array]],
    p: Weights,
    position: str | None,
    heads: int,
    x: tuple[Array, int, float],
    seen: Sequence[tuple[Array, int, float]],
    size: int,
) -> tuple[Array, Array]:
    """Output and weights of one event; events are given with their numbers and their times."""
    event, number, time = x
    memory = np.array([m for m, _, _ in seen]).reshape(len(seen), size)
    bias = np.zeros((heads, len(seen)))
    turn: Turn = lambda vector, s: vector  # noqa: E731
    if position == "sinusoidal":
        event = event + waves(number, len(event))
        memory = np.array([m + waves(s, len(m)) for m, s, _ in seen]).reshape(memory.shape)
    elif position == "rotary":
        numbers = [*(s for _, s, _ in seen), number]
        turn = lambda vector, s: turned(vector, numbers[s])  # noqa: E731
    elif position == "time":
        bias = time_bias(np.array([time - t for _, _, t in seen]), p["time_bias"], 0.5, 30.0)
    return equations(p, event, memory, turn, bias)


def own_past(
    ask: Callable[..., tuple[Array, Array]],
    x: Array,
    window: int,
    lengths: Sequence[int],
    resets: NDArray[np.bool_],
    times: Array,
) -> tuple[list[list[Array]], list[list[Array]]]:
    """Outputs and weights of each event [T, B, I] that is there: for each sequence, over its own last events."""
    outputs, weights = [], []
    for b, length in enumerate(lengths):
        seen: list[tuple[Array, int, float]] = []
        number, of_b, weights_b = 0, [], []
        for t in range(length):
            if resets[t, b]:
                seen, number = [], 0
            now = (x[t, b], number, times[t, b])
            seen, number = [*seen, now][-window:], number + 1
            y, w = ask(now, seen)
            of_b.append(y)
            weights_b.append(np.pad(w[:, ::-1], ((0, 0), (0, window - len(seen)))))  # by age
        outputs.append(of_b)
        weights.append(weights_b)
    return outputs, weights


EQUATIONS = {
    "additive": additive,
    "dot": partial(luong, score="dot"),
    "general": luong,
    "concat": partial(luong, score="concat"),
    "dot_local": partial(luong, score="dot", half_width=2),
    "general_local": partial(luong, half_width=1),
    "concat_local": partial(luong, score="concat", half_width=2),
    "multi_head": multi_head,
    "stick_breaking": partial(multi_head, weighting=stick_breaking),
}
