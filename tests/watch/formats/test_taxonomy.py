"""Taxonomy strings: parents and children do not contradict each other, and the unsure is said at a higher rank."""

import csv
import json

import numpy as np
import pytest

from cli_run import assert_fine, assert_told, wolfdog
from wolfdog.errors import InputError
from wolfdog.watch.formats import read_results
from wolfdog.watch.formats.taxonomy import Taxon
from wolfdog.watch.formats.taxonomy_tables import passed_down, rolled_up
from wolfdog.watch.predictions import Predictions

CANINE = "mammalia;carnivora;canidae"
WOLF, COYOTE = f"1;{CANINE};canis;lupus;gray wolf", f"2;{CANINE};canis;latrans;coyote"
FOX, CANIS = f"3;{CANINE};vulpes;vulpes;red fox", f"4;{CANINE};canis;;canis species"
DEER, BLANK = "5;mammalia;artiodactyla;cervidae;cervus;elaphus;red deer", "6;;;;;;blank"
CLASSES = [WOLF, COYOTE, FOX, DEER, BLANK]


def rolled(q, threshold=0.8, classes=CLASSES):
    table = Predictions.from_columns(classes, [q], context=[q])
    found = rolled_up(table, threshold)
    label = found.label_names(context=True)[0]
    return Taxon.of(label), float(found.context.max())


@pytest.mark.parametrize(
    ("q", "name", "rank", "probability"),
    [
        ([0.85, 0.1, 0.02, 0.02, 0.01], "canis lupus", "species", 0.85),
        ([0.5, 0.4, 0.05, 0.03, 0.02], "canis", "genus", 0.9),
        ([0.5, 0.1, 0.35, 0.03, 0.02], "canidae", "family", 0.95),
        ([0.5, 0.1, 0.05, 0.33, 0.02], "mammalia", "class", 0.98),
        ([0.5, 0.1, 0.0, 0.0, 0.4], "canis lupus", "species", 0.5),
        ([0.3, 0.1, 0.0, 0.0, 0.6], "blank", "", 0.6),
    ],
)
def test_the_lowest_rank_that_is_sure_enough_is_said(q, name, rank, probability):
    taxon, sure = rolled(q)
    assert (taxon.scientific, taxon.rank) == (name, rank)
    assert sure == pytest.approx(probability, abs=1e-6)


def test_a_class_of_the_classifier_is_the_genus():
    taxon, sure = rolled([0.5, 0.35, 0.1, 0.05], classes=[WOLF, COYOTE, CANIS, DEER])
    assert (taxon.identifier, taxon.common) == ("4", "canis species")
    assert sure == pytest.approx(0.95)


def test_probabilities_stay_distributions():
    rng = np.random.default_rng(0)
    q = rng.dirichlet(np.full(5, 0.5), 50)
    found = rolled_up(Predictions.from_columns(CLASSES, q, context=q), 0.7)
    assert found.context.sum(1) == pytest.approx(np.ones(50), abs=1e-5)
    assert found.classes[:5] == tuple(CLASSES)
    np.testing.assert_allclose(found.probabilities[:, :5], q, atol=1e-6)
    sure = q.max(1) >= 0.7
    assert (found.labels(context=True)[sure] == q.argmax(1)[sure]).all()


def test_a_parent_gives_to_its_children():
    p = [[0.6, 0.2, 0.1, 0.1], [0.9, 0.0, 0.0, 0.1], [0.0, 0.5, 0.5, 0.0]]
    found = passed_down(Predictions.from_columns([CANIS, WOLF, COYOTE, DEER], p))
    assert found.probabilities == pytest.approx(
        np.array([[0, 0.6, 0.3, 0.1], [0, 0.45, 0.45, 0.1], [0, 0.5, 0.5, 0]]), abs=1e-6
    )
    assert found.spread == pytest.approx([0, 0.9, 0])
    alone = Predictions.from_columns(["wolf", "dog"], [[0.5, 0.5]])
    assert passed_down(alone) is alone


def test_what_cannot_be_rolled_up_is_told():
    plain = Predictions.from_columns(["wolf", "dog"], [[0.5, 0.5]], context=[[0.5, 0.5]])
    with pytest.raises(InputError, match="no class has a taxonomy"):
        rolled_up(plain, 0.8)
    with pytest.raises(InputError, match="above 0 and at most 1"):
        rolled_up(plain, 1.5)


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_the_command_says_the_genus(suffix, tmp_path):
    results, out = tmp_path / f"results.{suffix}", tmp_path / f"out.{suffix}"
    scores = [(0.5, 0.45), (0.45, 0.5), (0.5, 0.45)]
    if suffix == "csv":
        header = ",".join(["file", *(f"p_{name}" for name in (WOLF, COYOTE, DEER))])
        results.write_text(
            "\n".join([header, *(f"a/{n}.jpg,{w},{c},0.05" for n, (w, c) in enumerate(scores))]) + "\n"
        )
    else:
        results.write_text(
            json.dumps(
                {
                    "info": {"format_version": "1.5"},
                    "detection_categories": {"1": "animal"},
                    "classification_categories": {"0": WOLF, "1": COYOTE, "2": DEER},
                    "images": [
                        {
                            "file": f"a/{n}.jpg",
                            "detections": [
                                {
                                    "category": "1",
                                    "conf": 0.9,
                                    "bbox": [0, 0, 1, 1],
                                    "classifications": [["0", w], ["1", c], ["2", 0.05]],
                                }
                            ],
                        }
                        for n, (w, c) in enumerate(scores)
                    ],
                }
            )
        )
    assert_fine(wolfdog("smooth", results, "--out", out, "--method", "mean", "--roll-up", 0.9))
    genus = f";{CANINE};canis;;canis"
    if suffix == "csv":
        assert {row["context"] for row in csv.DictReader(out.read_text().splitlines())} == {genus}
    else:
        document = json.loads(out.read_text())
        first = document["images"][0]["detections"][0]["classifications"][0]
        assert document["classification_categories"][first[0]] == genus
        assert first[1] == pytest.approx(0.95)
    again = read_results(out).predictions
    assert set(again.label_names(context=True)) == {genus}
    assert again.label_names()[:3].tolist() == [WOLF, COYOTE, WOLF]
    assert_told(wolfdog("smooth", results, "--out", out, "--roll-up", 2), "above 0 and at most 1")
