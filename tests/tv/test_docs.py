import contextlib
import io
import re
from pathlib import Path

import pytest

from wolfdog.tv import IdealObserver, Painter, Sampler, broadcast, load_world
from wolfdog.tv.clutter import DRAWABLE

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "television.md").read_text(encoding="utf-8")


def _blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def foxes(tmp_path):
    (tmp_path / "foxes.toml").write_text(_blocks("toml")[0], encoding="utf-8")
    return load_world(tmp_path / "foxes.toml")


def test_the_world_of_the_guide_can_be_broadcast_and_watched(foxes, tmp_path):
    assert foxes.ambiguous_labels == ("wolf", "dog", "fox")
    assert foxes.informative_labels == ("bear", "goldfish", "rabbit", "deer")
    done = broadcast(foxes, tmp_path / "tv", minutes=0.2, picture=Painter(32))
    assert load_world(done.world) == foxes
    programme = Sampler(foxes, streams=64, seed=0).draw(1000)
    correct = IdealObserver(foxes).perfect(programme).argmax(-1) == programme.label
    assert correct[programme.ambiguous & (programme.gap > 0)].mean() > 0.9


def test_the_numbers_of_the_guide_are_what_it_computes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec("".join(_blocks("python")), {})
    assert printed.getvalue() == _blocks("text")[0]


def test_the_guide_names_everything_that_can_be_painted():
    named = re.search(r"These can be painted: (.*?); and unknown", PAGE, re.DOTALL)
    assert named is not None
    assert set(re.split(r",\s+", named[1])) == set(DRAWABLE)


def test_the_picture_of_the_guide_is_there_and_small():
    picture = Path(__file__).parents[2] / "docs" / "img" / "television.png"
    assert 0 < picture.stat().st_size < 200_000
