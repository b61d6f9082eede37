"""The page in headless Chromium: keys, clicks, corrections that are read back, hostile names, long lists, printing."""

import time

import numpy as np
import pytest

from headless_chromium import BROWSER, Chromium
from report_tables import HOSTILE, hostile_table, stream_table
from wolfdog.labels import match_files, read_labels, spans_at
from wolfdog.watch.formats.verified_labels import read_verified
from wolfdog.watch.predictions import Predictions, write_predictions
from wolfdog.watch.report.page import write_report
from wolfdog.watch.report.row_runs import disagreement_runs, in_stream_order
from wolfdog.watch.review.answers import answers_of

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def browser():
    with Chromium() as chromium:
        yield chromium


@pytest.fixture
def page(browser, tmp_path):
    """Open the page of a table; afterwards nothing may have gone wrong in it, and nothing been asked of a network."""

    def opened(table, width=1280):
        write_predictions(tmp_path / "predictions.parquet", table)
        write_report(tmp_path, tmp_path / "report.html", title="Card 7")
        browser.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        browser.view(width)
        browser.open(tmp_path / "report.html")
        return browser

    yield opened
    assert browser.complaints() == []
    assert browser.requests() == []


def downloaded(page, folder):
    """File of corrections, by the button."""
    path = folder / "Card-7.corrections.csv"
    path.unlink(missing_ok=True)
    page.click("#download")
    end = time.monotonic() + 10
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return path


def chosen(page):
    return page.run("document.querySelector('.row[aria-selected=true]').textContent")


def longest_first(table):
    runs = disagreement_runs(table)
    order = np.argsort(-(runs.stop - runs.start), kind="stable")
    return list(zip(runs.start[order].tolist(), runs.stop[order].tolist(), strict=True))


def by_labels_file(path, table):
    """Label of each row by the reader that `wolfdog train` has, None where there is none."""
    labels = match_files(read_labels(path), list(dict.fromkeys(table.media))).labels
    found = np.full(len(table), None, object)
    for name, spans in labels.items():
        rows = np.flatnonzero(table.media == name)
        at = spans_at(spans, table.time[rows], frames=table.frame[rows])
        for row, number in zip(rows, at, strict=True):
            found[row] = spans[number].label if number >= 0 else None
    return found.tolist()


def test_keys_and_corrections_that_are_read_back(page, tmp_path):
    table = in_stream_order(stream_table(200))
    browser = page(table)
    runs, context = longest_first(table), table.label_names(context=True)
    expected = np.full(len(table), None, object)

    def expect(number, label):
        start, stop = runs[number]
        expected[start:stop] = label or context[start]

    browser.press("Enter")
    expect(0, None)
    browser.press("1")
    expect(1, table.label_names()[runs[1][0]])
    browser.run("byId('list').focus()")
    browser.press("j", "ArrowDown", "k")
    browser.press("c")
    browser.type("=lynx")
    browser.press("Enter")
    expect(3, "=lynx")
    browser.press("Enter")
    browser.press("u")
    browser.click("#accept")
    expect(4, None)
    path = downloaded(browser, tmp_path)
    assert ",'=lynx," in path.read_text(encoding="utf-8")  # no spreadsheet computes it
    assert read_verified(path).of(table).tolist() == expected.tolist()
    assert by_labels_file(path, table) == expected.tolist()
    browser.open(tmp_path / "report.html")
    assert browser.run("byId('progress').textContent").startswith("4 of ")
    assert downloaded(browser, tmp_path).read_bytes() == path.read_bytes()
    browser.press("u", "u", "u", "u")
    assert browser.run("byId('download').disabled")


