"""Kernels for processors that this machine does not have, by LLVM's cross target."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from wolfdog.compiler.backends.llvm.gemm_loops import product_source
from wolfdog.compiler.backends.llvm.in_place import in_place_source
from wolfdog.compiler.backends.llvm.machine_code import SYMBOL, cross_compiled
from wolfdog.compiler.backends.llvm.microkernel import tiles
from wolfdog.compiler.backends.llvm.narrow_loops import narrow_product_source
from wolfdog.compiler.backends.llvm.narrow_tiles import narrow_tiles
from wolfdog.compiler.backends.llvm.target import Target, chosen

ARM = chosen(32, {"neon": True})
TRIPLE = "aarch64-unknown-linux-gnu"

POINTWISE = """\
def kernel(table, low, high):
    x, y = field(table, 0), field(table, 1)
    for j in range(low, high, 4):
        store(y, j, tanh(load(x, j)) * sigmoid(load(x, j)))
"""


def count(assembly: str, pattern: str) -> int:
    return len(re.findall(pattern, assembly))


def test_widths() -> None:
    assert Target(32, 4, 4, 4) == ARM
    assert chosen(32, {"avx2": True, "fma": True}) == Target(32, 8, 2, 6)
    assert chosen(64, {"sse4.2": True}) == Target(64, 2, 2, 4, fused=False)
    assert chosen(32, {"avx512f": True, "avx512vnni": True}).dots == {"int8"}
    assert chosen(64, {"avx512f": True, "avx512vnni": True}).dots == set()


def test_products_on_arm_are_fused_and_fill_the_registers() -> None:
    source = product_source(ARM)
    _, assembly = cross_compiled(source, ARM, TRIPLE, "neoverse-n1", tiles(ARM))
    sums = sum(rows for rows in range(1, ARM.rows + 1)) * ARM.vectors
    assert count(assembly, r"\tfmla\s+v\d+\.4s") >= sums  # one for each vector of sums of each tile
    assert count(assembly, r"\tbl\s") == 0  # no function is called
    assert count(assembly, r"\tstr\s+q\d+, \[sp") == 0  # nothing leaves the registers for the stack


def test_functions_on_arm_are_vectors() -> None:
    _, assembly = cross_compiled(POINTWISE, ARM, TRIPLE, "neoverse-n1")
    assert count(assembly, r"\tfml[as]\s+v\d+\.4s") > 10
    assert count(assembly, r"\tbl\s") == 0


@pytest.mark.parametrize("name", ["int8", "bfloat16"])
def test_narrow_numbers_on_arm_are_widened(name: str) -> None:
    source = narrow_product_source(ARM, name)
    _, assembly = cross_compiled(source, ARM, TRIPLE, "neoverse-n1", {**tiles(ARM), **narrow_tiles(ARM)})
    assert count(assembly, r"\tscvtf\s+v\d+\.4s" if name == "int8" else r"\tshl\s+v\d+\.4s") > 4
    assert count(assembly, r"\tfmla\s+v\d+\.4s") > 20
    assert count(assembly, r"\tbl\s") == 0


@pytest.mark.parametrize("form", [torch.bfloat16, torch.float16])
def test_matrices_read_in_place_on_arm_are_widened(form: torch.dtype) -> None:
    source, functions = in_place_source(ARM, form)
    _, assembly = cross_compiled(source, ARM, TRIPLE, "neoverse-n1", functions)
    assert (
        count(assembly, r"\tfcvtl2?\s+v\d+\.4s" if form is torch.float16 else r"\tu?shll?2?\s+v\d+\.4s") > 4
    )
    assert count(assembly, r"\tfmla\s+v\d+\.4s") > 20
    assert count(assembly, r"\tbl\s") == 0


MAIN = """\
#include <stdio.h>
#include <stdint.h>
void %s(int64_t a, int64_t lda, int64_t packed, int64_t first, int64_t depth, int64_t c, int64_t ldc,
        int64_t width, int64_t rows, int64_t fresh);
static float a[] = {%s}, packed[] = {%s}, c[%d];
int main(void) {
    %s((int64_t)a, %d, (int64_t)packed, 0, %d, (int64_t)c, %d, %d, %d, 1);
    for (int i = 0; i < %d; i++) printf("%%.9g\\n", c[i]);
}
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which("qemu-aarch64") and shutil.which("aarch64-linux-gnu-gcc")),
    reason="qemu-user and gcc-aarch64-linux-gnu are not installed",
)
def test_a_product_runs_on_arm(tmp_path: Path) -> None:
    rows, depth, width = 7, 33, 2 * ARM.panel
    x, w = torch.randn(rows, depth), torch.randn(depth, width)
    panels = w.view(depth, 2, ARM.panel).transpose(0, 1)
    code, _ = cross_compiled(product_source(ARM), ARM, TRIPLE, "generic", tiles(ARM))
    (tmp_path / "kernel.o").write_bytes(code)
    numbers = [
        ", ".join(
            f"{value:.9g}f" if "." in f"{value:.9g}" else f"{value:.9g}.f" for value in t.flatten().tolist()
        )
        for t in (x, panels)
    ]
    size = rows * width
    text = MAIN % (SYMBOL, *numbers, size, SYMBOL, depth, depth, width, width, rows, size)
    (tmp_path / "main.c").write_text(text)
    compiler = ["aarch64-linux-gnu-gcc", "-static", "-o", "product", "main.c", "kernel.o"]
    subprocess.run(compiler, cwd=tmp_path, check=True)
    found = subprocess.run(
        ["qemu-aarch64", "./product"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    y = torch.tensor(list(map(float, found.stdout.split()))).view(rows, width)
    torch.testing.assert_close(y, x @ w, rtol=1e-5, atol=1e-5)
