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


def clipped_lstm(p: Weights, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    i, f, g, o = (np.clip(event_part(p, k, x) + memory_part(p, k, h), -0.8, 0.8) for k in range(4))
    c_new = np.clip(sigmoid(f) * c + sigmoid(i) * np.tanh(g), -0.5, 0.5)
    return sigmoid(o) * np.tanh(c_new), c_new


def coupled_lstm(p: Weights, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    i, g, o = (event_part(p, k, x) + memory_part(p, k, h) for k in range(3))
    c_new = (1.0 - sigmoid(i)) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c_new), c_new


def projected_lstm(p: Weights, x: Array, r: Array, c: Array) -> tuple[Array, ...]:
    size = c.shape[-1]
    total = x @ p["weight_ih"].T + r @ p["weight_hh"].T + p.get("bias_ih", 0.0) + p.get("bias_hh", 0.0)
    i, f, g, o = (total[:, k * size : (k + 1) * size] for k in range(4))
    c_new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return (sigmoid(o) * np.tanh(c_new)) @ p["weight_hr"].T, c_new


def normalised(v: Array, gain: Array, shift: Array | float) -> Array:
    centred = v - v.mean(-1, keepdims=True)
    return gain * centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) + shift


def layer_norm_lstm(p: Weights, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    size = h.shape[-1]
    total = normalised(x @ p["weight_ih"].T, p["gain_ih"], p.get("bias_ih", 0.0)) + normalised(
        h @ p["weight_hh"].T, p["gain_hh"], p.get("bias_hh", 0.0)
    )
    i, f, g, o = (total[:, k * size : (k + 1) * size] for k in range(4))
    c_new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(normalised(c_new, p["gain_ltm"], p.get("bias_ltm", 0.0))), c_new


def layer_norm_gru(p: Weights, x: Array, h: Array) -> tuple[Array, ...]:
    size = h.shape[-1]

    def part(v: Array, kind: str, first: int, last: int) -> Array:
        mine = slice(first * size, last * size)
        shift = p[f"bias_{kind}"][mine] if f"bias_{kind}" in p else 0.0
        return normalised(v @ p[f"weight_{kind}"][mine].T, p[f"gain_{kind}"][mine], shift)

    gates = sigmoid(part(x, "ih", 0, 2) + part(h, "hh", 0, 2))
    r, z = gates[:, :size], gates[:, size:]
    n = np.tanh(part(x, "ih", 2, 3) + r * part(h, "hh", 2, 3))
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
    "clipped_lstm": clipped_lstm,
    "coupled_lstm": coupled_lstm,
    "projected_lstm": projected_lstm,
    "layer_norm_lstm": layer_norm_lstm,
    "layer_norm_gru": layer_norm_gru,
}
