"""Streams that several trainings read in step, drawn once for all."""

from typing import Any

from ...errors import InputError
from .streams import StreamBatch, Streams


class SharedStreams:
    """Streams that several trainings read in step: each chunk is drawn by the first one that wants it.

    Args:
        streams: The streams.

    Examples:
        >>> import numpy as np
        >>> from wolfdog.tv import default_world
        >>> from wolfdog.watch.data.labelled_video import LabelledVideo
        >>> from wolfdog.watch.data.remixed_streams import RemixedStreams
        >>> world, shots = default_world(), np.arange(5)
        >>> looks = tuple(world.look(label) for label in world.labels)
        >>> video = LabelledVideo("a", shots / 5, shots, shots, looks, np.zeros((5, 2), np.float32))
        >>> shared = SharedStreams(RemixedStreams([video], world.labels, world, 3, seed=0))
        >>> one, other = shared.reader(), shared.reader()
        >>> one.draw(4, 0.0) is other.draw(4, 0.0)
        True
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._readers: list[_Reader] = []
        self._drawn = 0
        self._kept: tuple[StreamBatch, tuple[int, float]] | None = None

    def reader(self) -> Streams:
        """View of the streams for one more training; all are asked for before the first chunk is drawn."""
        self._readers.append(_Reader(self, self._streams))
        return self._readers[-1]

    def chunk(self, number: int, length: int, progress: float) -> StreamBatch:
        """Chunk of that number, counted from 0.

        Args:
            number: The chunk before it, or one more than those that were drawn.
            length: Number of moments.
            progress: Progress of the training, from 0 to 1.

        Returns:
            The chunk, which all readers share and none may change.

        Raises:
            InputError: The readers do not read the same chunks in step.
        """
        if number == self._drawn and all(reader.read == number for reader in self._readers):
            self._kept = self._streams.draw(length, progress), (length, progress)
            self._drawn += 1
        if self._kept is None or number != self._drawn - 1 or self._kept[1] != (length, progress):
            raise InputError(
                f"shared streams: expected readers that read the same chunks in step; got a request for chunk {number} "
                f"of {length} moments at progress {progress:g} after {self._drawn} chunks. Give each its own streams."
            )
        return self._kept[0]


class _Reader:
    """Streams of one reader."""

    def __init__(self, shared: SharedStreams, streams: Streams) -> None:
        self._shared, self._streams = shared, streams
        self.read = 0

    def draw(self, length: int, progress: float) -> StreamBatch:
        chunk = self._shared.chunk(self.read, length, progress)
        self.read += 1
        return chunk

    def state_dict(self) -> dict[str, Any]:
        return self._streams.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._streams.load_state_dict(state)
