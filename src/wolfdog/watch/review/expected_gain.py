"""Expected gain of a person's look at a moment: labels that become right, there and around it."""

import heapq
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..counterfactuals.frames import Frames
from ..counterfactuals.memory import FramesMemory, frames_memory
from ..predictions import Predictions
from ..smoothing.method import Floats, Method, Stream

Integers = NDArray[np.int64]

REACH = 300
"""Frames before and after a moment that its answer is followed to."""
SHORT_REACH = 50
"""The same for methods that are no recurrent memory."""
_CANDIDATES = 4
"""Candidates looked at for each place in the queue: those whose own labels are the least sure."""
_ANSWERS = 3
"""Answers that are tried for a candidate: the most probable ones."""
_BATCH = 4_000_000
"""Numbers (frames x variants x classes) of a batch."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """Row that a person may look at.

    Attributes:
        row: Position in the table.
        frames: [M] numbers of the frames whose labels its answer makes surer.
        gain: [M] by how much the probability of their labels is expected to rise.
    """

    row: int
    frames: Integers
    gain: Floats


def review_queue(
    method: Method, table: Predictions, *, count: int, ahead: bool = False
) -> tuple[Integers, Floats]:
    """Rows that are most worth a look, the best first, and the number of labels that each look is expected to correct.

    The gain of a row r is how far the probabilities of the labels are expected to rise, over the frames around it:

        gain(r) = Σ_t ( E_{y ~ q_r} [ max_k q_t(k | y_r = y) ] - max_k q_t(k) )⁺

    where q_t(k | y_r = y) are the context probabilities when the method is run again with the answer y. After a row is
    chosen, what its answer is expected to bring to a frame counts no more for the rows that follow, so that a queue
    does not ask the same thing many times. The method is run again for each candidate and its three most probable
    answers, recurrent memories for many candidates at once, over the 300 frames before and after (other methods: 50).

    Args:
        method: Of smoothing; its context probabilities are those of `table`.
        table: Predictions with a (calibrated) context.
        count: Rows wanted.
        ahead: Whether the method looks ahead.
    """
    assert table.context is not None
    sure = table.context.max(1).astype(np.float64)
    memory = frames_memory(method, classes=table.classes, blank=table.blank_index)
    unsure = np.argsort(sure, kind="stable")[: count * _CANDIDATES]
    chosen = np.zeros(len(table), bool)
    chosen[unsure] = True
    candidates: list[tuple[int, Candidate]] = []
    rooms: list[Floats] = []
    for number, (_, rows) in enumerate(table.stream_rows()):
        stream = Stream(table.take(rows))
        q = stream.mean_of_frames(table.context[rows].astype(np.float64))
        rooms.append(1 - q.max(1))
        wanted = np.flatnonzero(chosen[rows])
        context = table.context[rows].astype(np.float64)
        if memory is None:
            found = [_around_one(method, stream, context, int(at), ahead=ahead) for at in wanted]
        else:
            found = _around(memory, stream, context, wanted, ahead=ahead)
        candidates += [(number, replace(one, row=int(rows[one.row]))) for one in found]
    return _greedy(candidates, rooms, count)


def _around_one(method: Method, stream: Stream, q: Floats, row: int, *, ahead: bool) -> Candidate:
    """Candidate of a method that is no recurrent memory: each answer by a run of its own."""
    at = int(stream.frame[row])
    low, high = max(at - SHORT_REACH, 0), min(at + SHORT_REACH + 1, len(stream.first))
    first, last = np.searchsorted(stream.frame, (low, high))
    cut = stream.table.take(slice(first, last))
    p = cut.probabilities.copy()

    def surest() -> Floats:
        part = Stream(replace(cut, probabilities=p))
        context = method.of_stream(part, ahead=ahead)
        return np.asarray(part.mean_of_frames(context / context.sum(-1, keepdims=True)).max(1))

    before = surest()
    answers = np.argsort(-q[row], kind="stable")[:_ANSWERS]
    weight = q[row, answers] / q[row, answers].sum()
    rise = -before
    for answer, share in zip(answers, weight, strict=True):
        p[row - first] = np.eye(q.shape[1])[answer]
        rise += share * surest()
    rise = np.maximum(rise, 0)
    rise[at - low] = (1 - q[row].max()) / stream.rows[at]
    near = np.flatnonzero(rise > 1e-4)
    return Candidate(row, near + low, rise[near])


def _around(
    memory: FramesMemory, stream: Stream, q: Floats, wanted: Integers, *, ahead: bool
) -> list[Candidate]:
    """Candidates of one deployment with the gains of the frames around them."""
    frames = Frames.of(stream)
    F, K = len(stream.first), q.shape[1]
    found = []
    window = min(F, 2 * REACH + 1)
    step = max(1, _BATCH // (window * K * _ANSWERS))
    order = wanted[np.argsort(stream.frame[wanted], kind="stable")]
    for start in range(0, len(order), step):
        some = order[start : start + step]
        at = stream.frame[some]
        low, high = max(int(at.min()) - REACH, 0), min(int(at.max()) + REACH + 1, F)
        cut = frames.cut(low, high)
        answers = np.argsort(-q[some], axis=1, kind="stable")[:, :_ANSWERS]
        weight = np.take_along_axis(q[some], answers, 1)
        weight /= weight.sum(1, keepdims=True)
        A = answers.shape[1]
        variants = cut.with_labels(
            torch.from_numpy(np.repeat(at - low, A)), torch.from_numpy(answers.reshape(-1))
        )
        with torch.no_grad():
            before = memory.log_context(cut, ahead=ahead).exp().amax(-1)[:, 0].double().numpy()
            after = memory.log_context(variants, ahead=ahead).exp().amax(-1).double().numpy()
        expected = (after.reshape(high - low, len(some), A) * weight).sum(-1)
        rise = np.maximum(expected - before[:, None], 0)
        for column, row in enumerate(some):
            rise[at[column] - low, column] = (1 - q[row].max()) / stream.rows[at[column]]
            near = np.flatnonzero(rise[:, column] > 1e-4)
            found.append(Candidate(int(row), near + low, rise[near, column]))
    return found


def _greedy(
    candidates: list[tuple[int, Candidate]], rooms: list[Floats], count: int
) -> tuple[Integers, Floats]:
    """Candidates in the order of their gain, each given those before it; lazily, since gains only fall."""
    left = [room.copy() for room in rooms]

    def worth(number: int) -> float:
        place, one = candidates[number]
        return float(np.minimum(one.gain, left[place][one.frames]).sum())

    heap = [(-worth(number), number) for number in range(len(candidates))]
    heapq.heapify(heap)
    rows: list[int] = []
    gains: list[float] = []
    while heap and len(rows) < count:
        value, number = heapq.heappop(heap)
        now = worth(number)
        if heap and now < -heap[0][0] - 1e-12 and now < -value:
            heapq.heappush(heap, (-now, number))
            continue
        place, one = candidates[number]
        left[place][one.frames] = np.maximum(left[place][one.frames] - one.gain, 0)
        rows.append(one.row)
        gains.append(now)
    return np.array(rows, np.int64), np.array(gains)
