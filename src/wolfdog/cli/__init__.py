"""Command line: `wolfdog demo | tv | train | watch | evaluate | export`."""

import sys

from ..errors import MissingPackageError
from ..extras import needs_extra


def main() -> None:
    """Entry point of the command `wolfdog`; without the extra that it needs, one line says so, with exit status 2."""
    try:
        with needs_extra("watch", "the command"):
            from .app import main as run
    except MissingPackageError as error:
        sys.stderr.write(f"wolfdog: {error}\n")
        sys.exit(2)
    run()
