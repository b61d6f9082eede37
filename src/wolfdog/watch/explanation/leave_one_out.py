"""Contributions of moments to a context label, by leaving each out and running the method again."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from wolfdog.errors import InputError

from ..counterfactuals.frames import Frames
from ..counterfactuals.memory import frames_memory
from ..smoothing.method import Floats, Method, Stream

Span = tuple[int, int]
"""Frames from a first one up to, not including, an end."""

_BATCH = 3_000_000
"""Numbers (frames x variants x classes) of a batch."""
_LEAST = 1e-12


@dataclass(frozen=True)
class Run:
    """Frames in a row of one snapshot label, with what they contribute to a context label.

    Attributes:
        first: Number of the first frame.
        last: Number of the last frame.
        label: Position of the snapshot label.
        contribution: In nats; above 0 where the frames speak for the context label.
    """

    first: int
    last: int
    label: int
    contribution: float


def leave_one_out(
    method: Method, stream: Stream, frame: int, *, label: int | None = None, ahead: bool = False
) -> Floats:
    """[F] contributions of the frames of a deployment to the context label of one of them.

        contribution(s) = logit q_t(label) - logit q_t(label | frame s is not there)

    in nats: above 0 where the frame speaks for the label. q_t are the context probabilities of frame t; when a frame
    is left out, the seconds between its neighbours are those that passed. Frame t itself cannot be left out: NaN. In
    the causal form later frames contribute nothing: 0. Recurrent memories run many variants at once; they read each
    frame as the mean of its rows.

    Source: leave-one-out influence (Cook 1977), of moments on one output of a sequence model.

    Args:
        method: Of smoothing.
        stream: One deployment.
        frame: Number t of the frame.
        label: Position of the label that is explained; the context label where None.
        ahead: Whether the method looks ahead.

    Raises:
        InputError: There is no such frame.

    >>> from ..predictions import Predictions
    >>> from ..smoothing import HiddenMarkov
    >>> table = Predictions.from_columns(["wolf", "dog"], [[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]], time=[0, 1, 2])
    >>> leave_one_out(HiddenMarkov(), Stream(table), 2, label=0).round(2)
    array([ 0.87, -0.48,   nan])
    """
    last = _last(stream, frame, ahead)
    others = np.delete(np.arange(last), frame)
    found = np.zeros(len(stream.first))
    found[frame] = np.nan
    found[others] = leave_spans_out(
        method, stream, frame, [(int(s), int(s) + 1) for s in others], label=label, ahead=ahead
    )
    return found


def leave_runs_out(
    method: Method, stream: Stream, frame: int, *, label: int | None = None, ahead: bool = False
) -> list[Run]:
    """Contributions of runs, each of consecutive frames with one snapshot label, in the order of time.

    The frames of a run have similar predictions, so that the removal of a single one rarely changes the label. The run
    of the explained frame is divided into its earlier frames and, looking ahead, its later ones.

    Args:
        method: As of `leave_one_out`.
        stream: As of `leave_one_out`.
        frame: As of `leave_one_out`.
        label: As of `leave_one_out`.
        ahead: As of `leave_one_out`.

    Returns:
        The runs.
    """
    spans, labels = _runs(stream, frame, ahead)
    found = leave_spans_out(method, stream, frame, spans, label=label, ahead=ahead)
    return _as_runs(spans, labels, found)


def nearest_first(
    method: Method, stream: Stream, frame: int, *, label: int | None = None, ahead: bool = False
) -> list[Run]:
    """Contributions of runs, each to what is nearer in time, in the order of time.

        contribution(run) = logit q_t(label | run and what is nearer) - logit q_t(label | what is nearer)

    The method is run without all that is farther from frame t than the run, and once more without the run. Where two
    runs say the same, leaving out either of them changes little, since the other stays; here the nearer one counts, and
    the farther one for what it adds. The contributions of the runs before t sum to the change of the log odds when all
    of them are left out; so do those after t.

    Args:
        method: Of smoothing.
        stream: One deployment.
        frame: Number t of the frame.
        label: Position of the label that is explained; the context label where None.
        ahead: Whether the method looks ahead.

    Raises:
        InputError: There is no such frame.
    """
    last = _last(stream, frame, ahead)
    spans, labels = _runs(stream, frame, ahead)
    earlier = [(0, end) for _, end in spans if end <= frame]
    later = [(start, last) for start, _ in spans if start > frame]
    found = leave_spans_out(method, stream, frame, [*earlier, *later], label=label, ahead=ahead)
    before, after = found[: len(earlier)], found[len(earlier) :]
    parts = np.concatenate((np.diff(before, prepend=0.0), -np.diff(after, append=0.0)))
    return _as_runs(spans, labels, parts)


def _runs(stream: Stream, frame: int, ahead: bool) -> tuple[list[Span], Floats]:
    """Spans of frames in a row of one snapshot label, cut at frame t and without it; and the label of each frame."""
    last = _last(stream, frame, ahead)
    snapshot = stream.of_frames[:last].argmax(-1)
    cuts = {0, frame, frame + 1, last, *(np.flatnonzero(np.diff(snapshot)) + 1).tolist()}
    bounds = sorted(cut for cut in cuts if cut <= last)
    return [span for span in pairwise(bounds) if span[0] != frame], snapshot


def _as_runs(spans: Sequence[Span], labels: Floats, found: Floats) -> list[Run]:
    return [
        Run(start, end - 1, int(labels[start]), float(value))
        for (start, end), value in zip(spans, found, strict=True)
    ]


def leave_spans_out(
    method: Method,
    stream: Stream,
    frame: int,
    spans: Sequence[Span],
    *,
    label: int | None = None,
    ahead: bool = False,
) -> Floats:
    """[spans] contributions of spans of frames, none of which holds frame t; as `leave_one_out`."""
    last = _last(stream, frame, ahead)
    part = Stream(stream.table.take(stream.frame < last))
    memory = frames_memory(method, classes=stream.table.classes, blank=stream.blank)
    if memory is None:
        k = int(_of_frame(method, part, frame, ahead).argmax()) if label is None else label
        return by_separate_runs(method, part, frame, spans, label=k, ahead=ahead)
    frames = Frames.of(part)
    by_length: dict[int, list[int]] = defaultdict(list)
    for number, (start, end) in enumerate(spans):
        by_length[end - start].append(number)
    found = np.zeros(len(spans))
    step = max(1, _BATCH // (last * stream.p.shape[1]))
    with torch.no_grad():
        whole = memory.log_context(frames, ahead=ahead)[frame, 0]
        k = int(whole.argmax()) if label is None else label
        for length, numbers in by_length.items():
            for at in range(0, len(numbers), step):
                some = numbers[at : at + step]
                starts = torch.tensor([spans[number][0] for number in some])
                variants = memory.log_context(frames.without(starts, length), ahead=ahead)
                place = (
                    frame - length * (starts < frame).long()
                )  # of frame t where a span before it is not there
                read = variants[place, torch.arange(len(some))]
                found[some] = (log_odds(whole, k) - log_odds(read, k)).double().numpy()
    return found


def by_separate_runs(
    method: Method, stream: Stream, frame: int, spans: Sequence[Span], *, label: int, ahead: bool
) -> Floats:
    """The definition: [spans] contributions, by one run of the method for each span that is left out."""

    def logit(part: Stream, at: int) -> float:
        p = float(_of_frame(method, part, at, ahead)[label])
        return float(np.log(max(p, _LEAST)) - np.log(max(1 - p, _LEAST)))

    whole = logit(stream, frame)
    found = np.zeros(len(spans))
    for number, (start, end) in enumerate(spans):
        stay = (stream.frame < start) | (stream.frame >= end)
        rest = Stream(stream.table.take(stay))
        found[number] = whole - logit(rest, frame - (end - start) * (start < frame))
    return found


def log_odds(log_q: Tensor, label: int) -> Tensor:
    """[...] log q - log(1 - q) of one class from log probabilities [..., K]."""
    others = torch.cat((log_q[..., :label], log_q[..., label + 1 :]), -1)
    odds: Tensor = log_q[..., label] - others.logsumexp(-1)
    return odds


def _of_frame(method: Method, stream: Stream, frame: int, ahead: bool) -> Floats:
    context = method.of_stream(stream, ahead=ahead)
    return np.asarray(stream.mean_of_frames(context / context.sum(-1, keepdims=True))[frame])


def _last(stream: Stream, frame: int, ahead: bool) -> int:
    """Number of frames that the context of a frame depends on.

    Raises:
        InputError: There is no such frame.
    """
    if not 0 <= frame < len(stream.first):
        raise InputError(f"frame must be from 0 to {len(stream.first) - 1}, got {frame}.")
    return len(stream.first) if ahead else frame + 1
