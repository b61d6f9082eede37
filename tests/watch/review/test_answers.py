"""Answers of people reach the moments around them."""

from itertools import pairwise, product

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.review.answers import answers_of, smooth_with_answers
from wolfdog.watch.smoothing import METHODS, AnyClass, HiddenMarkov
from wolfdog.watch.smoothing.simulation import simulate


def table_of(p, **columns):
    names = [f"class{k}" for k in range(np.shape(p)[1])]
    return Predictions.from_columns(names, p, time=np.arange(len(p)), **columns)


@pytest.mark.parametrize("ahead", [False, True])
def test_a_hidden_markov_model_is_conditioned_exactly(ahead):
    rng = np.random.default_rng(0)
    F, K, stay = 5, 3, 0.7
    p = rng.dirichlet(np.ones(K), F)
    answers = np.array([-1, 2, -1, 0, -1])
    found = smooth_with_answers(HiddenMarkov(stay=stay, sharpness=1.0), table_of(p), answers, ahead=ahead)
    transition = stay * np.eye(K) + (1 - stay) / K
    for t in range(F):  # by enumeration of all paths that agree with the answers
        last = F if ahead else t + 1
        total = np.zeros(K)
        for path in product(range(K), repeat=last):
            if any(y >= 0 and path[s] != y for s, y in enumerate(answers[:last])):
                continue
            weight = np.prod([1 if answers[s] >= 0 else p[s, k] for s, k in enumerate(path)])
            total[path[t]] += weight * np.prod([transition[a, b] for a, b in pairwise(path)])
        assert found.context[t] == pytest.approx(total / total.sum(), abs=1e-6)


@pytest.mark.parametrize("ahead", [False, True])
def test_the_any_class_memory_carries_an_answer_on(ahead):
    p = np.full((9, 4), 0.1)
    p[:, 1] = [0.5, 0.5, 0.35, 0.35, 0.3, 0.35, 0.35, 0.5, 0.5]
    p[:, 2] = 0.8 - p[:, 1]
    table = table_of(p, deployment="a")
    answers = np.full(9, -1)
    answers[4] = 3
    before = AnyClass().smooth(table, ahead=ahead).context
    after = smooth_with_answers(AnyClass(), table, answers, ahead=ahead)
    assert after.context[4].tolist() == [0, 0, 0, 1]
    assert (after.context[5:7, 3] > before[5:7, 3] + 0.02).all()
    if ahead:
        assert (after.context[2:4, 3] > before[2:4, 3] + 0.02).all()
    else:
        np.testing.assert_allclose(after.context[:4], before[:4], atol=1e-6)
    np.testing.assert_array_equal(after.probabilities, table.probabilities)
    assert after.method.endswith("+ 1 answer")


def test_answers_that_agree_with_the_memory_do_not_make_it_timid():
    """Accepted labels change few others, and true ones make the rest more accurate."""
    streams = simulate(24, 300, 6, np.random.default_rng(1))
    changed, right = [], []
    for n in range(24):
        p = np.exp(streams.log_probabilities[:, n])
        table = table_of(p / p.sum(-1, keepdims=True), spread=streams.spread[:, n])
        before = AnyClass().smooth(table, ahead=True)
        snapshot, context, truth = table.labels(), before.labels(context=True), streams.labels[:, n]
        asked = np.argsort(before.context.max(1))[:60:3]
        rest = np.ones(300, bool)
        rest[asked] = False
        labels = [context]
        for said in (context, truth):
            answers = np.full(300, -1)
            answers[asked] = said[asked]
            labels.append(smooth_with_answers(AnyClass(), table, answers, ahead=True).labels(context=True))
        changed.append([(one != snapshot)[rest].sum() for one in labels])
        right.append([(one == truth)[rest].mean() for one in labels])
    before, accepted, _ = np.sum(changed, 0)
    assert before > 40
    assert 0.8 * before < accepted < 1.25 * before
    before, accepted, told = np.mean(right, 0)
    assert accepted > before - 0.01
    assert told > before


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_takes_answers(name):
    rng = np.random.default_rng(1)
    method = METHODS[name]()
    table = table_of(rng.dirichlet(np.ones(4), 12), blank="class0", confidence=rng.random(12))
    answers = np.where(np.arange(12) % 3 == 0, 2, -1)
    found = smooth_with_answers(method, table, answers, ahead=not method.causal)
    assert (found.labels(context=True)[::3] == 2).all()
    assert np.isfinite(found.context).all()


def test_names_become_answers():
    table = table_of([[0.5, 0.5]] * 2)
    assert answers_of(table, np.array([None, "CLASS1"], object)).tolist() == [-1, 1]
    with pytest.raises(InputError, match="a person said 'cat'"):
        answers_of(table, np.array([None, "cat"], object))
    with pytest.raises(InputError, match="one for each of 2 rows"):
        smooth_with_answers(HiddenMarkov(), table, np.array([5, -1]))
