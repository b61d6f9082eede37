"""The neural Turing machine with an LSTM as its controller, written from the paper in NumPy, one slot after another."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wolfdog.memory import NTMCell

Array = NDArray[np.float64]


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def softmax(a: Array) -> Array:
    return np.exp(a - a.max()) / np.exp(a - a.max()).sum()


def softplus(a: Array) -> Array:
    return np.log(1 + np.exp(a))


def head(
    cell: NTMCell, memory: Array, before: Array, k: Array, beta: float, g: float, s: Array, gamma: float
) -> Array:
    """Where a head looks, by the paper's equations 5 to 9, one slot after another."""
    N, S = cell.slots, cell.shift_range
    likeness = np.array([k @ slot / np.sqrt((k @ k + 1e-6) * (slot @ slot + 1e-6)) for slot in memory])
    gated = g * softmax(beta * likeness) + (1 - g) * before
    moved = np.array([sum(gated[(i - j) % N] * s[j + S] for j in range(-S, S + 1)) for i in range(N)])
    return moved**gamma / (moved**gamma).sum()


def machine(cell: NTMCell, p: Mapping[str, Array], events: Array) -> list[tuple[Array, Array, Array]]:
    """Outputs, weights and memories of one sequence, written from the paper, with an LSTM as its controller."""
    R, W, N, M, moves = (
        cell.read_heads,
        cell.write_heads,
        cell.slots,
        cell.slot_size,
        2 * cell.shift_range + 1,
    )
    stm, ltm, read = np.zeros(5), np.zeros(5), np.zeros(R * M)
    memory, weights, found = np.full((N, M), 1e-6), np.eye(1, N).repeat(R + W, 0), []
    for x in events:
        total = (
            p["weight_ih"] @ np.concatenate((x, read)) + p["bias_ih"] + p["weight_hh"] @ stm + p["bias_hh"]
        )
        i, f, c, o = np.split(total, 4)
        ltm = sigmoid(f) * ltm + sigmoid(i) * np.tanh(c)
        stm = sigmoid(o) * np.tanh(ltm)
        told = list(p["interface.weight"] @ stm + p["interface.bias"])

        def take(rows: int, count: int, told: list[float] = told) -> Array:
            return np.array([told.pop(0) for _ in range(rows * count)]).reshape(rows, count)

        k, beta, g, s, gamma = (take(R + W, n) for n in (M, 1, 1, moves, 1))
        e, a = sigmoid(take(W, M)), take(W, M)
        weights = np.array(
            [
                head(
                    cell, memory, weights[h], k[h], softplus(beta[h, 0]), sigmoid(g[h, 0]), softmax(s[h]),
                    1 + softplus(gamma[h, 0]),
                )
                for h in range(R + W)
            ]
        )  # fmt: skip
        erased = np.prod([1 - np.outer(weights[R + h], e[h]) for h in range(W)], axis=0)
        memory = memory * erased + sum(np.outer(weights[R + h], a[h]) for h in range(W))
        read = (weights[:R] @ memory).reshape(-1)
        found.append((np.concatenate((stm, read)), weights, memory))
    return found
