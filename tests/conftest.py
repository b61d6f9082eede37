"""What every test starts from: one thread, one seed, and uninitialised memory that shows (NaN)."""

import os

import hypothesis
import pytest
import torch

# cuBLAS refuses to be deterministic without it; it is read when the first CUDA context is made.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
# A layer that reads memory nobody wrote computes NaN, and fails. It works in deterministic mode only.
torch.use_deterministic_algorithms(True)
torch.utils.deterministic.fill_uninitialized_memory = True
torch.set_num_threads(1)

hypothesis.settings.register_profile("wolfdog", deadline=None, max_examples=30, derandomize=True)
hypothesis.settings.load_profile("wolfdog")


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_backend_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WOLFDOG_BACKEND", raising=False)
