"""The queue's gains are those of the definition: the method run again with each answer."""

import numpy as np
import pytest

from wolfdog.watch.formats.verified_labels import read_verified
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.review import expected_gain
from wolfdog.watch.review.answers import smooth_with_answers
from wolfdog.watch.review.expected_gain import review_queue
from wolfdog.watch.review.queue_file import write_queue
from wolfdog.watch.smoothing import AnyClass, HiddenMarkov, NoSmoothing


def table_of(frames=10, seed=0, deployments=2):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(3), frames * deployments)
    return Predictions.from_columns(
        ["wolf", "dog", "bear"],
        p,
        time=np.tile(np.arange(frames) * 1.5, deployments),
        deployment=np.repeat([f"d{n}" for n in range(deployments)], frames).astype(object),
        media=np.array([f"{n}.jpg" for n in range(len(p))], object),
    )


def by_definition(method, table, row, ahead):
    """Expected rise of the probability of every label, by running the method on each answer."""
    before = method.smooth(table, ahead=ahead).context.astype(np.float64)
    rise = -before.max(1)
    for k, share in enumerate(before[row]):
        answers = np.full(len(table), -1)
        answers[row] = k
        rise += share * smooth_with_answers(method, table, answers, ahead=ahead).context.max(1)
    rise = np.maximum(rise, 0)
    rise[rise < 1e-4] = 0
    return np.minimum(rise, 1 - before.max(1)).sum()


@pytest.mark.parametrize(
    ("method", "ahead"), [(AnyClass(), False), (AnyClass(), True), (HiddenMarkov(stay=0.9), True)]
)
def test_gains_are_those_of_the_definition(method, ahead):
    table = table_of()
    smoothed = method.smooth(table, ahead=ahead)
    rows, gains = review_queue(method, smoothed, count=5, ahead=ahead)
    every = np.array([by_definition(method, table, row, ahead) for row in range(20)])
    assert rows[0] == every.argmax()
    assert gains[0] == pytest.approx(every.max(), rel=1e-3, abs=1e-4)
    assert len(set(rows.tolist())) == 5
    assert (np.diff(gains) <= 1e-9).all()  # what an answer brings to a frame counts once


def test_without_memory_the_least_sure_come_first():
    smoothed = NoSmoothing().smooth(table_of())
    rows, gains = review_queue(NoSmoothing(), smoothed, count=20)
    assert gains == pytest.approx(1 - smoothed.context[rows].max(1), abs=1e-6)
    assert rows.tolist() == np.argsort(smoothed.context.max(1), kind="stable").tolist()


def test_batches_and_windows_change_nothing(monkeypatch):
    smoothed = AnyClass().smooth(table_of(seed=2))
    whole = review_queue(AnyClass(), smoothed, count=4)
    monkeypatch.setattr(expected_gain, "_BATCH", 1)
    for one, other in zip(whole, review_queue(AnyClass(), smoothed, count=4), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4)


def test_several_detections_of_a_frame_are_rows_of_their_own():
    p = [[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [0.4, 0.3, 0.3]]
    table = Predictions.from_columns(
        ["wolf", "dog", "bear"], p, frame=[0, 0, 1], detection=[0, 1, 0], time=[0, 0, 1]
    )
    smoothed = NoSmoothing().smooth(table)
    rows, gains = review_queue(NoSmoothing(), smoothed, count=3)
    assert rows.tolist() == [2, 0, 1]
    assert gains == pytest.approx([0.6, 0.25, 0.05], abs=1e-6)  # a frame of two rows is one label


def test_a_queue_that_is_filled_in_is_read(tmp_path):
    smoothed = NoSmoothing().smooth(table_of())
    rows, gains = review_queue(NoSmoothing(), smoothed, count=3)
    path = tmp_path / "queue.csv"
    write_queue(path, smoothed, rows, gains, threshold=0.4)
    lines = path.read_text().splitlines()
    assert all(line.endswith((",yes,", ",no,")) for line in lines[1:])
    path.write_text("\n".join([lines[0], lines[1] + "bear", *lines[2:]]) + "\n")
    found = read_verified(path).of(smoothed)
    assert found[rows[0]] == "bear"
    assert sum(label is not None for label in found) == 1
