import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from wolfdog.cli.tv import tv
from wolfdog.errors import InputError, MediaError, WorldError
from wolfdog.tv import default_world, load_world, save_world


@pytest.fixture
def run():
    app = typer.Typer()
    app.command("tv")(tv)

    def invoke(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        return result.output

    return invoke


def test_a_broadcast_says_what_it_wrote(run, tmp_path):
    output = run("--out", tmp_path / "tv", "--minutes", "0.2", "--streams", "2", "--size", "32")
    assert "tv-0000.mp4 to tv-0001.mp4, labels.csv, world.toml: 120 frames" in " ".join(output.split())
    assert (tmp_path / "tv" / "tv-0001.mp4").stat().st_size > 0


def test_knobs_change_the_world_that_is_written(run, tmp_path):
    run(
        "--out",
        tmp_path,
        "--minutes",
        "0.05",
        "--switch-every",
        "60",
        "--informative-rate",
        "0.2",
        "--shot-length",
        "3",
    )
    world = load_world(tmp_path / "world.toml")
    assert world == default_world().with_(switch_every=300, informative_rate=0.2, shot_length=15)


def test_a_world_of_ones_own_is_broadcast(run, tmp_path):
    world = default_world().with_(fps=10)
    save_world(world, tmp_path / "mine.json")
    run("--out", tmp_path / "tv", "--minutes", "0.05", "--world", tmp_path / "mine.json")
    assert load_world(tmp_path / "tv" / "world.toml") == world


def test_a_sheet_alone_is_enough(run, tmp_path):
    output = run("--sheet", tmp_path / "sheet.png")
    assert "a row each of wolf, dog" in output
    assert (tmp_path / "sheet.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], InputError),
        (["--sheet", "sheet.bmp"], InputError),
        (["--sheet", "s.png", "--informative-rate", "2"], InputError),
        (["--sheet", "s.png", "--world", "none.toml"], WorldError),
        (["--sheet", "s.png", "--images", "none"], MediaError),
        (["--sheet", "s.png", "--size", "7"], InputError),
        (["--out", "tv", "--minutes", "nan"], InputError),
        (["--out", "tv", "--minutes", "inf"], InputError),
        (["--out", "tv", "--seed", "-1"], InputError),
        (["--out", "tv", "--workers", "0"], InputError),
    ],
)
def test_mistakes_are_wolfdogs_own_errors(run, tmp_path, monkeypatch, arguments, error):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        run(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_importing_television_loads_no_pictures():
    code = "import sys, wolfdog.tv; print({'PIL', 'av', 'typer', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
