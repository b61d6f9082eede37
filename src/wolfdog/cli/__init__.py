"""The command line: `wolfdog demo | tv | train | watch | evaluate | export`."""

import sys

from ..errors import MissingPackageError
from ..extras import needs_extra


def main() -> None:
    """The command `wolfdog`, or one line that names the extra it needs and exit status 2."""
    try:
        with needs_extra("watch", "the command"):
            from .app import main as run
    except MissingPackageError as error:
        sys.stderr.write(f"wolfdog: {error}\n")
        sys.exit(2)
    run()
