"""Any-class memory: a recurrent network that smooths the probabilities of any classifier."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from wolfdog.errors import InputError, ShapeError
from wolfdog.layers import Recurrent

from .any_class_features import Clock, class_features
from .any_class_file import pretrained_network
from .any_class_network import FEATURES, AnyClassNetwork
from .method import Floats, Method, Stream

_CHUNK = 512
"""Frames that are run at once: their states stay in the processor's cache."""
_KEPT = 2**24
"""Numbers of the backward states that are kept at most; beyond, they are computed twice."""


@dataclass(frozen=True, kw_only=True)
class AnyClass(Method):
    """Any-class memory: a recurrent network that smooths the probabilities of any classifier.

    Every class has a state of its own, and all classes share the weights (`AnyClassNetwork`), so that one network
    serves any number of classes in any order. It reads the classifier's log probabilities, the positions of the most
    probable class and of the blank class, the seconds since the frame before, the detector's confidence, the number of
    rows of the frame, and the probability that the source spread evenly. It was trained on simulated streams (`wolfdog
    pretrain`).

    The memory goes from frame to frame, with the mean of each frame's rows. The context of a row is computed from the
    states after its frame and the row's own probabilities, so that each detection has a label of its own, and the rows
    of a frame influence each other through the states.

    Attributes:
        network: The network; None for the pretrained one.
        prudence: How firmly the classifier's own label is held where the classifier is sure, besides what the network
            was fitted to: `prudence` times the lead, 1 - second / first of its two largest probabilities, is added to
            the logit of that label. Above 0 the memory overturns fewer labels, right or wrong ones.

    Raises:
        InputError: The prudence is below 0, or not finite.

    Examples:
        >>> from wolfdog.watch.predictions import Predictions
        >>> seen = Predictions.from_columns(
        ...     ["raccoon", "badger", "blank"],
        ...     [[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.8, 0.1, 0.1]],
        ...     time=[0, 1, 2, 3],
        ...     blank="blank",
        ... )
        >>> AnyClass().smooth(seen, ahead=True).label_names(context=True).tolist()
        ['raccoon', 'raccoon', 'raccoon', 'raccoon']
    """

    name = "memory"
    network: AnyClassNetwork | None = field(default=None, repr=False)
    prudence: float = 0.0

    def __post_init__(self) -> None:
        check_prudence(self.prudence)

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        network = pretrained_network() if self.network is None else self.network
        F, K = len(stream.first), stream.p.shape[1]
        blank = _blank(stream.blank, K)
        seconds = torch.from_numpy(np.diff(stream.time, prepend=stream.time[:1]).astype(np.float32))
        clock = Clock().features(seconds.unsqueeze(1), use=network.config.times)[:, 0]
        chunks = [slice(start, min(start + _CHUNK, F)) for start in range(0, F, _CHUNK)]
        context = np.empty_like(stream.p)
        with torch.no_grad():
            later = _backward_states(network, stream, blank, seconds, chunks) if ahead else None
            state = torch.zeros(1, K, network.config.width)
            for number, chunk in enumerate(chunks):
                states, state = network.states(
                    _of_frames(stream, chunk, clock[chunk], blank), state, ahead=ahead
                )
                if later is not None:
                    states = torch.cat((states, later(number)), -1)
                rows = slice(*np.searchsorted(stream.frame, (chunk.start, chunk.stop)))
                log_p, x = _of_rows(stream, rows, clock, blank)
                y = states[torch.from_numpy(stream.frame[rows] - chunk.start), 0]
                read = network.read(log_p, y, x, ahead=ahead, prudence=self.prudence)
                context[rows] = read.exp().numpy()
        return context

    def described(self, *, ahead: bool = False) -> str:
        network = "pretrained" if self.network is None else "own"
        prudence = f", prudence={self.prudence:g}" if self.prudence else ""
        return f"{self.name}(network={network!r}{prudence}, ahead={ahead})"


