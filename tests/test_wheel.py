"""The wheel, installed into a new environment outside the checkout, imports, broadcasts and watches.

The packages that wolfdog depends on are those of the environment that runs the tests, so no network is needed.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import wolfdog as wd

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
pytestmark = pytest.mark.slow


def run(command: list[str | Path], where: Path) -> str:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("checkout")  # what an earlier build left in the checkout is not in it
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", copy], copy)
    [built] = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheel."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False)
    python = next(
        place / folder for folder in ("bin/python", "Scripts/python.exe") if (place / folder).exists()
    )
    run([sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel], place)
    packages = Path(
        run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], place).strip()
    )
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python.parent


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    sources = ROOT / "src"
    there = {
        path.relative_to(sources).as_posix()
        for path in sources.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path)
    }
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == there


def test_it_is_imported_from_there(commands: Path, tmp_path: Path) -> None:
    program = "import wolfdog; print(wolfdog.__version__, wolfdog.__file__)"
    version, file = run([commands / "python", "-c", program], tmp_path).split()
    assert version == wd.__version__
    assert Path(file).is_relative_to(commands.parent)


def test_its_command_broadcasts_and_watches(commands: Path, tmp_path: Path) -> None:
    assert run([commands / "wolfdog", "--version"], tmp_path) == f"wolfdog {wd.__version__}\n"
    run([commands / "wolfdog", "tv", "--out", "tv", "--minutes", "0.1"], tmp_path)
    run([commands / "wolfdog", "watch", "tv", "--out", "watched"], tmp_path)
    assert (tmp_path / "watched" / "moments.csv").stat().st_size > 100
