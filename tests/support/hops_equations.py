"""Memory networks' equations once more, in float64 NumPy, one query at a time, written from the papers alone."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from attention_equations import Array, softmax, stick_breaking

WEIGHTINGS: Mapping[str, Callable[[Array], Array]] = {
    "softmax": softmax,
    "stick-breaking": stick_breaking,
    "linear": lambda energies: energies,
}


def read(
    u: Array,
    entries: Sequence[Sequence[Array]],
    ages: Sequence[int] | None,
    hops: int,
    p: Mapping[str, Array],
    tying: str,
    activation: Callable[[Array], Array] = lambda a: a,
    weighting: str = "softmax",
    scaled: bool = False,
) -> tuple[Array, list[Array]]:
    """The last controller, and the weights of every hop, of entries that are all held: each is its memories by the
    matrices A_1, A_2, ... (adjacent), or A and C."""
    shares, zeros = [], np.zeros(hops)
    for k in range(hops):
        a, c = (k, k + 1) if tying == "adjacent" else (0, 1)
        m = [entry[a] + (0 if ages is None else p["T"][a][age]) for entry, age in _aged(entries, ages)]
        o = [entry[c] + (0 if ages is None else p["T"][c][age]) for entry, age in _aged(entries, ages)]
        energies = (
            np.array([u @ memory for memory in m]) / (np.sqrt(len(u)) if scaled else 1) + p.get("b", zeros)[k]
        )
        weights = WEIGHTINGS[weighting](energies)
        read = np.zeros(len(u)) + sum(w * out for w, out in zip(weights, o, strict=True))
        if tying == "adjacent":
            u = activation(u + read)
        elif tying == "layer-wise":
            u = activation(p["H"] @ u + read)
        else:
            u = activation(p["R"][k] @ (u + read))
        shares.append(weights)
    return u, shares


def _aged(
    entries: Sequence[Sequence[Array]], ages: Sequence[int] | None
) -> list[tuple[Sequence[Array], int]]:
    return list(zip(entries, [0] * len(entries) if ages is None else ages, strict=True))


def encoded(sentence: Sequence[int], table: Array, encoding: str) -> Array:
    """A sentence of words' numbers, 0 for none, by a table of their vectors."""
    words = [word for word in sentence if word]
    d, J = table.shape[1], len(words)
    found = np.zeros(d)
    for j, word in enumerate(words, start=1):
        for k in range(1, d + 1):
            weight = 1.0 if encoding == "bag" else (1 - j / J) - (k / d) * (1 - 2 * j / J)
            found[k - 1] += weight * table[word][k - 1]
    return found
