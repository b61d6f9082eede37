"""Recording of live sources at the same time, each into a folder of its own."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from .labelling.labeller import MediaProgress
from .recorder import Recorder, Watched
from .video.media import Medium

_POLL = 0.2
"""Seconds between two looks at whether all sources have ended."""


def record_live(
    media: Sequence[Medium],
    folders: Sequence[Path],
    recorder: Callable[[Path], Recorder],
    *,
    progress: MediaProgress,
    waiting: Callable[[], None] = lambda: None,
) -> list[Watched]:
    """Label live sources side by side, a thread each, until all have ended.

    An interrupt from the keyboard ends the sources as the end of their time does: what was labelled until then is
    written whole. A source that cannot be read is reported in its summary, and the others go on.

    Args:
        media: Live sources.
        folders: Folder for the results of each.
        recorder: Function that makes the recorder of a folder; all may share a labeller.
        progress: Called from the threads, with a source and its seconds that are done.
        waiting: Called several times a second from the calling thread.

    Returns:
        Summary of each source, in the order of `media`.

    Raises:
        OSError: A file cannot be written; the other sources are ended first.
    """
    results: list[Watched | None] = [None] * len(media)
    errors: list[BaseException] = []
    # Not Thread.join: interrupted while it waits, it takes a running thread for one that has ended (CPython 3.11).
    ended = [threading.Event() for _ in media]

    def record(number: int) -> None:
        try:
            with recorder(folders[number]) as writing:
                [results[number]] = writing.watch_deployment([media[number]], progress)
        except BaseException as error:  # told to the calling thread
            errors.append(error)
        finally:
            ended[number].set()

    threads = [
        threading.Thread(target=record, args=(number,), name=f"watch {medium.name}", daemon=True)
        for number, medium in enumerate(media)
    ]
    for thread in threads:
        thread.start()
    try:
        while not all(one.is_set() for one in ended) and not errors:
            next((one for one in ended if not one.is_set()), ended[0]).wait(_POLL)
            waiting()
    except KeyboardInterrupt:
        pass
    for medium in media:
        if medium.live is not None:
            medium.live.stop.set()
    for one in ended:
        one.wait()
    if errors:
        raise errors[0]
    return [result for result in results if result is not None]