class AnyClassMemory:
    """Any-class memory of one deployment, frame by frame; its results are those of `AnyClass`.

    Args:
        classes: Number of classes.
        blank: Position of the blank class; None if there is none.
        network: The network; None for the pretrained one.
        prudence: That of `AnyClass`.

    Raises:
        InputError: The blank class is none of the classes, or the prudence is below 0 or not finite.

    Examples:
        >>> memory = AnyClassMemory(3)
        >>> context = memory.step([[0.8, 0.1, 0.1]], seconds=0.0)
        >>> context.shape
        (1, 3)
    """

    def __init__(
        self,
        classes: int,
        blank: int | None = None,
        *,
        network: AnyClassNetwork | None = None,
        prudence: float = 0.0,
    ) -> None:
        self._network = pretrained_network() if network is None else network
        self._classes, self._blank = classes, _blank(blank, classes)
        self._prudence = check_prudence(prudence)
        self._clock = Clock()
        self._stream = self._network.forwards.stream(
            x=torch.zeros(1, classes, FEATURES), state=torch.zeros(1, classes, self._network.config.width)
        )
        self._before: float | None = None
        self.last_step: tuple[Tensor, Tensor] | None = None
        """Input of the cell at the last frame, and the state before it; for `memory.activations`."""

    @property
    def memory(self) -> Recurrent:
        """Recurrent layer."""
        return self._network.forwards

    @torch.no_grad()
    def step(
        self,
        probabilities: ArrayLike,
        *,
        seconds: float = float("nan"),
        confidence: ArrayLike | None = None,
        spread: ArrayLike | None = None,
    ) -> NDArray[np.float64]:
        """Context probabilities of the next frame.

        Args:
            probabilities: Probabilities [D, K] of the D rows of the frame, at least one.
            seconds: Time of the frame; NaN if unknown.
            confidence: Confidence of the detector [D]; NaN or None if unknown.
            spread: Probability that the source spread evenly [D]; None for 0.

        Returns:
            Context probabilities [D, K].

        Raises:
            ShapeError: The shapes do not fit.
        """
        p = np.asarray(probabilities, np.float64)
        if p.ndim != 2 or p.shape[1] != self._classes or not len(p):
            raise ShapeError(
                f"probabilities of a frame must be [rows, {self._classes}] with at least one row, got "
                f"{list(p.shape)}."
            )
        rows = len(p)
        sure = np.full(rows, np.nan) if confidence is None else np.asarray(confidence, np.float64)
        wide = np.zeros(rows) if spread is None else np.asarray(spread, np.float64)
        if sure.shape != (rows,) or wide.shape != (rows,):
            raise ShapeError(f"confidence and spread must be [{rows}], as probabilities have rows.")
        passed = seconds - (seconds if self._before is None else self._before)
        self._before = seconds
        clock = self._clock.features(
            torch.tensor([[passed]], dtype=torch.float32), use=self._network.config.times
        )[0, 0]
        pooled = _features(
            p.mean(0, keepdims=True), _top(p).max(0, keepdims=True), self._blank, clock[None],
            wide.mean(keepdims=True), sure.mean(keepdims=True), np.array([rows]),
        )  # fmt: skip
        before = self._stream.state
        assert isinstance(before, Tensor)
        self.last_step = pooled, before
        state = self._stream.step(pooled)
        x = _features(p, _top(p), self._blank, clock.expand(rows, 3), wide, sure, np.full(rows, rows))
        y = state.expand(rows, *state.shape[1:])
        read = self._network.read(_log(p), y, x, prudence=self._prudence)
        return np.asarray(read.double().exp().numpy())


def check_prudence(prudence: float) -> float:
    """The prudence, if it is valid.

    Raises:
        InputError: It is below 0, or not finite.
    """
    if not 0 <= prudence < float("inf"):
        raise InputError(f"prudence must be a number from 0 on, got {prudence}.")
    return prudence


def _backward_states(
    network: AnyClassNetwork, stream: Stream, blank: Tensor, seconds: Tensor, chunks: list[slice]
) -> Callable[[int], Tensor]:
    """Function from the number of a chunk to the backward states [T, 1, K, H] of its frames.

    The states are kept where they are few, else computed again from those at the ends of the chunks.
    """
    back = torch.cat((seconds[1:], torch.zeros(1))).flip(0)
    clock = Clock().features(back.unsqueeze(1), use=network.config.times)[:, 0].flip(0)
    state = torch.zeros(1, stream.p.shape[1], network.config.width)
    keep = len(seconds) * state.numel() <= _KEPT
    states: dict[int, Tensor] = {}
    ends: dict[int, Tensor] = {}

    def run(number: int, end: Tensor) -> tuple[Tensor, Tensor]:
        chunk = chunks[number]
        return network.states_ahead(_of_frames(stream, chunk, clock[chunk], blank), end)

    for number in reversed(range(len(chunks))):
        ends[number] = state
        if keep or number:
            y, state = run(number, state)
            if keep:
                states[number] = y
    return lambda number: states[number] if keep else run(number, ends[number])[0]


def _of_frames(stream: Stream, chunk: slice, clock: Tensor, blank: Tensor) -> Tensor:
    """[T, 1, K, F]: features of a chunk's frames."""
    start = stream.first[chunk.start]
    first = stream.first[chunk] - start
    rows = slice(start, start + stream.rows[chunk].sum())

    def mean(values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values[rows], first) / stream.rows[chunk])

    x = _features(
        stream.of_frames[chunk],
        np.maximum.reduceat(_top(stream.p[rows]), first, axis=0),
        blank,
        clock,
        mean(stream.table.spread.astype(np.float64)),
        mean(stream.table.confidence.astype(np.float64)),
        stream.rows[chunk],
    )
    return x.unsqueeze(1)


def _of_rows(stream: Stream, rows: slice, clock: Tensor, blank: Tensor) -> tuple[Tensor, Tensor]:
    """[R, K] log probabilities and [R, K, F] features of rows."""
    p = stream.p[rows]
    frame = stream.frame[rows]
    x = _features(
        p,
        _top(p),
        blank,
        clock[torch.from_numpy(frame)],
        stream.table.spread[rows].astype(np.float64),
        stream.table.confidence[rows].astype(np.float64),
        stream.rows[frame],
    )
    return _log(p), x


def _features(
    p: Floats, top: Floats, blank: Tensor, clock: Tensor, spread: Floats, confidence: Floats, rows: ArrayLike
) -> Tensor:
    def single(values: ArrayLike) -> Tensor:
        return torch.from_numpy(np.asarray(values, np.float32))

    return class_features(
        _log(p),
        single(top),
        blank,
        time=clock,
        spread=single(spread),
        confidence=single(confidence),
        rows=single(rows),
    )


def _log(p: Floats) -> Tensor:
    return torch.from_numpy(np.log(p.clip(1e-30)).astype(np.float32))


def _top(p: Floats) -> Floats:
    """[N, K]: 1 for the most probable classes, else 0."""
    return np.asarray(p == p.max(-1, keepdims=True), np.float64)


def _blank(position: int | None, classes: int) -> Tensor:
    if position is not None and not 0 <= position < classes:
        raise InputError(f"blank must be the position of one of {classes} classes, got {position}.")
    mark = torch.zeros(classes)
    if position is not None:
        mark[position] = 1
    return mark
