"""The units' equations once more, in float64 NumPy, written from the papers alone.

Each takes the parameters as a mapping of names to arrays, an event [B, I] and the memories [B, H], and
returns the memories after it. Missing biases are zero.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = Mapping[str, Array]


def sigmoid(a: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-a))


def rows(p: Weights, kind: str, gate: int) -> Array:
    """The rows of one gate in a packed parameter; zeros for a bias that is missing."""
    size = p["weight_hh"].shape[1]
    if kind not in p:
        return np.zeros(size)
    return p[kind][gate * size : (gate + 1) * size]


def event_part(p: Weights, gate: int, x: Array) -> Array:
    return x @ rows(p, "weight_ih", gate).T + rows(p, "bias_ih", gate)


def memory_part(p: Weights, gate: int, h: Array) -> Array:
    return h @ rows(p, "weight_hh", gate).T + rows(p, "bias_hh", gate)


def gate_over(p: Weights, name: str, *parts: Array) -> Array:
    """W [parts] + b for a gate that has a matrix of its own."""
    bias = p.get(f"{name}.bias", np.zeros(len(p[f"{name}.weight"])))
    return np.hstack(parts) @ p[f"{name}.weight"].T + bias


def elman(p: Weights, x: Array, h: Array) -> tuple[Array, ...]:
    return (np.tanh(event_part(p, 0, x) + memory_part(p, 0, h)),)


def elman_relu(p: Weights, x: Array, h: Array) -> tuple[Array, ...]:
    return (np.maximum(event_part(p, 0, x) + memory_part(p, 0, h), 0.0),)


def lstm(p: Weights, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    i, f, g, o = (event_part(p, k, x) + memory_part(p, k, h) for k in range(4))
    c_new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c_new), c_new


def four_gate_lstm(p: Weights, x: Array, stm: Array, ltm: Array) -> tuple[Array, ...]:
    N = np.tanh(gate_over(p, "n", stm, x)) * sigmoid(gate_over(p, "i", stm, x))
    F = ltm * sigmoid(gate_over(p, "f", stm, x))
    U = np.tanh(gate_over(p, "u", F))
    V = sigmoid(gate_over(p, "v", stm, x))
    return U * V, F + N


def peephole_full(p: Weights, x: Array, stm: Array, ltm: Array) -> tuple[Array, ...]:
    N = np.tanh(gate_over(p, "n", ltm, stm, x)) * sigmoid(gate_over(p, "i", ltm, stm, x))
    F = ltm * sigmoid(gate_over(p, "f", ltm, stm, x))
    V = sigmoid(gate_over(p, "v", ltm, stm, x))
    return np.tanh(F + N) * V, F + N


def peephole_diagonal(p: Weights, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    size = h.shape[-1]
    p_i, p_f, p_o = (p["weight_ch"][k * size : (k + 1) * size] for k in range(3))
    i, f, g, o = (event_part(p, k, x) + memory_part(p, k, h) for k in range(4))
    c_new = sigmoid(f + p_f * c) * c + sigmoid(i + p_i * c) * np.tanh(g)
    return sigmoid(o + p_o * c_new) * np.tanh(c_new), c_new


def gru(p: Weights, x: Array, h: Array) -> tuple[Array, ...]:
    r = sigmoid(event_part(p, 0, x) + memory_part(p, 0, h))
    z = sigmoid(event_part(p, 1, x) + memory_part(p, 1, h))
    n = np.tanh(event_part(p, 2, x) + r * memory_part(p, 2, h))
    return ((1.0 - z) * n + z * h,)


def gru_reset_before(p: Weights, x: Array, h: Array) -> tuple[Array, ...]:
    r = sigmoid(event_part(p, 0, x) + memory_part(p, 0, h))
    z = sigmoid(event_part(p, 1, x) + memory_part(p, 1, h))
    n = np.tanh(event_part(p, 2, x) + memory_part(p, 2, r * h))
    return ((1.0 - z) * n + z * h,)


EQUATIONS: Mapping[str, Callable[..., tuple[Array, ...]]] = {
    "elman": elman,
    "elman_relu": elman_relu,
    "lstm": lstm,
    "four_gate_lstm": four_gate_lstm,
    "peephole_full": peephole_full,
    "peephole_diagonal": peephole_diagonal,
    "gru": gru,
    "gru_reset_before": gru_reset_before,
}
