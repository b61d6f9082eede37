"""The tools of `make check` see a breach of their rules: types, style, layout, imports."""

import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads(PYPROJECT)["tool"]["importlinter"]["contracts"]
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


def _breaches(contract: dict[str, Any]) -> list[tuple[str, str]]:
    """For every floor of a contract but the highest: a module of it, and one of the floor above."""
    within = f"{contract['containers'][0]}." if "containers" in contract else ""
    floors = [[within + name for name in re.findall(r"[\w.]+", floor)] for floor in contract["layers"]]
    return [(low[0], high[-1]) for high, low in pairwise(floors)]


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report on a package with the project's contracts in which every floor imports the one above it."""
    folder = tmp_path_factory.mktemp("contracts")
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    for contract in CONTRACTS:
        within = f"{contract['containers'][0]}." if "containers" in contract else ""
        for name in re.findall(r"[\w.]+", " ".join(contract["layers"])):
            module = folder.joinpath(*(within + name).split("."))
            module.mkdir(parents=True, exist_ok=True)
            for package in (module, *module.parents):
                if package == folder:
                    break
                (package / "__init__.py").touch()
        for low, high in _breaches(contract):
            with folder.joinpath(*low.split("."), "__init__.py").open("a", encoding="utf-8") as file:
                file.write(f"import {high}\n")
    program = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1, result.stdout + result.stderr
    return " ".join(result.stdout.split())


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract["name"])
def test_an_arrow_the_wrong_way_is_seen(contract: dict[str, Any], complaints: str) -> None:
    assert f"{contract['name']} BROKEN" in complaints
    for low, high in _breaches(contract):
        assert f"{low} is not allowed to import {high}:" in complaints
