"""What the package exports, and that importing it costs nothing that it does not need."""

import subprocess
import sys

import pytest

import wolfdog as wd

NAMES = {
    "Bidirectional",
    "Checkpointed",
    "Chunk",
    "GRU",
    "LSTM",
    "RNN",
    "LearnedState",
    "MemoryNetwork",
    "Recurrent",
    "RecurrentDropout",
    "Stack",
    "TruncatedBPTT",
    "Watcher",
    "Zoneout",
    "cells",
    "export_onnx",
    "from_flax",
    "from_keras",
    "from_onnx",
    "memory",
    "plot_gates",
    "shared_dropout_masks",
    "show",
}
CELLS = {
    "Cell",
    "Chrono",
    "CoupledLSTMCell",
    "ElmanCell",
    "ForgetBias",
    "FourGateLSTMCell",
    "GRUCell",
    "LSTMCell",
    "LayerNormGRUCell",
    "LayerNormLSTMCell",
    "PeepholeLSTMCell",
    "ProjectedLSTMCell",
}
MEMORY = {
    "AdditiveAttention",
    "Adjacent",
    "Attending",
    "Attention",
    "BagOfWords",
    "BankReader",
    "Concat",
    "Dot",
    "EntryHops",
    "Feedforward",
    "Forgetting",
    "General",
    "Global",
    "Hops",
    "KeyValue",
    "KeyValueMemoryNetwork",
    "LayerWise",
    "LSTMNCell",
    "LeastUsed",
    "LocalP",
    "LuongAttention",
    "MemoryBank",
    "MemoryNetwork",
    "MultiHeadAttention",
    "NTMCell",
    "NTMState",
    "Novel",
    "Past",
    "PositionEncoding",
    "Recent",
    "RelativeTime",
    "Reservoir",
    "Rotary",
    "Sinusoidal",
    "Strided",
    "Tape",
    "TemporalEncoding",
    "stick_breaking",
}
HEAVY = (
    "PIL",
    "av",
    "jax",
    "llvmlite",
    "matplotlib",
    "onnx",
    "rich",
    "safetensors",
    "triton",
    "typer",
)


def loaded_by(code: str) -> set[str]:
    """The modules, of the top level and of wolfdog, that a fresh interpreter has loaded after some code."""
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return {name for name in out.split() if "." not in name or name.startswith("wolfdog.")}


def test_exported_names() -> None:
    assert set(wd.cells.__all__) == CELLS
    assert set(wd.memory.__all__) == MEMORY
    for room, names in ((wd.cells, CELLS), (wd.memory, MEMORY)):
        for name in names:
            assert getattr(room, name)
    for name in NAMES:
        assert getattr(wd, name)
    assert wd.__version__


@pytest.fixture(scope="module")
def after_import() -> set[str]:
    return loaded_by("import wolfdog")


def test_importing_is_free(after_import: set[str]) -> None:
    without = loaded_by("import torch")
    assert not (after_import - without) & set(HEAVY)


def test_importing_loads_neither_television_nor_the_command(after_import: set[str]) -> None:
    assert "wolfdog.cells.lstm" in after_import
    assert not after_import & {"wolfdog.tv", "wolfdog.watch", "wolfdog.cli", "wolfdog.memory"}


def test_a_heavy_import_would_be_seen() -> None:
    assert "PIL" in loaded_by("import wolfdog, PIL")
