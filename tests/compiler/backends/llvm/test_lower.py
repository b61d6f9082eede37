"""The small part of Python that kernels are written in: what it says to LLVM is what it says in Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfdog.compiler.backends.llvm.build import build
from wolfdog.compiler.backends.llvm.lower import lowered
from wolfdog.compiler.backends.llvm.simd import Lanes

ROOM = 400
WALKS = {
    "ranges upwards and downwards": """
def kernel(out, a, b):
    done = 0
    for i in range(a):
        for j in range(b, i, -1):
            done += 2
            mark(out, done)
        for j in range(i, a + b, b + 1):
            done -= 1
            mark(out, done + 200)
""",
    "while, and what decides early": """
def kernel(out, a, b):
    n = 0
    while n < 20 and (n * n < a or n % 3 != b % 3):
        n += 1
        mark(out, n + 7)
""",
    "branches": """
def kernel(out, a, b):
    for i in range(12):
        if i == a:
            mark(out, 1)
        elif i < b:
            mark(out, 10 + i)
        else:
            left, right = i // 2, i % (a + 1)
            mark(out, 100 + left * 8 + right)
        n = a if i == 0 else field(out, 0) * 0 + b
        mark(out, 300 + n)
        if a:
            mark(out, 350)
""",
    "names that are used anew": """
def kernel(out, a, b):
    v0 = a + 1
    mark(out, v0)
    v0 = number(2.0) + 1.0
    v1 = v0 > 2.5
    store_one(out, 20, where(v1 & ~(v0 < 1.0), v0, -v0))
    v0 = b
    for v0 in range(v0, b + 2):
        mark(out, 30 + v0)
""",
}


class _Python:
    """What kernels call, in Python: one number stands for a vector."""

    def __init__(self) -> None:
        self.out = [0.0] * ROOM
        self.scope = {
            "store_one": self._store, "field": lambda table, index: 0, "number": float,
            "where": lambda mask, x, y: x if mask else y,
        }  # fmt: skip

    def _store(self, out: int, index: int, value: float) -> None:
        self.out[index] = value

    def run(self, source: str, a: int, b: int) -> list[float]:
        exec(source.replace("& ~(v0 < 1.0)", "and not v0 < 1.0"), self.scope)
        self.scope["kernel"](0, a, b)  # type: ignore[operator]
        return self.out


@pytest.mark.parametrize("name", WALKS)
@given(a=st.integers(0, 9), b=st.integers(0, 9))
def test_a_kernel_says_what_it_says_in_python(name: str, a: int, b: int) -> None:
    source = WALKS[name].strip().replace("mark(out, ", "store_one(out, ")
    source = "\n".join(
        line[:-1] + ", number(1.0))" if "store_one" in line and "where" not in line else line
        for line in source.split("\n")
    )
    for bits, dtype in ((32, np.float32), (64, np.float64)):
        out = np.zeros(ROOM, dtype)
        build(source, bits)(out.ctypes.data, a, b)
        assert out.tolist() == _Python().run(source, a, b)


@pytest.mark.parametrize(
    "line", ["del low", "a = [1]", "a = 'text'", "return low", "a = low ** 2", "low.real"]
)
def test_what_it_has_no_words_for_is_said(line: str) -> None:
    with pytest.raises((SyntaxError, KeyError)):
        lowered(f"def kernel(low):\n    {line}\n", "kernel", {}, Lanes(32, 16))
