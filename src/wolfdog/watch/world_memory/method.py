"""World memory as a smoothing method."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from wolfdog.errors import InputError, ShapeError
from wolfdog.layers import Recurrent

from ..smoothing.any_class_features import Clock
from ..smoothing.method import Floats, Integers, Method, Stream
from .network import WorldNetwork
from .network_file import pretrained_world_network
from .streams import log_of

_CHUNK = 4096
"""Frames whose states are held at once."""


@dataclass(frozen=True, kw_only=True)
class WorldMemory(Method):
    """Memory of one world: a recurrent network that knows which classes occur together, and a classifier's errors.

    The pretrained network knows the world of `wolfdog.tv.default_world`, in which wolves occur with bears, and dogs
    with goldfish: after a bear, an unclear canine is a wolf. It reads the log probabilities of wolf, dog, bear,
    goldfish and unknown, in any order, and the seconds between frames. What came before changes the ratio of two
    probabilities by a bounded factor, and in clear frames (`Predictions.clarity`) the classifier is trusted, the more
    the surer it is. The memory was trained on the probabilities of EfficientNet-Lite0 for photographs, clean and
    degraded (`wolfdog pretrain --world`).

    The memory goes from frame to frame, with the mean of each frame's rows. The context of a row is computed from the
    state after its frame and the row's own probabilities, so that each detection has a label of its own.

    Attributes:
        network: The network; None for the pretrained one.

    Examples:
        >>> from wolfdog.watch.predictions import Predictions
        >>> bear, unclear = [0.001, 0.003, 0.99, 0.0, 0.006], [0.2, 0.35, 0.005, 0.0, 0.445]
        >>> classes = ["wolf", "dog", "bear", "goldfish", "unknown"]
        >>> seen = Predictions.from_columns(classes, [bear] * 10 + [unclear] * 10, time=np.arange(20) / 5)
        >>> smoothed = WorldMemory().smooth(seen)
        >>> smoothed.label_names()[-1], smoothed.label_names(context=True)[-1]
        ('unknown', 'wolf')
    """

    name: ClassVar[str] = "world-memory"
    looks_ahead: ClassVar[bool] = False
    network: WorldNetwork | None = field(default=None, repr=False)

    @staticmethod
    def knows(classes: Iterable[str]) -> bool:
        """Whether the pretrained memory is for these classes, in any order.

        Examples:
            >>> WorldMemory.knows(["unknown", "bear", "dog", "wolf", "goldfish"]), WorldMemory.knows(["wolf", "dog"])
            (True, False)
        """
        return sorted(classes) == sorted(pretrained_world_network().config.classes)

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        network = pretrained_world_network() if self.network is None else self.network
        order = _order(network, stream.table.classes)
        frames, rows = log_of(stream.of_frames[:, order]), log_of(stream.p[:, order])
        clarity = torch.from_numpy(stream.table.clarity)
        of_frames = (
            torch.from_numpy(stream.mean_of_frames(stream.table.clarity.astype(np.float64)))
            .float()
            .unsqueeze(1)
        )
        seconds = np.diff(stream.time, prepend=stream.time[:1]).astype(np.float32)
        clock = network.clock(torch.from_numpy(seconds).unsqueeze(1))
        context = np.empty_like(stream.p)
        state: Any = None
        with torch.no_grad():
            for start in range(0, len(frames), _CHUNK):
                chunk = slice(start, start + _CHUNK)
                x = network.inputs(
                    torch.from_numpy(frames[chunk]).unsqueeze(1), clock[chunk], of_frames[chunk]
                )
                h, state = network.memory(x, state)
                some = slice(*np.searchsorted(stream.frame, (start, start + _CHUNK)))
                of_row = torch.from_numpy(stream.frame[some] - start)
                log_p = torch.from_numpy(rows[some])
                x = network.inputs(log_p, clock[chunk][of_row, 0], clarity[some])
                read = network.read(log_p, x, h[of_row, 0], clarity[some]).double().exp().numpy()
                context[some] = read[:, np.argsort(order)]
        return context

    def described(self, *, ahead: bool = False) -> str:
        network = "pretrained" if self.network is None else "own"
        return f"{self.name}(network={network!r}, ahead={ahead})"


class WorldMemoryStream:
    """World memory of one deployment, frame by frame; its results are those of `WorldMemory`.

    Args:
        classes: Names, in the order of the probabilities.
        network: The network; None for the pretrained one.

    Raises:
        InputError: The network is for other classes.

    Examples:
        >>> memory = WorldMemoryStream(["wolf", "dog", "bear", "goldfish", "unknown"])
        >>> memory.step([[0.0, 0.02, 0.95, 0.0, 0.03]], seconds=0.0).shape
        (1, 5)
    """

    def __init__(self, classes: Sequence[str], network: WorldNetwork | None = None) -> None:
        self._network = pretrained_world_network() if network is None else network
        self._order = _order(self._network, tuple(classes))
        self._clock = Clock()
        self._stream = self._network.memory.stream()
        self._before: float | None = None
        self.last_step: tuple[torch.Tensor, Any] | None = None
        """Input of the cell at the last frame, and the state before it; for `memory.activations`."""

    @property
    def memory(self) -> Recurrent:
        """Recurrent layer."""
        return self._network.memory

    @torch.no_grad()
    def step(
        self,
        probabilities: ArrayLike,
        *,
        seconds: float = float("nan"),
        clarity: ArrayLike | None = None,
    ) -> NDArray[np.float64]:
        """Context probabilities of the next frame.

        Args:
            probabilities: Probabilities [D, K] of the D rows of the frame, at least one.
            seconds: Time of the frame; NaN if unknown.
            clarity: Clarity of the rows' pictures [D], NaN where unknown; None if it is unknown of all.

        Returns:
            Context probabilities [D, K].

        Raises:
            ShapeError: The shape does not fit.
        """
        p = np.asarray(probabilities, np.float64)
        if p.ndim != 2 or p.shape[1] != len(self._order) or not len(p):
            raise ShapeError(
                f"probabilities of a frame must be [rows, {len(self._order)}] with at least one row, got "
                f"{list(p.shape)}."
            )
        clear = None if clarity is None else torch.from_numpy(np.asarray(clarity, np.float32))
        if clear is not None and clear.shape != (len(p),):
            raise ShapeError(
                f"clarity must be [{len(p)}], as probabilities have rows, got {list(clear.shape)}."
            )
        passed = seconds - (seconds if self._before is None else self._before)
        self._before = seconds
        clock = self._network.clock(torch.tensor([[passed]], dtype=torch.float32), self._clock)[0]
        p = p[:, self._order]
        of_frame = None if clear is None else clear.mean(0, keepdim=True)
        x = self._network.inputs(torch.from_numpy(log_of(p.mean(0, keepdims=True))), clock, of_frame)
        self.last_step = x, self._stream.state
        h = self._stream.step(x)
        log_p = torch.from_numpy(log_of(p))
        x = self._network.inputs(log_p, clock.expand(len(p), 3), clear)
        read = self._network.read(log_p, x, h.expand(len(p), -1), clear).double().exp().numpy()
        return np.asarray(read[:, np.argsort(self._order)])


def _order(network: WorldNetwork, classes: tuple[str, ...]) -> Integers:
    """Position among `classes` of each of the network's classes.

    Raises:
        InputError: They are other classes.
    """
    own = network.config.classes
    if sorted(own) != sorted(classes):
        raise InputError(
            f"this memory is for the classes {', '.join(own)}; the predictions have {', '.join(classes)}."
        )
    return np.array([classes.index(name) for name in own], np.int64)
