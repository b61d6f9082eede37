"""Every script in examples/ runs, and says something."""

import subprocess
import sys
from pathlib import Path

import pytest

GIVEN_FILES = {"watch_onnx"}  # run where there are some: tests/watch/model/test_onnx.py
LONG = {"inside_torch", "look_inside", "two_processes"}
"""Examples of more than ten seconds."""

EXAMPLES = sorted(
    script
    for script in (Path(__file__).parents[1] / "examples").glob("*.py")
    if script.stem not in GIVEN_FILES
)


def run(script: Path, where: Path) -> subprocess.CompletedProcess[str]:
    of_python = (
        "ignore:Guards may run slower on Python 3.13.0:RuntimeWarning"  # torch.compile, of that release alone
    )
    command = [sys.executable, "-W", "error", "-W", of_python, str(script)]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(script, id=script.stem, marks=[pytest.mark.slow] * (script.stem in LONG))
        for script in EXAMPLES
    ],
)
def test_it_runs(script: Path, tmp_path: Path) -> None:
    result = run(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()
    assert not result.stderr


def test_a_broken_example_is_seen(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text("raise SystemExit('no')", encoding="utf-8")
    assert run(script, tmp_path).returncode != 0


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 2
