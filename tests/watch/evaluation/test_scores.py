import json
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfdog.watch.data.labelled_video import UNLABELLED
from wolfdog.watch.evaluation.gap_plot import draw_gaps, gap_figure
from wolfdog.watch.evaluation.metrics import GAPS, GapTable
from wolfdog.watch.evaluation.observers import IDEAL, IDEAL_GIVEN_CLASSIFIER, SNAPSHOT, ObserverPredictions
from wolfdog.watch.evaluation.scores import Scores, mean, spread, write_evaluation, write_scores

NAMES = (SNAPSHOT, "lstm", "gru", IDEAL, IDEAL_GIVEN_CLASSIFIER)


def judged(seed=0, count=500, world=True):
    """ObserverPredictions drawn at random."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, count)
    truth[rng.random(count) < 0.1] = UNLABELLED
    ambiguous = (truth == 0) | (truth == 1)
    names = NAMES if world else NAMES[:2]
    probabilities = {name: rng.dirichlet(np.ones(3), count) for name in names}
    return ObserverPredictions(
        ("wolf", "dog", "bear"), truth, rng.integers(-1, 400, count), ambiguous, probabilities
    )


def check_schema(whole, seed):
    """scores.json as it is promised: gaps, ideal, memories, counts and seed."""
    assert {"gaps", "ideal", "memories", "counts", "seed"} <= set(whole)
    buckets = len(whole["gaps"])
    assert all(len(gap) == 2 and gap[0] < gap[1] for gap in whole["gaps"])
    assert len(whole["counts"]) == len(whole["ideal"]) == buckets
    assert all(isinstance(count, int) and count >= 0 for count in whole["counts"])
    for row in (whole["ideal"], *whole["memories"].values()):
        assert len(row) == buckets
        for value, count in zip(row, whole["counts"], strict=True):
            assert (value is None) == (count == 0)
            assert value is None or 0 <= value <= 1
    assert whole["seed"] == seed


def test_the_check_of_the_schema_sees_what_is_wrong():
    good = Scores.of(judged(), 4).as_dict()
    check_schema(good, 4)
    for wrong in (
        {"ideal": good["ideal"][1:]},
        {"counts": [0] * 6},
        {"seed": 5},
        {"memories": {"a": [2.0] * 6}},
    ):
        with pytest.raises(AssertionError):
            check_schema(good | wrong, 4)
    with pytest.raises(AssertionError):
        check_schema({name: good[name] for name in good if name != "ideal"}, 4)


def test_scores_of_one_run(tmp_path):
    write_scores(tmp_path / "scores.json", [Scores.of(judged(), 4)], {"seconds": 1.5})
    whole = json.loads((tmp_path / "scores.json").read_text())
    check_schema(whole, 4)
    assert whole["gaps"] == [list(gap) for gap in GAPS]
    assert list(whole["memories"]) == [SNAPSHOT, "lstm", "gru"]
    assert whole["seconds"] == 1.5
    assert "runs" not in whole
    assert list(tmp_path.iterdir()) == [tmp_path / "scores.json"]


def test_shares_are_those_of_counting():
    one = judged()
    scores = Scores.of(one)
    for name in NAMES:
        hits = {"ambiguous": [], "rest": []}
        for truth, gap, unsure, probabilities in zip(
            one.truth, one.gap, one.ambiguous, one.probabilities[name], strict=True
        ):
            if unsure and gap > 0:
                hits["ambiguous"].append((truth, probabilities.argmax() == truth))
            elif not unsure and truth >= 0:
                hits["rest"].append(probabilities.argmax() == truth)
        of_label = [[hit for true, hit in hits["ambiguous"] if true == label] for label in (0, 1)]
        assert scores.ambiguous[name] == pytest.approx(np.mean([np.mean(some) for some in of_label]))
        assert scores.rest[name] == pytest.approx(np.mean(hits["rest"]))


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=4, unique=True))
def test_several_runs_are_averaged(seeds):
    runs = [Scores.of(judged(seed, count=80), seed) for seed in seeds]
    whole, deviations = mean(runs), spread(runs)
    for name in NAMES:
        for bucket in range(len(GAPS)):
            values = [run.table.accuracy[name][bucket] for run in runs]
            known = [value for value in values if value is not None]
            expected = statistics.fmean(known) if known else None
            assert whole.table.accuracy[name][bucket] == (
                expected if expected is None else pytest.approx(expected)
            )
            assert (deviations[name][bucket] is None) == (len(known) < 2)
            if len(known) > 1:
                assert deviations[name][bucket] == pytest.approx(np.std(known, ddof=1), abs=1e-12)
        assert whole.ambiguous[name] == pytest.approx(np.mean([run.ambiguous[name] for run in runs]))
    assert whole.table.counts == tuple(np.sum([run.table.counts for run in runs], 0))


def test_several_runs_are_written_with_each(tmp_path):
    runs = [Scores.of(judged(seed), seed) for seed in (4, 5)]
    write_scores(tmp_path / "scores.json", runs, {})
    whole = json.loads((tmp_path / "scores.json").read_text())
    check_schema(whole, [4, 5])
    for run, seed in zip(whole["runs"], (4, 5), strict=True):
        check_schema(run, seed)
    assert set(whole["spread"]) == set(NAMES)


@pytest.mark.parametrize("world", [True, False])
def test_an_evaluation(tmp_path, world):
    one = judged(world=world)
    write_evaluation(tmp_path / "scores.json", one)
    whole = json.loads((tmp_path / "scores.json").read_text())
    known = one.truth >= 0
    assert whole["moments"] == known.sum()
    assert whole["classes"] == ["wolf", "dog", "bear"]
    for name, probabilities in one.probabilities.items():
        counts = np.array(whole["confusion"][name])
        assert counts.sum() == known.sum()
        assert whole["accuracy"][name] == pytest.approx(np.trace(counts) / counts.sum())
        assert whole["accuracy"][name] == pytest.approx((probabilities.argmax(-1) == one.truth)[known].mean())
    if world:
        check_schema(whole, None)
    else:
        assert "ideal" not in whole


def test_what_cannot_be_written_leaves_the_old_file(tmp_path):
    (tmp_path / "scores.json").write_text("old")
    with pytest.raises(ValueError, match="Out of range"):
        write_scores(tmp_path / "scores.json", [Scores.of(judged(), 0)], {"seconds": float("nan")})
    assert (tmp_path / "scores.json").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_picture_has_a_line_for_each_observer(tmp_path):
    table = Scores.of(judged(count=60)).table
    assert None in table.accuracy["gru"], "an empty bucket is part of this test"
    figure = gap_figure(table, "a [title] with $signs$")
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert {
        "ideal observer",
        "ideal observer, given this classifier",
        "snapshot (no memory)",
        "lstm",
        "gru",
    } <= set(lines)
    drawn = [None if np.isnan(value) else value for value in lines["gru"].get_ydata()]
    assert drawn == list(table.accuracy["gru"])
    assert lines["lstm"].get_color() != lines["gru"].get_color()
    draw_gaps(table, tmp_path / "gaps.png", "title")
    assert (tmp_path / "gaps.png").read_bytes()[:4] == b"\x89PNG"
    assert len(list(tmp_path.iterdir())) == 1


def test_few_moments_are_drawn_hollow():
    table = GapTable(((1, 10), (10, 30)), (500, 20), {"gru": (0.9, 0.8)})
    lines = gap_figure(table, "").axes[0].get_lines()
    [hollow] = [line for line in lines if line.get_markerfacecolor() == "white"]
    assert np.isnan(hollow.get_ydata()[0])
    assert hollow.get_ydata()[1] == 0.8


def test_either_of_two_labels_at_a_time_is_right(tmp_path):
    p = np.eye(3)[[0, 1, 2]]
    further = np.zeros((3, 3), bool)
    further[:, 1] = True
    judged = ObserverPredictions(
        ("wolf", "dog", "bear"), np.array([0, 0, 0]), np.full(3, -1), np.zeros(3, bool), {"one": p}, further
    )
    assert judged.right()["one"].tolist() == [True, True, False]
    write_evaluation(tmp_path / "scores.json", judged)
    whole = json.loads((tmp_path / "scores.json").read_text())
    assert whole["confusion"]["one"] == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    assert whole["accuracy"]["one"] == pytest.approx(2 / 3)
