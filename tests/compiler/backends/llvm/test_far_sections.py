"""Kernels whose sections lie far apart in memory."""

import subprocess
import sys

import pytest

# Mappings fill the address space from the top, and small holes are left high above all that is free: the code of
# a kernel comes to lie in one of them, and its other sections gigabytes below.
SCRIPT = """
import ctypes
import torch
import wolfdog as wd
from wolfdog.compiler.backends.llvm import build

made, load = [], build.Code.__init__

def loaded(code, *given):
    made.append(given)
    load(code, *given)

build.Code.__init__ = loaded
layer = wd.Recurrent(wd.cells.LSTMCell(3, 4))
layer(torch.randn(5, 2, 3), lengths=[5, 2])[0].sum().backward()
build.Code.__init__ = load

libc, page = ctypes.CDLL(None), 4096
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
mapped = lambda size: libc.mmap(None, size, 0, 0x4022, -1, 0)  # private, anonymous, of no memory

holes = [mapped(4 * page) for _ in range(100)]
low = min(mapped(1 << 32) for _ in range(4))
for size in (1 << 24, 1 << 20, 1 << 16, 1 << 14, page):
    for _ in range(100_000):
        if mapped(size) < low:
            break
kept = []
for number in range(5):
    libc.munmap(holes[10 + 20 * number], min(1 + number, 4) * page)
    kept += [build.Code(*given) for given in made]
print(max(code.address for code in kept) - min(code.address for code in kept) > 2**31)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the script maps memory by Linux's numbers")
def test_a_kernel_may_be_loaded_into_scattered_memory() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "True"
