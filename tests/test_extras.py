"""The library needs its four core packages alone; a feature that lacks an optional package names its extra."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from wolfdog.errors import MissingPackageError
from wolfdog.extras import needs_extra

CORE = {"torch", "numpy", "llvmlite", "safetensors"}
USE = """
import torch
import wolfdog as wd
from wolfdog.tv import IdealObserver, Sampler, default_world
layer = wd.Recurrent(wd.cells.FourGateLSTMCell(3, 4))
y, _ = layer(torch.randn(5, 2, 3))
y.sum().backward()
assert layer.backend == "llvm", layer.fallback_reason
wd.LSTM(3, 4)(torch.randn(5, 2, 3))
wd.memory.MultiHeadAttention(8, 2)
layer.activations(torch.randn(5, 2, 3))
wd.from_keras, wd.from_flax, wd.from_onnx, wd.export_onnx
"""
FEATURES = """
import torch
import wolfdog as wd
import wolfdog.tv
for feature in (
    lambda: list(wd.Watcher.load().watch(sys.executable)),
    lambda: wd.plot_gates({}),
    lambda: wolfdog.tv.Painter,
    lambda: wd.export_onnx(wd.LSTM(2, 3), "x.onnx"),
):
    try:
        feature()
    except wolfdog.errors.MissingPackageError as error:
        print(error)
"""


def closure(names: set[str]) -> set[str]:
    """The distributions that an installation of these brings, themselves included."""
    found: set[str] = set()
    waiting = {canonicalize_name(name) for name in names}
    while waiting:
        name = waiting.pop()
        found.add(name)
        needed = [Requirement(line) for line in requires(name) or []]
        wanted = [need for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})]
        waiting |= {canonicalize_name(need.name) for need in wanted} - found
    return found


def without_extras(code: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter in which only the core packages, and what they depend on, can be imported."""
    core = closure(CORE)
    refused = {
        module
        for module, distributions in packages_distributions().items()
        if module != "wolfdog" and not {canonicalize_name(name) for name in distributions} & core
    }
    program = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
{code}
"""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_the_library_needs_the_core_packages_alone() -> None:
    result = without_extras(USE)
    assert result.returncode == 0, result.stderr


def test_a_feature_names_its_extra() -> None:
    result = without_extras(FEATURES)
    assert result.returncode == 0, result.stderr
    assert re.findall(r'pip install "wolfdog\[(\w+)\]"', result.stdout) == ["watch", "watch", "watch", "onnx"]


def test_the_command_names_its_extra_in_one_line() -> None:
    result = without_extras("from wolfdog.cli import main; main()")
    assert result.returncode == 2
    assert re.fullmatch(r'wolfdog: .* pip install "wolfdog\[watch\]"\n', result.stderr)


def test_an_error_inside_wolfdog_is_passed_on() -> None:
    with pytest.raises(ModuleNotFoundError) as caught, needs_extra("watch", "x"):
        import wolfdog.no_such_module  # noqa: F401
    assert not isinstance(caught.value, MissingPackageError)


def test_a_refused_package_is_seen() -> None:
    assert "No module named 'PIL'" in without_extras("import PIL").stderr
