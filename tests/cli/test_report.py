"""wolfdog report: a page from a folder of results."""

import webbrowser

import pytest

from cli_run import assert_fine, assert_told, wolfdog
from report_tables import stream_table
from wolfdog.watch.predictions import write_predictions


@pytest.fixture
def results(tmp_path):
    write_predictions(tmp_path / "predictions.parquet", stream_table(60))
    return tmp_path


def test_a_page_in_the_folder(results):
    ran = wolfdog("report", results)
    assert_fine(ran)
    assert "report.html: 6 events, " in ran.out
    assert "2 videos and images were not found" in ran.out
    assert (results / "report.html").read_text().startswith("<!doctype html>")


def test_a_file_a_title_and_the_browser(results, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    out = results / "page.html"
    assert_fine(wolfdog("report", results, "--out", out, "--title", "Card 7", "--thumbnails", 0, "--open"))
    assert opened == [out.as_uri()]
    assert "<title>Card 7</title>" in out.read_text()
    assert_fine(wolfdog("report", results / "predictions.parquet"))
    assert (results / "predictions.report.html").is_file()


def test_mistakes_are_told(tmp_path, results):
    assert_told(wolfdog("report", tmp_path / "absent"), "no such folder")
    (tmp_path / "empty").mkdir()
    assert_told(wolfdog("report", tmp_path / "empty"), "holds no results", "predictions.parquet")
    (results / "predictions.parquet").write_bytes(b"no table")
    assert_told(wolfdog("report", results), "not a Parquet file")
    write_predictions(results / "predictions.parquet", stream_table(9))
    assert_told(
        wolfdog("report", results, "--out", results / "no" / "page.html"), "Choose another place", status=1
    )
