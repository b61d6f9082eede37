"""Child processes that end with their parent, even if it is killed."""

import os
import threading
import time

_PERIOD = 0.5
"""Seconds between two looks at the parent."""


def end_with_parent(parent: int) -> None:
    """End this process soon after its parent has ended, for any reason.

    A process that is killed cannot stop its children. Each child calls this once; a thread of its own then compares the
    parent's number every half second.

    Args:
        parent: Process number of the parent, as it was before this process was started.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PERIOD)
        os._exit(1)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()
