"""The tools of `make check` see a breach of their rules: types, style, layout, imports, links of the site."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = {
    "types": ["mypy"],
    "style": ["ruff", "check", "--no-cache"],
    "layout": ["ruff", "format", "--check", "--no-cache"],
}


def run(command: list[str], where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A tool of the same environment as the one that runs this test."""
    tool = Path(sys.executable).parent / command[0]
    return subprocess.run([tool, *command[1:]], cwd=where, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("rule", "line"), [("types", "x: int = 'one'"), ("style", "import os"), ("layout", "x  =  1")]
)
def test_a_breach_is_seen(rule: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(f"{line}\n", encoding="utf-8")
    assert run([*TOOLS[rule], "module.py"], tmp_path).returncode == 1


def test_an_arrow_the_wrong_way_is_seen(tmp_path: Path) -> None:
    # The project's own contract, over a package of the same layout in which a cell imports a layer.
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(contract, encoding="utf-8")
    [arrows] = tomllib.loads(contract)["tool"]["importlinter"]["contracts"]
    for name in ["wolfdog", *re.findall(r"[\w.]+", " ".join(arrows["layers"]))]:
        folder = tmp_path.joinpath(*name.split("."))
        folder.mkdir(parents=True, exist_ok=True)
        for package in (folder, folder.parent):
            if package != tmp_path:
                (package / "__init__.py").touch()
    (tmp_path / "wolfdog/cells/__init__.py").write_text("import wolfdog.layers\n", encoding="utf-8")
    program = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "cells is not allowed to import wolfdog.layers" in result.stdout
    assert result.returncode == 1
