"""The watcher's public names: each is there, typed as it is found, and loading none of them costs anything."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import wolfdog.watch


def typed_names():
    """Names and modules of the imports that type checkers read."""
    tree = ast.parse(Path(wolfdog.watch.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {name.asname: node.module for node in block.body for name in node.names}


def test_what_is_typed_is_what_is_found():
    assert typed_names() == wolfdog.watch._MODULES


@pytest.mark.parametrize("name", sorted(wolfdog.watch._MODULES))
def test_every_name_is_there(name):
    assert getattr(wolfdog.watch, name) is not None
    assert name in dir(wolfdog.watch)


def test_a_name_that_is_none():
    with pytest.raises(AttributeError, match="no attribute 'Wolf'"):
        _ = wolfdog.watch.Wolf


def test_importing_is_free():
    code = (
        "import sys, wolfdog.watch; wolfdog.watch.Event;"
        "print({'av', 'PIL', 'matplotlib', 'onnx', 'onnxruntime', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
