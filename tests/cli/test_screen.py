"""Terminal output: no text of a file reaches it as an escape sequence."""

import io

import pytest
from rich.table import Table

from wolfdog.cli.job_display import JobDisplay, duration
from wolfdog.cli.screen import _SafeConsole, printable
from wolfdog.watch.jobs.earlier_files import LeftOut

NOTHING = LeftOut((), ())


def shown(*things, **options):
    file = io.StringIO()
    _SafeConsole(file=file, highlight=False, force_terminal=True, width=200).print(*things, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "bad", ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "a\rb", "\u202etxt", "\x7f", "\x00"]
)
def test_no_control_character_is_shown(bad):
    table = Table()
    table.add_column(f"head{bad}")
    table.add_row(f"cell{bad}")
    for text in (shown(f"name{bad}", markup=False), shown(f"[bold]name[/]{bad}"), shown(table)):
        plain = text.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[3m", "")
        assert not [one for one in plain if not one.isprintable() and one != "\n"], repr(plain)
    assert printable(bad) != bad
    assert printable(bad).isprintable()


def test_styles_of_its_own_pass():
    assert "\x1b[1m" in shown("[bold]name[/]")
    assert shown("two\nlines\tand a tab", markup=False).count("\n") == 2


def test_time_left_of_uneven_files():
    from wolfdog.watch.jobs.plan import Deployment
    from wolfdog.watch.jobs.time_left import TimeLeft

    left = TimeLeft(workers=1)
    images = [Deployment(f"i{n}", (), 100, 0) for n in range(5)]
    videos = [Deployment(f"v{n}", (), 0, 10_000_000 * (n + 1)) for n in range(5)]
    left.add([*images, *videos])
    assert left.seconds() is None
    left.done(images[0], 60.0)  # the first one waits for packages to load
    left.done(images[1], 10.0)
    left.done(videos[0], 20.0)
    assert left.seconds() == pytest.approx(3 * 10 + (2 + 3 + 4 + 5) * 20)
    assert duration(left.seconds()) == "5 min"


def test_time_left_within_the_first_deployment():
    from wolfdog.watch.jobs.plan import Deployment
    from wolfdog.watch.jobs.time_left import TimeLeft

    left = TimeLeft(workers=1)
    one, other = (Deployment(name, (), 100, 0) for name in "ab")
    left.add([one, other])
    left.running(one, 0.1, 1000.0)
    assert left.seconds() is None
    left.running(one, 0.5, 1040.0)  # an image a second
    assert left.seconds() == pytest.approx(150)
    left.done(one, 80.0)
    assert left.seconds() == pytest.approx(80)
    left.running(other, 0.75, 1200.0)
    assert left.seconds() == pytest.approx(20)


def test_files_within_a_deployment_are_counted(capsys, monkeypatch):
    from types import SimpleNamespace

    from wolfdog.cli import job_display
    from wolfdog.watch.jobs.plan import Deployment

    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(job_display, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    media = [SimpleNamespace(name=f"{n}.jpg") for n in range(400)]
    one, other = Deployment("a", media[:300], 300, 0), Deployment("b", media[300:], 100, 0)
    with JobDisplay(1) as display:
        display.begin([one, other], 0, NOTHING)
        display.running("30.jpg", 1.0, one)
        display.running("150.jpg", 0.0, one)
        display.labelled(one, 1.0, [])
        display.running("150.jpg", 0.0, one)  # of a process that died
        display.running("320.jpg", 0.5, other)
        display.labelled(other, 1.0, [])
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" of")[0] for line in lines] == ["31", "150", "300", "320", "400"]
    assert lines[-1] == "400 of 400 files"
    assert all(line.endswith("left") for line in lines[1:-1])


@pytest.mark.parametrize(
    ("done", "left", "line"),
    [
        (1, 1, "1 file was labelled by an earlier run; 1 is left"),
        (1500, 2, "1,500 files were labelled by an earlier run; 2 are left"),
    ],
)
def test_files_of_an_earlier_run_are_counted(capsys, done, left, line):
    from types import SimpleNamespace

    from wolfdog.watch.jobs.plan import Deployment

    with JobDisplay(1) as display:
        display.begin([Deployment("a", [SimpleNamespace(name="a.jpg")] * left, left, 0)], done, NOTHING)
    assert capsys.readouterr().out.splitlines()[0] == line


def test_troubles_are_told_once(capsys):
    from wolfdog.watch.jobs.plan import Deployment

    with JobDisplay(1) as display:
        one = Deployment("key", (), 1, 0)
        display.begin([one], 0, NOTHING)
        display.labelled(one, 1.0, [("a.jpg", "a.jpg: empty")])
        display.labelled(one, 1.0, [("a.jpg", "a.jpg: empty")])
    assert capsys.readouterr().err.count("a.jpg: empty") == 1
