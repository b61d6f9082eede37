"""The demonstration from photographs to pictures and videos, and the pretraining from photographs to a file."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from wolfdog.errors import MediaError
from wolfdog.labels import read_labels
from wolfdog.tv import Sampler, default_world
from wolfdog.watch.evaluation.metrics import GapTable
from wolfdog.watch.world_memory import demonstration
from wolfdog.watch.world_memory.bank import Bank
from wolfdog.watch.world_memory.degradations import DEGRADATIONS
from wolfdog.watch.world_memory.film import write_film
from wolfdog.watch.world_memory.gap_panels import draw_gap_panels, gap_panels
from wolfdog.watch.world_memory.network_file import load_world_network
from wolfdog.watch.world_memory.photographs import PhotographSet
from wolfdog.watch.world_memory.pretraining import pretrain_world
from wolfdog.watch.world_memory.training import WorldTraining
from world_banks import CLASSES, AnimalClassifier, write_animals


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    write_animals(tmp_path / "animals")
    return tmp_path / "animals"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "STREAMS", 4)
    monkeypatch.setattr(demonstration, "FRAMES", 300)
    monkeypatch.setattr(demonstration, "FILM_SECONDS", 4)


@pytest.mark.usefixtures("quick")
def test_a_demonstration_scores_draws_and_films(animals: Path, tmp_path: Path) -> None:
    result = demonstration.demonstrate(animals, tmp_path, AnimalClassifier(), seed=2)
    assert result.photographs == 15
    assert list(result.scores) == ["classifier alone", "mean of 5 frames", "memory"]
    alone = result.scores["classifier alone"].by_degradation
    assert alone["clean"].balanced == 1.0
    assert alone["night"].balanced < 0.6  # grey
    assert set(result.gaps) == set(DEGRADATIONS)
    assert sum(result.gaps["clean"].counts) > 0
    json.dumps(result.as_dict(), allow_nan=False)
    with av.open(str(tmp_path / "annotated.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 20
    assert read_labels(tmp_path / "labels.csv")["film.mp4"][-1].end == pytest.approx(4.0)


def test_a_film_shows_what_its_labels_say(animals: Path, tmp_path: Path) -> None:
    programme = Sampler(default_world().with_(informative_rate=0.5), 1, seed=0).draw(120)
    spans = write_film(
        tmp_path / "film.mp4", PhotographSet.of_folder(animals, CLASSES), programme, size=32, seed=4
    )
    with av.open(str(tmp_path / "film.mp4")) as video:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in video.decode(video=0)]
    assert len(frames) == 120
    assert {span.look for span in spans} <= set(DEGRADATIONS)
    clean = [span for span in spans if span.look == "clean"]
    assert clean
    for span in clean:
        shown = np.stack([pixels for time, pixels in frames if span.start <= time < span.end])
        said = AnimalClassifier().classify(shown).probabilities.argmax(-1)
        assert (said == CLASSES.index(span.label)).mean() > 0.7


def test_each_degradation_has_a_panel(tmp_path: Path) -> None:
    table = GapTable(((1, 10), (10, 30)), (500, 20), {"classifier alone": (0.5, None), "memory": (0.9, 0.8)})
    figure = gap_panels(dict.fromkeys(DEGRADATIONS, table), fps=5.0, title="a title")
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(DEGRADATIONS)
    assert [text.get_text() for text in figure.axes[-1].get_xticklabels()] == ["0.2-2", "2-6"]
    draw_gap_panels({"clean": table}, tmp_path / "gaps.png", fps=5.0, title="")
    assert (tmp_path / "gaps.png").stat().st_size > 1000


def test_pretraining_writes_a_memory_and_keeps_the_bank(animals: Path, tmp_path: Path) -> None:
    stages: list[str] = []

    class Stage:
        def __init__(self, title: str, total: float) -> None:
            stages.append(title)

        def __enter__(self) -> object:
            return lambda amount, note: None

        def __exit__(self, *error: object) -> None:
            return None

    options = WorldTraining(steps=2, streams=2, frames=64)
    out, bank = tmp_path / "world.safetensors", tmp_path / "bank.npz"
    for _ in range(2):
        network = pretrain_world(animals, out, AnimalClassifier(), options=options, bank=bank, stages=Stage)
    assert [title.split()[0] for title in stages] == ["classifying", "training", "training"]
    assert load_world_network(out).config == network.config
    pretrain_world(
        animals, out, AnimalClassifier(), options=options, bank=bank, distractors=["bear"], stages=Stage
    )
    others = Bank.load(tmp_path / "bank-distractors.npz")
    assert (others.labels == CLASSES.index("unknown")).all()
    assert len(others) == (Bank.load(bank).labels == CLASSES.index("bear")).sum()
    with pytest.raises(MediaError, match="no photographs"):
        pretrain_world(animals / "wolf", out, AnimalClassifier())
