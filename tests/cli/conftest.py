"""One tiny broadcast and one tiny watcher trained on it, for all commands."""

import pytest

from cli_run import assert_fine, wolfdog
from tiny_experiment import WORLD
from wolfdog.tv import Painter, broadcast

TINY = (
    "--classifier-steps", 6,
    "--steps", 60, "--chunk", 4, "--streams", 3, "--size", 24, "--hidden", 4, "--save-every", 5,
)  # fmt: skip


@pytest.fixture(scope="session")
def on_air(tmp_path_factory):
    """A folder with four videos of half a minute, labels.csv and world.toml."""
    out = tmp_path_factory.mktemp("tv")
    broadcast(WORLD, out, minutes=0.5, seed=3, picture=Painter(32, 3), streams=4)
    return out


@pytest.fixture(scope="session")
def objective(on_air):
    """The arguments of `wolfdog train` that name the footage, and make training short."""
    return (
        "--classifier",
        "scratch",
        "--videos",
        on_air,
        "--labels",
        on_air / "labels.csv",
        "--world",
        on_air / "world.toml",
        *TINY,
    )


@pytest.fixture(scope="session")
def model(objective, tmp_path_factory):
    """A watcher trained for a few steps."""
    out = tmp_path_factory.mktemp("model") / "gru"
    assert_fine(wolfdog("train", *objective, "--memory", "gru", "--out", out))
    return out
