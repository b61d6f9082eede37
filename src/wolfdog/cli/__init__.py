"""Command line: `wolfdog demo | tv | train | watch | evaluate | export`."""

import sys

from ..errors import MissingPackageError
from ..extras import needs_extra
from .signals import interrupt_behind, interrupting_signals, status_of


def main() -> None:
    """Entry point of the command `wolfdog`; without the extra that it needs, one line says so, with exit status 2."""
    with interrupting_signals():
        try:
            with needs_extra("watch", "the command"):
                from .app import main as run
            run()
        except BaseException as error:
            interrupt = interrupt_behind(error)
            if interrupt is not None:
                sys.stderr.write("wolfdog: interrupted\n")
                sys.exit(status_of(interrupt))
            if not isinstance(error, MissingPackageError):
                raise
            sys.stderr.write(f"wolfdog: {error}\n")
            sys.exit(2)
