"""Command line: `wolfdog demo | tv | train | watch | evaluate | export`."""

import sys

from ..errors import MissingPackageError
from ..extras import needs_extra
from .signals import interrupting_signals, status_of


def main() -> None:
    """Entry point of the command `wolfdog`; without the extra that it needs, one line says so, with exit status 2."""
    with interrupting_signals():
        try:
            with needs_extra("watch", "the command"):
                from .app import main as run
            run()
        except MissingPackageError as error:
            sys.stderr.write(f"wolfdog: {error}\n")
            sys.exit(2)
        except KeyboardInterrupt as error:
            sys.stderr.write("wolfdog: interrupted\n")
            sys.exit(status_of(error))
