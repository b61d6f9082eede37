"""Terminal output: no text of a file reaches it as an escape sequence."""

import io

import pytest
from rich.table import Table

from wolfdog.cli.job_display import JobDisplay, duration
from wolfdog.cli.screen import _SafeConsole, printable


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


def test_troubles_are_told_once(capsys):
    from wolfdog.watch.jobs.plan import Deployment

    with JobDisplay(1) as display:
        one = Deployment("key", (), 1, 0)
        display.begin([one], 0)
        display.labelled(one, 1.0, [("a.jpg", "a.jpg: empty")])
        display.labelled(one, 1.0, [("a.jpg", "a.jpg: empty")])
    assert capsys.readouterr().err.count("a.jpg: empty") == 1
