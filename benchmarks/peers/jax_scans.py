"""jax.lax.scan, with the product of the events before the loop and one product of the states in it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .case import Case, Run

Arrays = Any  # JAX's, which is imported only where it is a peer


def jax_scan(case: Case) -> Run | str:
    """The cell written for jax.lax.scan, compiled by jax.jit.

    JAX 0.10 has one runtime for the CPU: the older one, of `--xla_cpu_use_thunk_runtime=false`, is no longer in it. An
    older release, which has both, is measured with either by the variable `XLA_FLAGS`.
    """
    try:
        import jax
        import jax.numpy as jnp
    except ImportError as missing:
        return f"{missing.name} is not installed"
    if case.name not in SCANS or not case.whole:
        return "the cell is not written for jax.lax.scan here, or not for ragged examples or resets"
    weights = [jnp.asarray(p.detach().numpy()) for p in case.cell.parameters()]
    events = jnp.asarray(case.x.numpy())
    scan = SCANS[case.name]

    def forward(weights: list[Arrays], events: Arrays) -> Arrays:
        inputs, step, memories = scan(jax, jnp, weights, events)
        zero = jnp.zeros((events.shape[1], events.shape[2]), events.dtype)
        return jax.lax.scan(step, (zero,) * memories, inputs)[1]

    def read(found: Any) -> list[Tensor]:
        return [torch.from_numpy(jax.device_get(leaf).copy()) for leaf in jax.tree.leaves(found)]

    if not case.training:
        run = jax.jit(forward)
        return Run(lambda: jax.block_until_ready(run(weights, events)), read)
    gradient = jax.jit(jax.grad(lambda e, w: forward(w, e).sum(), argnums=(0, 1)))
    return Run(lambda: jax.block_until_ready(gradient(events, weights)), read)


def _lstm(
    jax: Any, jnp: Any, weights: list[Arrays], events: Arrays
) -> tuple[Arrays, Callable[..., Any], int]:
    w_x, w_h, b_x, b_h = weights

    def step(state: Arrays, e: Arrays) -> Arrays:
        h, c = state
        i, f, g, o = jnp.split(e + h @ w_h.T, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return events @ w_x.T + b_x + b_h, step, 2


def _gru(jax: Any, jnp: Any, weights: list[Arrays], events: Arrays) -> tuple[Arrays, Callable[..., Any], int]:
    w_x, w_h, b_x, b_h = weights

    def step(state: Arrays, e: Arrays) -> Arrays:
        (h,) = state
        (er, ez, en), (hr, hz, hn) = jnp.split(e, 3, -1), jnp.split(h @ w_h.T + b_h, 3, -1)
        z = jax.nn.sigmoid(ez + hz)
        h = (1 - z) * jnp.tanh(en + jax.nn.sigmoid(er + hr) * hn) + z * h
        return (h,), h

    return events @ w_x.T + b_x, step, 1


def _elman(
    jax: Any, jnp: Any, weights: list[Arrays], events: Arrays
) -> tuple[Arrays, Callable[..., Any], int]:
    w_x, w_h, b_x, b_h = weights

    def step(state: Arrays, e: Arrays) -> Arrays:
        h = jnp.tanh(e + state[0] @ w_h.T)
        return (h,), h

    return events @ w_x.T + b_x + b_h, step, 1


def _diagonal(
    jax: Any, jnp: Any, weights: list[Arrays], events: Arrays
) -> tuple[Arrays, Callable[..., Any], int]:
    w_x, w_h, b_x, b_h, peep = weights
    p_i, p_f, p_o = jnp.split(peep, 3)

    def step(state: Arrays, e: Arrays) -> Arrays:
        h, c = state
        i, f, g, o = jnp.split(e + h @ w_h.T, 4, -1)
        c = jax.nn.sigmoid(f + p_f * c) * c + jax.nn.sigmoid(i + p_i * c) * jnp.tanh(g)
        h = jax.nn.sigmoid(o + p_o * c) * jnp.tanh(c)
        return (h, c), h

    return events @ w_x.T + b_x + b_h, step, 2


def _full(
    jax: Any, jnp: Any, weights: list[Arrays], events: Arrays
) -> tuple[Arrays, Callable[..., Any], int]:
    matrix, bias = (
        jnp.concatenate(weights[::2]),
        jnp.concatenate(weights[1::2]),
    )  # n, i, f, v over [LTM, STM, E]
    size = events.shape[2]

    def step(state: Arrays, e: Arrays) -> Arrays:
        h, c = state
        n, i, f, v = jnp.split(e + jnp.concatenate((c, h), -1) @ matrix[:, : 2 * size].T, 4, -1)
        c = c * jax.nn.sigmoid(f) + jnp.tanh(n) * jax.nn.sigmoid(i)
        h = jnp.tanh(c) * jax.nn.sigmoid(v)
        return (h, c), h

    return events @ matrix[:, 2 * size :].T + bias, step, 2


def _four_gate(
    jax: Any, jnp: Any, weights: list[Arrays], events: Arrays
) -> tuple[Arrays, Callable[..., Any], int]:
    use, use_bias = weights[6:8]
    matrix = jnp.concatenate((*weights[0:6:2], weights[8]))  # n, i, f, v over [STM, E]
    bias = jnp.concatenate((*weights[1:6:2], weights[9]))
    size = events.shape[2]

    def step(state: Arrays, e: Arrays) -> Arrays:
        h, c = state
        n, i, f, v = jnp.split(e + h @ matrix[:, :size].T, 4, -1)
        kept = c * jax.nn.sigmoid(f)
        h = jnp.tanh(kept @ use.T + use_bias) * jax.nn.sigmoid(v)
        return (h, kept + jnp.tanh(n) * jax.nn.sigmoid(i)), h

    return events @ matrix[:, size:].T + bias, step, 2


SCANS = {
    "LSTM": _lstm,
    "GRU": _gru,
    "Elman": _elman,
    "PeepholeLSTM": _diagonal,
    "PeepholeLSTM, full": _full,
    "FourGateLSTM": _four_gate,
}
"""By cell: parameters and events to what the loop reads, its step, and the number of its memories."""
