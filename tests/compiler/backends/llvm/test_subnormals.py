"""Subnormal numbers in kernels of gradients: which kernels make zeros of them, and that nothing else does."""

import platform

import pytest
import torch
from torch import nn

import wolfdog as wd
from cases import CELLS
from tolerances import assert_agree
from wolfdog.compiler.backends.llvm.subnormals import flushing, negligible
from wolfdog.layers.execution.compiled import CompiledRunner

COMPARING = {"elman_relu", "clipped_lstm"}
"""Cells whose derivatives compare numbers."""
X86 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="of the registers of x86-64")


class Decay(nn.Module):
    """h_t = a h_{t-1} + x_t: the gradient of an event falls by a factor `a` from step to step."""

    def __init__(self, keeps: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.full((3,), keeps))

    def initial_state(self, batch: int) -> torch.Tensor:
        return self.a.new_zeros(batch, 3)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return self.a * h + x


class Rectified(Decay):
    """The derivative of relu tells a subnormal number from zero."""

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.a * h + x)


def gradients(cell: nn.Module, backend: str | None, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    x = x.clone().requires_grad_()
    y, _ = wd.Recurrent(cell, backend=backend)(x)
    return torch.autograd.grad(y[-1].sum(), [x, *cell.parameters()])


@pytest.mark.parametrize("case", CELLS, ids=str)
@pytest.mark.parametrize("resets", [False, True])
def test_kernels_make_zeros_where_the_derivative_is_smooth(case, resets):
    cell = case.make(3, 4)
    compiled = CompiledRunner(cell, "state").prepare(torch.zeros(2, 3))
    assert compiled is not None
    recurrence = compiled.recurrence(resets, hoist_events=False)
    assert negligible(recurrence.differentiated.backward) == (case.name not in COMPARING)
    source = recurrence.backward_kernel.kernel.source
    assert all((call in source) == (case.name not in COMPARING) for call in ("flush()", "restore(mode)"))
    assert "flush" not in recurrence.training.kernel.source
    assert "flush" not in recurrence.inference.kernel.source


@X86
@pytest.mark.parametrize(("dtype", "steps"), [(torch.float32, 132), (torch.float64, 1030)])
@pytest.mark.parametrize("batch", [2, 64])
def test_a_gradient_that_vanishes_is_zero_before_it_is_subnormal(dtype, steps, batch):
    tiny = torch.finfo(dtype).tiny
    cell = Decay(0.5).to(dtype)
    x = torch.randn(steps, batch, 3, dtype=dtype)
    found, expected = (gradients(cell, backend, x) for backend in (None, "eager"))
    assert_agree(found, expected)
    small = (expected[0] != 0) & (expected[0] < tiny)
    assert small.any()
    assert (found[0][small] == 0).all()
    assert (found[0][~small] != 0).all()
    assert torch.full((3,), tiny, dtype=dtype).mul(0.25).ne(0).all()  # in this thread, all is as it was


@X86
def test_a_derivative_that_tells_them_from_zero_keeps_them():
    cell, x = Rectified(0.5), torch.zeros(140, 2, 3)
    x[0] = 1.0
    found, expected = (gradients(cell, backend, x) for backend in (None, "eager"))
    assert (expected[0][:20] != 0).all()
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_other_processors_have_no_such_mode():
    functions = flushing("aarch64-unknown-linux-gnu")
    assert functions["restore"](None, functions["flush"](None)) is None
    assert functions.keys() == flushing("x86_64-unknown-linux-gnu").keys()
