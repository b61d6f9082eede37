"""Tables of predictions: CSV of several tools, Parquet, NumPy."""

import csv
import json

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.watch.formats import FORMATS, read_results
from wolfdog.watch.predictions import read_predictions, write_predictions
from wolfdog.watch.smoothing import METHODS

ZAMBA = "filepath,blank,deer,fox\nsite1/a.mp4,0.1,0.8,0.1\nsite1/b.mp4,0.2,0.3,0.5\n"
DEEPFAUNE = (
    "filename;date;seqnum;predictionbase;scorebase;prediction;score\n"
    "c1/a.jpg;2026:05:30 04:57:37;1;roe deer;0.7;fox;0.6\nc1/b.jpg;2026:05:30 04:57:39;1;fox;0.9;fox;0.6\n"
    "c2/c.jpg;NA;2;vide;0.99;vide;0.99\n"
)
ANIML = (
    "FilePath\tDateTime\tFrame\tcategory\tconf\tprediction\tconfidence\n"
    "s/a.jpg\t2026-05-30 04:57:37\t0\t1\t0.9\tpuma\t0.8\ns/a.jpg\t2026-05-30 04:57:37\t0\t1\t0.4\tdeer\t0.6\n"
)
RANKED = "file,top1,top1_score,top2,top2_score\na.jpg,wolf,0.6,dog,0.3\nb.jpg,bear,0.5,dog,0.2\n"


def table_of(text, tmp_path, name="results.csv", encoding="utf-8", **options):
    path = tmp_path / name
    path.write_text(text, encoding=encoding, newline="")
    return read_results(path, **options)


def test_columns_of_probabilities(tmp_path):
    table = table_of(ZAMBA, tmp_path).predictions
    assert (table.classes, table.blank) == (("blank", "deer", "fox"), "blank")
    assert table.deployment.tolist() == ["site1", "site1"]
    np.testing.assert_allclose(table.probabilities, [[0.1, 0.8, 0.1], [0.2, 0.3, 0.5]], atol=1e-6)
    assert not table.spread.any()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_label_before_a_vote(encoding, tmp_path):
    table = table_of(DEEPFAUNE, tmp_path, encoding=encoding).predictions
    assert (table.classes, table.blank) == (("roe deer", "fox", "vide"), "vide")
    assert table.label_names().tolist() == ["roe deer", "fox", "vide"]
    np.testing.assert_allclose(table.spread, [0.3, 0.1, 0.01], atol=1e-6)
    np.testing.assert_allclose(np.diff(table.time), [2, np.nan])
    assert table.utc


def test_detections_of_one_picture(tmp_path):
    table = table_of(ANIML, tmp_path, "manifest.tsv").predictions
    assert table.detection.tolist() == [0, 1]
    np.testing.assert_allclose(table.confidence, [0.9, 0.4], atol=1e-6)


def test_several_labels_with_scores(tmp_path):
    table = table_of(RANKED, tmp_path).predictions
    np.testing.assert_allclose(table.probabilities, [[0.6, 0.1, 0.3], [0.3, 0.5, 0.2]], atol=1e-6)


@pytest.mark.parametrize("text", [ZAMBA, DEEPFAUNE, ANIML, RANKED])
def test_what_is_written_has_every_field_and_the_context(text, tmp_path):
    results = table_of(text, tmp_path)
    smoothed = METHODS["memory"]().smooth(results.predictions)
    results.write(smoothed, tmp_path / "out.csv")
    separator = next(c for c in ",;\t" if c in text.splitlines()[0])
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines(), delimiter=separator))
    for row, old in zip(rows, csv.DictReader(text.splitlines(), delimiter=separator), strict=True):
        assert row | old == row
    assert [row["context"] for row in rows] == smoothed.label_names(context=True).tolist()
    again = read_results(tmp_path / "out.csv")
    again.write(METHODS["memory"]().smooth(again.predictions), tmp_path / "twice.csv")
    assert (tmp_path / "twice.csv").read_text() == (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names of its columns in the first line"),
        ("file,label,score\n", "at least one row"),
        ("file,label\na,b\n", "found no predictions"),
        (
            "file,label,score\na,wolf,high\nb,dog,0.5\n",
            "row 2, column 'score': expected a number, got 'high'",
        ),
        ("file,label,score\na,wolf,1.5\nb,dog,0.5\n", "a score from 0 to 1, got 1.5"),
        ("file,label,score\na,wolf,0.5\n", "two classes or more"),
        ("file,p_a,p_b\na,0.5,0.9\n", "sum to 1 in the columns p_a, p_b, got a sum of 1.4"),
        ("file,p_a,p_b\na,0.5\n", "row 2: expected 3 fields as in the header, got 2"),
        ("file,file,p_a\na,b,1\n", "the column 'file' occurs twice"),
        ("file,date,p_a,p_b\na,soon,0.5,0.5\n", "row 2: expected a date and time"),
    ],
)
def test_mistakes_in_tables(text, message, tmp_path):
    with pytest.raises(InputError, match=message):
        table_of(text, tmp_path)


def test_parquet(tmp_path):
    table = table_of(ZAMBA, tmp_path).predictions
    write_predictions(tmp_path / "a.parquet", table)
    results = read_results(tmp_path / "a.parquet")
    results.write(METHODS["ema"]().smooth(results.predictions), tmp_path / "b.parquet")
    assert read_predictions(tmp_path / "b.parquet").context is not None


def test_numpy(tmp_path):
    scores = np.log([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    np.save(tmp_path / "a.npy", scores)
    (tmp_path / "a.json").write_text(json.dumps({"classes": ["x", "y", "empty"], "fps": 2}))
    results = read_results(tmp_path / "a.npy")
    np.testing.assert_allclose(results.predictions.probabilities, np.exp(scores), atol=1e-6)
    assert results.predictions.blank == "empty"
    np.testing.assert_allclose(results.predictions.time, [0, 0.5])
    results.write(METHODS["mean"]().smooth(results.predictions), tmp_path / "b.npy")
    again = read_results(tmp_path / "b.npy").predictions
    np.testing.assert_allclose(again.probabilities.sum(1), 1, atol=1e-5)
    (tmp_path / "a.json").write_text(json.dumps(["x", "y"]))
    with pytest.raises(InputError, match="a list of 3 names"):
        read_results(tmp_path / "a.npy")


def test_what_is_no_array(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY nonsense")
    with pytest.raises(InputError, match="cannot be read as a NumPy array"):
        read_results(tmp_path / "a.npy")


def test_formats_are_told_apart(tmp_path):
    with pytest.raises(InputError, match=r"the suffix '\.xyz' belongs"):
        read_results(tmp_path / "a.xyz")
    with pytest.raises(InputError, match="format must be one of megadetector"):
        read_results(tmp_path / "a.csv", format="odd")
    with pytest.raises(InputError, match="no such file"):
        read_results(tmp_path / "a.csv")
    assert set(FORMATS) == {"megadetector", "csv", "parquet", "npy", "camtrap-dp"}


def test_a_column_numbered_with_thousands_of_digits_is_no_rank(tmp_path):
    rank = "1" * 5000  # more digits than Python turns into a number
    text = f"file,top{rank},top{rank}_score,top1,top1_score\na.jpg,wolf,0.6,dog,0.9\nb.jpg,dog,0.6,bear,0.9\n"
    assert table_of(text, tmp_path).predictions.label_names().tolist() == ["dog", "bear"]
