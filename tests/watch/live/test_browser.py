"""The page in headless Chromium: labels, television, pause, a connection that is lost, narrow windows."""

import time

import pytest

from headless_chromium import BROWSER, Chromium
from live_sources import Coloured, ColourSteps, coloured, page_server, until
from wolfdog.tv import Painter, default_world
from wolfdog.watch.live.history import History
from wolfdog.watch.live.pictures import PictureSource
from wolfdog.watch.live.server import ServerOptions
from wolfdog.watch.live.television import Television
from wolfdog.watch.live.watcher_steps import WatcherSteps
from wolfdog.watch.model.watcher import Watcher

pytestmark = [pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed"), pytest.mark.slow]


class Told(PictureSource):
    """Source that shows what it is told to, five times a second."""

    def __init__(self, name="garden"):
        super().__init__(name, "stream", 5.0)
        self.label = "unknown"

    def pictures(self, say):
        index = 0
        while not self._stop.wait(0.2):
            yield coloured(self.label, index, self.fps)
            index += 1


@pytest.fixture(scope="module")
def browser():
    with Chromium() as chromium:
        yield chromium


def show(browser, server, *, width=1280, dark=False, mobile=False):
    browser.send("Page.navigate", url="about:blank")  # the page before asks for nothing more
    browser.until("document.readyState === 'complete'")
    browser.events.clear()
    browser.view(width, 900, dark=dark, mobile=mobile)
    browser.send("Page.navigate", url=server.address)
    browser.until("document.readyState === 'complete'")
    browser.until(
        "typeof view !== 'undefined' && view.sources.length > 0 && view.sources[0].moments.length > 3"
    )


def label(browser, kind):
    return browser.run(f"document.getElementById('{kind}-name').textContent")


def test_a_known_label_within_a_second_of_a_known_frame(browser):
    source = Told()
    with page_server([(source, ColourSteps())]) as (server, _):
        show(browser, server)
        for shown, context in (("bear", "bear"), ("unknown", "bear"), ("wolf", "wolf")):
            source.label = shown
            began = time.monotonic()
            browser.until(
                f"byId('snapshot-name').textContent === '{shown}' && byId('context-name').textContent === '{context}'"
            )
            assert time.monotonic() - began < 1.0
        browser.until("byId('picture').complete && byId('picture').naturalWidth === 32")
        browser.until("document.querySelectorAll('#event-list button').length >= 1")
        source.label = "unknown"
        browser.until("byId('verdict').className.includes('differs')")
        browser.until("document.querySelectorAll('#past button').length >= 1")
        assert "wolf" in browser.run("byId('past').textContent")
        browser.until("byId('status').textContent === 'live'")
        assert browser.complaints() == []
        assert all(url.startswith(server.address) for url in browser.requests())


def test_zap_and_bear_and_rounds(browser):
    television = Television(default_world(), Painter(64), seed=1)
    with page_server([(television, WatcherSteps(Watcher.load(), "painted"))]) as (server, _):
        show(browser, server)
        channel = television.on_air.channel
        browser.click("#zap")
        until(lambda: television.on_air.channel != channel)
        browser.click("#shows button")
        browser.until("byId('context-name').textContent === 'bear'")
        assert television.on_air.channel == "Nature Channel"
        browser.press("g")
        browser.until("byId('context-name').textContent === 'goldfish'")
        browser.click("#rounds")
        until(lambda: television.between == 12)
        browser.until("byId('between-text').textContent.includes('12 unknown things')")
        browser.until("view.sources[0].gates.size > 5")
        assert not browser.run("byId('gates').hidden")
        ink = "[...byId('bands').getContext('2d').getImageData(0, 0, byId('bands').width, byId('bands').height).data]"
        assert browser.run(f"new Set({ink}).size") > 10
        assert browser.complaints() == []


def test_pause_and_steps(browser):
    with page_server() as (server, _):
        show(browser, server)
        browser.until("chosen().moments.length > 40")
        browser.press(" ")
        first = browser.run("shown(chosen()).number")
        assert browser.run("byId('status').textContent") == "paused"
        browser.run("document.body.focus()")
        browser.press("ArrowLeft", "ArrowLeft")
        assert browser.run("shown(chosen()).number") == first - 2
        browser.press("ArrowRight")
        assert browser.run("shown(chosen()).number") == first - 1
        time.sleep(0.3)
        assert browser.run("shown(chosen()).number") == first - 1
        browser.until(f"byId('picture').src.endsWith('/pictures/0/{first - 1}.jpg')")
        browser.press("l")
        browser.until(f"byId('status').textContent === 'live' && shown(chosen()).number > {first}")
        browser.click("#bands")
        assert browser.run("view.paused !== null")
        browser.click("#event-list button")
        number = browser.run("Number(document.querySelector('#event-list img').src.match(/(\\d+).jpg/)[1])")
        assert browser.run("shown(chosen()).number") == number


def test_a_picture_that_is_no_longer_held(browser):
    with page_server() as (server, session):
        until(lambda: len(session.feeds[0].history) > 25)
        show(browser, server)
        browser.until("chosen().moments[0].number === 0")
        browser.press(" ")
        session.feeds[0].history = History(seconds=0.1)
        browser.run("(view.paused = chosen().moments[13].at, showAll())")  # its picture was never asked for
        browser.until("!byId('waiting').hidden && byId('waiting').textContent.includes('no longer held')")
        browser.events.clear()
        time.sleep(1.0)
        assert len([url for url in browser.requests() if "/pictures/" in url]) <= 1
        browser.press("l")
        browser.until("byId('waiting').hidden && byId('picture').naturalWidth === 32")


def test_a_lost_connection_comes_back(browser):
    sources = [(Coloured(), ColourSteps())]
    with page_server(sources) as (server, session):
        show(browser, server)
        browser.until("chosen().missing === null")
        before = browser.run("chosen().last().number")
        # New moments come before the page asks for those that it missed.
        browser.run("window.setClock = () => new Promise((done) => setTimeout(done, 400))")
        browser.send(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )
        for connection in list(server._server.server_state.connections):
            session.hub._loop.call_soon_threadsafe(connection.abort)
        browser.until("view.link === 'lost'")
        assert "trying again" in browser.run("byId('status').textContent")
        time.sleep(1.0)
        browser.send(
            "Network.emulateNetworkConditions",
            offline=False,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )
        browser.until(f"view.link === 'open' && chosen().last().number > {before} + 20")
        browser.until(
            "chosen().moments.every((one, k, all) => k === 0 || one.number === all[k - 1].number + 1)"
        )
    port = server.port
    browser.until("view.link === 'lost'")
    with page_server(options=ServerOptions(port=port)) as (_, other):
        browser.until(f"view.link === 'open' && view.session.id === '{other.id}'")
        browser.until("chosen().moments.length > 5")


def test_four_tiles(browser):
    names = ["front", "back", "<img src=x onerror=window.ran=1>", "שער"]
    with page_server([(Coloured(name=name, fps=2.0), ColourSteps()) for name in names]) as (server, _):
        show(browser, server)
        browser.until("document.querySelectorAll('.tile').length === 4")
        assert not browser.run("byId('tiles').hidden")
        browser.press("3")
        assert browser.run("view.chosen") == 2
        browser.until("[...document.querySelectorAll('.tile img')].every((one) => one.naturalWidth === 32)")
        assert browser.run("[window.ran, document.querySelectorAll('.tile .words img').length]") == [None, 0]
        assert browser.complaints() == []


@pytest.mark.parametrize("dark", [False, True])
def test_narrow_windows_and_both_colours(browser, dark):
    with page_server() as (server, _):
        show(browser, server, width=390, dark=dark, mobile=True)
        browser.until("document.documentElement.scrollWidth <= 390")
        luminance = browser.run(
            "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
        )
        assert (luminance < 60) == dark
        small = (
            "[...document.querySelectorAll('button')].filter((one) => one.offsetParent && one.offsetHeight < 36)"
            ".map((one) => one.id || one.textContent)"
        )
        assert browser.run(small) == []


def test_what_a_screen_reader_reads(browser):
    source = Told()
    with page_server([(source, ColourSteps())]) as (server, _):
        show(browser, server)
        source.label = "bear"
        browser.until("byId('said').textContent.includes('With memory: bear')")
        tree = browser.send("Accessibility.getFullAXTree")["nodes"]
        names = {
            (node.get("role", {}).get("value"), node.get("name", {}).get("value"))
            for node in tree
            if not node.get("ignored")
        }
        assert ("button", "Pause") in names
        assert ("button", "One frame back") in names
        assert any(role in ("image", "img") and "Probabilities" in (name or "") for role, name in names)
        unnamed = [role for role, name in names if role in ("button", "checkbox", "slider") and not name]
        assert unnamed == []


def test_a_token_opens_the_page(browser):
    with page_server(options=ServerOptions(port=0, token="0123456789abcdef")) as (server, _):
        show(browser, server)
        assert browser.run("location.search") == ""
        browser.until("byId('picture').naturalWidth === 32")
