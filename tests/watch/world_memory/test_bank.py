"""Photographs, banks of probabilities, and parts without a picture in common."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colour_classifier import ColourClassifier
from wolfdog.errors import InputError, MediaError, ShapeError
from wolfdog.watch.world_memory.bank import Bank, build_bank
from wolfdog.watch.world_memory.photographs import PhotographSet, crops, parts
from world_banks import small_bank

COLOURS = {"blue": (10, 20, 230), "green": (20, 220, 30), "red": (230, 10, 20)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, colour in COLOURS.items():
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("RGB", (40 + number, 50), colour).save(tmp_path / name / f"{number}.png")
    (tmp_path / "fox").mkdir()
    Image.new("RGB", (40, 40), (99, 99, 99)).save(tmp_path / "fox" / "0.png")
    return tmp_path


def test_each_picture_is_taken_once(folder: Path) -> None:
    (folder / "red" / "copy.png").write_bytes((folder / "red" / "0.png").read_bytes())
    photographs = PhotographSet.of_folder(folder, ["red", "blue"])
    assert photographs.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert len(PhotographSet.of_folder(folder, ["red", "blue"], most=2)) == 4
    assert {path.parent.name for path in photographs.paths} == {"red", "blue"}


def test_missing_photographs_are_named(folder: Path) -> None:
    with pytest.raises(MediaError, match="'fox', got 1"):
        PhotographSet.of_folder(folder, ["red", "fox"])
    with pytest.raises(MediaError, match="cannot be read"):
        PhotographSet.of_folder(folder / "nowhere", ["red"])
    (folder / "blue" / "same.png").write_bytes((folder / "red" / "0.png").read_bytes())
    with pytest.raises(InputError, match="two labels"):
        PhotographSet.of_folder(folder, ["red", "blue"])


def test_a_bank_holds_what_the_classifier_says(folder: Path) -> None:
    photographs = PhotographSet.of_folder(folder, ["blue", "red", "green"])
    bank = build_bank(
        ColourClassifier(), photographs, degradations=("clean", "night"), crops_each=2, features=True
    )
    assert bank.probabilities.shape == (9, 2, 2, 3)
    assert np.allclose(bank.probabilities.sum(-1), 1, atol=1e-5)
    assert (bank.probabilities[:, 0].argmax(-1) == bank.labels[:, None]).all()
    assert np.allclose(bank.probabilities[:, 1], 1 / 3, atol=0.05)  # grey
    assert bank.features is not None
    assert bank.features[0, 0, 0, 2] > 0.8  # blue
    again = build_bank(ColourClassifier(), photographs, degradations=("clean", "night"), crops_each=2)
    assert np.array_equal(again.probabilities, bank.probabilities)
    with pytest.raises(InputError, match="has the classes"):
        build_bank(ColourClassifier(), PhotographSet.of_folder(folder, ["red", "blue"]))


def test_a_bank_comes_back_from_its_file(tmp_path: Path) -> None:
    bank = small_bank()
    bank.save(tmp_path / "bank.npz")
    back = Bank.load(tmp_path / "bank.npz")
    assert (back.classes, back.degradations, back.classifier) == (bank.classes, bank.degradations, "made up")
    assert np.array_equal(back.probabilities, bank.probabilities)
    assert back.features is None
    (tmp_path / "other.npz").write_bytes(b"PK\x03\x04nothing")
    for name in ("other.npz", "missing.npz"):
        with pytest.raises(MediaError, match=name):
            Bank.load(tmp_path / name)


def test_a_part_of_a_bank_keeps_rows_together() -> None:
    bank = small_bank()
    night = bank.only(["night"]).take(np.array([40, 3]))
    assert night.labels.tolist() == [3, 0]
    assert np.array_equal(night.probabilities[1, 0], bank.probabilities[3, 1])
    with pytest.raises(InputError, match="fog"):
        bank.only(["fog"])
    with pytest.raises(ShapeError, match="expected probabilities"):
        bank.with_probabilities(bank.probabilities[..., :4])


def test_parts_share_no_photograph_and_divide_each_class() -> None:
    labels = np.repeat([0, 1], [10, 5])
    first, second = parts(labels, 0.6, seed=4)
    assert sorted([*first, *second]) == list(range(15))
    assert np.bincount(labels[first]).tolist() == [6, 3]
    assert parts(labels, 0.6, seed=5)[0].tolist() != first.tolist()


def test_crops_keep_the_shape_of_what_is_shown(tmp_path: Path) -> None:
    half = np.zeros((60, 90, 3), np.uint8)
    half[:, 45:] = 255
    Image.fromarray(half).save(tmp_path / "half.png")
    cut = crops(tmp_path / "half.png", 32, 32, 4, np.random.default_rng(0))
    assert [image.shape for image in cut] == [(32, 32, 3)] * 4
    assert all(
        (np.diff(image.mean((0, 2))) > -3).all() or (np.diff(image.mean((0, 2))) < 3).all() for image in cut
    )
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(MediaError, match="not a readable picture"):
        crops(tmp_path / "text.png", 32, 32, 1, np.random.default_rng(0))