def test_events_by_clicks(page, tmp_path):
    """A tab, a filter, the second entry of the list, one of the other labels; and the answers that smoothing takes."""
    table = in_stream_order(stream_table(120, deployments=1))
    browser = page(table)
    browser.click("#tabs button:nth-child(3)")
    browser.run("byId('filter-label').value = '1'; byId('filter-label').dispatchEvent(new Event('change'))")
    browser.click("#entry-1")
    assert chosen(browser).startswith("dog")
    browser.click(".choices button:nth-child(2)")
    labels = read_verified(downloaded(browser, tmp_path)).of(table)
    rows = np.flatnonzero(table.label_names(context=True) == "dog")
    second = rows[np.flatnonzero(np.diff(rows) > 1)[0] + 1 :][:12]
    assert [row for row, label in enumerate(labels) if label is not None] == second.tolist()
    assert set(answers_of(table, labels)[second]) <= {0, 2}


def test_corrections_of_detections(page, tmp_path):
    p, q = np.eye(2)[[0, 1, 1, 0]], np.eye(2)[[0, 0, 1, 1]]
    table = Predictions.from_columns(
        ["fox", "unknown"],
        p,
        context=q,
        media=["a.jpg"] * 2 + ["b.jpg"] * 2,
        detection=[0, 1, 0, 1],
        frame=[0] * 4,
    )
    browser = page(table)
    browser.press("Enter", "1")
    path = downloaded(browser, tmp_path)
    assert read_verified(path).of(table).tolist() == [None, "fox", None, "fox"]
    assert {name: [span.label for span in spans] for name, spans in read_labels(path).items()} == {
        "a.jpg": ["fox"],
        "b.jpg": ["fox"],
    }


def test_hostile_names_do_not_run_and_are_read_back(page, tmp_path):
    table = in_stream_order(hostile_table())
    browser = page(table, 390)
    for _ in HOSTILE:
        browser.press("Enter")
    browser.run("for (const lane of document.querySelectorAll('.lane')) lane.redraw()")
    assert browser.run("[window.ran, document.querySelectorAll('main script, main img').length]") == [None, 0]
    assert browser.run("document.documentElement.scrollWidth") <= 390
    assert HOSTILE[0] in browser.run("byId('deployment-totals').textContent")
    labels = read_verified(downloaded(browser, tmp_path)).of(table)
    plain = [" ".join(name.split()) for name in table.label_names(context=True)]
    assert labels.tolist() == plain


def test_ten_thousand_events_are_few_elements(page):
    browser = page(stream_table(10_000, period=1))
    browser.click("#tabs button:nth-child(3)")
    assert browser.run("review.list.shown.length") == 10_000
    browser.run("byId('list').scrollTop = 340000")
    browser.until("document.getElementById('entry-5000') !== null")
    assert browser.run("document.querySelectorAll('.row').length") < 40
    browser.press("j")
    assert browser.run("review.list.chosen") == 1
    browser.until("document.getElementById('entry-1') !== null")


@pytest.mark.parametrize("dark", [False, True])
def test_narrow_windows_and_both_colours(page, dark):
    browser = page(stream_table(100, deployments=3, utc=True))
    browser.view(390, dark=dark, mobile=True)
    browser.until("document.documentElement.scrollWidth <= 390")
    luminance = browser.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]")
    assert (luminance < 60) == dark
    assert browser.run("document.querySelectorAll('#hours rect').length") >= 1


def test_every_timeline_is_drawn_for_print(page):
    browser = page(stream_table(100, deployments=6))
    browser.send("Page.printToPDF")
    widths = browser.run("[...document.querySelectorAll('.lane canvas')].map((canvas) => canvas.width)")
    assert len(widths) == 6
    assert min(widths) > 400


def test_timelines_lead_to_their_entries(page):
    browser = page(in_stream_order(stream_table(100, deployments=1)))
    browser.run("document.querySelector('.lane').scrollIntoView({behavior: 'instant'})")
    browser.until("document.querySelector('.lane canvas').getAttribute('aria-label') !== null")
    browser.run("document.querySelector('.lane canvas').focus()")
    browser.press(*["ArrowRight"] * 3)
    assert browser.run("document.querySelector('.lane output').textContent").startswith("0.4 s")
    browser.press("Enter")
    start, stop = browser.run("[chosenEntry().start, chosenEntry().stop]")
    assert start <= 2 < stop
