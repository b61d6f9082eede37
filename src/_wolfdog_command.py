"""Entry point of the command `wolfdog`, outside the package, so that it can be interrupted while the package loads."""

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command; an interrupt before it has begun ends it with one line and exit status 130."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from wolfdog.cli import main as run

    signal.signal(signal.SIGINT, before)
    run()


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: an exception could be taken for a failed import on its way."""
    sys.stderr.write("wolfdog: interrupted\n")
    sys.stderr.flush()
    os._exit(130)


if __name__ == "__main__":
    main()
