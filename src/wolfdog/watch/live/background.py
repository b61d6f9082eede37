"""Work that must not hold up the labels: jobs in a bounded queue, done by a thread of their own."""

import sys
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

Job = Callable[[], None]


class Background:
    """Thread that does jobs in their order.

    When the queue is full, the oldest job is given up and counted.

    Args:
        name: Name of the thread, for messages.
        most: Jobs that wait at most.
    """

    def __init__(self, name: str, *, most: int = 1000) -> None:
        self.lost = 0
        """Jobs that were given up."""
        self._name, self._most = name, most
        self._jobs: deque[Job] = deque()
        self._ready = Condition()
        self._ending = False
        self._troubles: set[str] = set()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, job: Job) -> None:
        """Queue a job; never waits."""
        with self._ready:
            if len(self._jobs) >= self._most:
                self._jobs.popleft()
                self.lost += 1
            self._jobs.append(job)
            self._ready.notify()

    def close(self, seconds: float = 10.0) -> None:
        """Do the jobs that wait, and end.

        Args:
            seconds: Longest wait.
        """
        with self._ready:
            self._ending = True
            self._ready.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._jobs and not self._ending:
                    self._ready.wait()
                if not self._jobs:
                    return
                job = self._jobs.popleft()
            try:
                job()
            except Exception as error:  # a full disk or a broker that is away: say so once, and go on
                text = f"{self._name}: {type(error).__name__}: {error}"
                if text not in self._troubles and len(self._troubles) < 100:
                    self._troubles.add(text)
                    print(f"wolfdog: {text}", file=sys.stderr, flush=True)
