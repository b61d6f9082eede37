"""Running commands as a user does, in this process: what they print, where, and with which exit status."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest import mock

from wolfdog.cli import main


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    status: int
    out: str
    err: str


def wolfdog(*arguments):
    """`wolfdog ARGUMENTS`, an error that is not the user's included."""
    out, err = io.StringIO(), io.StringIO()
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        mock.patch.object(sys, "argv", ["wolfdog", *map(str, arguments)]),
    ):
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
    return Ran(status, out.getvalue(), err.getvalue())


def assert_fine(ran):
    assert ran.status == 0, ran.err
    assert ran.err == ""


def assert_told(ran, *words, status=2):
    """Fails unless the mistake was told in one line on standard error."""
    assert ran.status == status, ran
    assert ran.err.count("\n") == 1, ran.err
    assert ran.err.startswith("wolfdog: "), ran.err
    assert "Traceback" not in ran.err + ran.out
    for word in words:
        assert word in ran.err, ran.err
