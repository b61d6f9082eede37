"""Content of a report's page: its numbers, its evidence, and names that are markup."""

import json
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest

from report_tables import HOSTILE, hostile_table, stream_table
from wolfdog.errors import InputError
from wolfdog.watch.predictions import Predictions, write_predictions
from wolfdog.watch.report.page import embedded_json, write_report
from wolfdog.watch.review.queue_file import write_queue
from wolfdog.watch.smoothing import AnyClass


class Elements(HTMLParser):
    """Elements of a page, as a browser takes it apart."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.attributes, self._open = [], [], [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attributes]
        self._open = tag
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, text):
        if self._open == "script":
            self.scripts[-1] = self.scripts[-1][0], self.scripts[-1][1] + text


def page_of(table, folder, **options):
    """Text of the page of a table, and the data in it."""
    write_predictions(folder / "predictions.parquet", table)
    write_report(folder, folder / "report.html", **options)
    text = (folder / "report.html").read_text(encoding="utf-8")
    return text, json.loads(Elements(text).scripts[0][1])


def test_a_page_holds_the_table(tmp_path):
    table = stream_table(200)
    text, data = page_of(table, tmp_path, title="Card 7")
    assert data["title"] == "Card 7"
    assert data["classes"] == ["wolf", "dog", "blank"]
    assert data["background"] == [False, False, True]
    assert [name for name, *_ in data["deployments"]] == ["site 0", "site 1"]
    assert data["columns"]["frame"] == table.frame.tolist()
    assert data["columns"]["context"] == table.labels(context=True).tolist()
    assert ["Classifier", "made up"] in data["settings"]
    assert ["Method of the context labels", "by hand"] in data["settings"]
    assert data["spans"]
    for start, stop, top, _ in data["disagreements"]:
        for label, p, q in top:
            assert p == pytest.approx(1000 * table.probabilities[start:stop, label].mean(), abs=1)
            assert q == pytest.approx(1000 * table.context[start:stop, label].mean(), abs=1)
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_hostile_names_are_text(tmp_path):
    text, data = page_of(hostile_table(), tmp_path, title=HOSTILE[0])
    plain, _ = page_of(stream_table(8), tmp_path)
    elements, harmless = Elements(text), Elements(plain)
    assert elements.tags == harmless.tags
    assert [one[:2] for one in elements.attributes] == [one[:2] for one in harmless.attributes]
    assert elements.scripts[1] == harmless.scripts[1]
    assert data["classes"] == list(HOSTILE)
    assert [name for name, *_ in data["deployments"]] == list(HOSTILE)
    assert not set("<>&") & set(elements.scripts[0][1])


def test_half_characters_of_file_names_are_written(tmp_path):
    """Names of files that are not UTF-8 hold lone surrogates."""
    assert json.loads(embedded_json("fox\udce9")) == "fox\udce9"
    _, data = page_of(stream_table(8), tmp_path, title="fox\udce9")
    assert data["title"] == "fox\udce9"


def test_a_policy_that_allows_the_page_alone(tmp_path):
    text, _ = page_of(stream_table(8), tmp_path)
    policy = next(
        value
        for tag, name, value in Elements(text).attributes
        if tag == "meta" and "default-src" in str(value)
    )
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "connect-src" not in policy


def remembered():
    """Seven moments, the last of which the memory calls a wolf and the classifier a dog."""
    p = np.array([[0.9, 0.05, 0.05]] * 6 + [[0.4, 0.42, 0.18]])
    classes = ["wolf", "dog", "blank"]
    return AnyClass().smooth(
        Predictions.from_columns(classes, p, time=np.arange(7) / 5, media="a.mp4", blank="blank")
    )


def test_past_moments_of_a_memory(tmp_path):
    table = remembered()
    _, data = page_of(table, tmp_path)
    [[start, stop, _, past]] = data["disagreements"]
    assert (start, stop) == (6, 7)
    [[first, last, contribution]] = past
    assert (first, last) == (0, 6)
    assert contribution > 0


@pytest.mark.parametrize(("method", "past"), [("", True), ("", False), ("mean(frames=3)", True)])
def test_a_memory_that_is_not_named_is_known_by_its_probabilities(tmp_path, method, past):
    table = remembered()
    context = np.round(table.context if past else [[0.7, 0.2, 0.1]] * 7, 4)
    _, data = page_of(table.with_context(context, method), tmp_path)
    assert bool(data["disagreements"][0][3]) == (past and not method)


def test_methods_that_are_not_run_again_have_no_past(tmp_path):
    _, data = page_of(stream_table(40), tmp_path)
    assert {one[3] for one in data["disagreements"]} == {None}


def test_the_review_queue(tmp_path):
    table = stream_table(60)
    write_queue(
        tmp_path / "predictions.review.csv", table, np.array([31, 4]), np.array([2.5, 0.5]), threshold=0.99
    )
    _, data = page_of(table, tmp_path)
    assert [entry[:2] + entry[3:] for entry in data["queue"]] == [
        [31, 32, 2.5, "yes", ""],
        [4, 5, 0.5, "yes", ""],
    ]
    assert data["absent"] == 0
    _, data = page_of(table.take(slice(0, 30)), tmp_path)
    assert (len(data["queue"]), data["absent"]) == (1, 1)
    (tmp_path / "predictions.review.csv").write_text("file,label\na,b\n")
    with pytest.raises(InputError, match="not a review queue"):
        page_of(table, tmp_path)


def test_clocks(tmp_path):
    """Local time where moments.csv has it, else UTC; the clock of results files is theirs."""
    table = stream_table(10, deployments=1, utc=True)
    assert page_of(table, tmp_path)[1]["media"][0][1:] == [1590814657.0, "results", 0.0]
    moment = datetime.fromtimestamp(1590814657, UTC).isoformat().replace("+00:00", ".000Z")
    head = "deployment,video,frame,time,utc,time_of_day\n"
    for clock, expected in (
        ("06:57:37", ["local", 7200.0]),
        ("", ["utc", 0.0]),
        ("20:57:36", ["local", -28800.0]),
    ):
        (tmp_path / "moments.csv").write_text(f"{head}site 0,site 0/a.mp4,0,0.000,{moment},{clock}\n")
        assert page_of(table, tmp_path)[1]["media"][0][2:] == expected
    (tmp_path / "moments.csv").write_text("nothing\n")
    with pytest.raises(InputError, match=r"moments\.csv"):
        page_of(table, tmp_path)
    assert page_of(stream_table(10), (tmp_path / "moments.csv").unlink() or tmp_path)[1]["media"][0][2] == ""


@pytest.mark.parametrize(
    ("media", "detection"), [("", None), ("a.jpg", [0, 1, 0, 1])], ids=["no names", "several detections"]
)
def test_tables_whose_corrections_are_rows(tmp_path, media, detection):
    p = np.eye(2)[[0, 1, 1, 0]]
    frame = None if detection is None else [0, 0, 1, 1]
    table = Predictions.from_columns(["a", "b"], p, context=p, media=media, detection=detection, frame=frame)
    _, data = page_of(table, tmp_path)
    assert not data["spans"]
    assert data["columns"].get("detection") == detection
    assert data["columns"].get("shown") == (None if detection is None else [1, 0, 1, 0])


def test_smoothed_results_in_a_folder(tmp_path):
    rows = "".join(
        f"a/{n}.jpg,2020-05-30 05:00:0{n},{p},{1 - p:.1f},wolf,0.9,0.9,0.1\n" for n, p in ((1, 0.4), (2, 0.8))
    )
    (tmp_path / "out.csv").write_text(
        f"file,datetime,p_wolf,p_dog,context,context_probability,c_wolf,c_dog\n{rows}"
    )
    for place in (tmp_path, tmp_path / "out.csv"):
        report = write_report(place, tmp_path / "report.html")
        assert (report.events, report.disagreements) == (1, 1)


def test_folders_without_results(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        write_report(tmp_path / "absent", tmp_path / "report.html")
    with pytest.raises(InputError, match="holds no results"):
        write_report(tmp_path, tmp_path / "report.html")
    write_predictions(tmp_path / "a.parquet", Predictions.from_columns(["a", "b"], [[1, 0]]))
    with pytest.raises(InputError, match="no context labels"):
        write_report(tmp_path, tmp_path / "report.html")
    write_predictions(tmp_path / "a.parquet", stream_table(0))
    with pytest.raises(InputError, match="no predictions"):
        write_report(tmp_path, tmp_path / "report.html")
    write_predictions(tmp_path / "a.parquet", stream_table(5))
    write_predictions(tmp_path / "b.parquet", stream_table(5, classes=("x", "y")))
    with pytest.raises(InputError, match=r"Name one of a\.parquet, b\.parquet"):
        write_report(tmp_path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
