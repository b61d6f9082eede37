import torch


def test_the_adding_problem_is_a_sum(rng):
    from published.tasks import adding

    batch = adding(rng, 400, length=30)
    number, mark = batch.events.unbind(-1)
    last = batch.lengths - 1, torch.arange(400)
    assert (mark[0] == -1).all()
    assert (mark[last] == -1).all()
    marked = mark == 1
    assert set(marked.sum(0).tolist()) == {1, 2}  # one, where the first number is the other
    assert (number[0][marked.sum(0) == 1] == 0).all()
    assert not marked[14:].any()
    assert marked[:10].any(0).sum() >= (marked.sum(0) == 2).sum()
    torch.testing.assert_close(0.5 + (number * marked).sum(0) / 4, batch.targets[last][:, 0])
    assert batch.scored.sum() == 400
    assert batch.scored[last].all()
    assert set(batch.lengths.tolist()) == {30, 31, 32, 33}


def test_the_order_of_three_symbols_is_the_class(rng):
    from published.tasks import temporal_order

    batch = temporal_order(rng, 50)
    shown = batch.events.argmax(-1)
    assert (batch.events.sum(-1) == 1).all()
    relevant = shown < 2
    assert (relevant.sum(0) == 3).all()
    for column in range(50):
        first, second, third = shown[relevant[:, column], column].tolist()
        assert batch.targets[-1, column] == 4 * first + 2 * second + third
    assert len(batch.targets[-1].unique()) == 8


def test_strings_follow_the_grammar_and_repeat_their_branch(rng):
    from published.tasks import SYMBOLS, embedded_reber

    batch = embedded_reber(rng, 60)
    for column, length in enumerate(batch.lengths.tolist()):
        string = "".join(SYMBOLS[k] for k in batch.events[:length, column].argmax(-1))
        assert string[0] == "B"
        assert string[2] == "B"
        assert string[1] == string[-1]  # the last symbol, E, is a target only
        allowed = batch.targets[:length, column]
        for t in range(length - 1):
            assert allowed[t, SYMBOLS.index(string[t + 1])] == 1
        assert [SYMBOLS[k] for k in torch.nonzero(allowed[-1]).flatten()] == ["E"]
        assert [SYMBOLS[k] for k in torch.nonzero(allowed[-2]).flatten()] == [string[1]]
        assert batch.scored[:, column].sum() == length


def test_counting_names_what_may_follow(rng):
    from published.tasks import counting

    batch = counting(rng, 1, low=2, high=2)
    following = [torch.nonzero(row).flatten().tolist() for row in batch.targets[:, 0]]
    assert batch.events[:, 0].argmax(-1).tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert following == [[1], [1, 2], [1, 2], [2], [3], [3], [0]]


def test_spikes_are_measured_where_they_come(rng):
    from published.tasks import spikes_measured

    batch = spikes_measured(rng, 30, gap=7, spikes=5)
    for column in range(30):
        at = torch.nonzero(batch.events[:, column, 0]).flatten()
        assert at[0] == 0
        assert batch.scored[:, column].nonzero().flatten().tolist() == at[1:].tolist()
        assert (at.diff() - 7).tolist() == batch.targets[at[1:], column, 0].tolist()
        assert batch.lengths[column] == at[-1] + 1
    assert set(batch.targets[batch.scored].flatten().tolist()) == {0, 1}


def test_spikes_are_generated_at_the_period_of_the_input(rng):
    from published.tasks import spikes_generated

    batch = spikes_generated(rng, 10, gap=7, spikes=4)
    for column in range(10):
        period = 7 + int(batch.events[0, column, 0])
        scored = batch.targets[batch.scored[:, column], column, 0]
        assert torch.nonzero(scored).flatten().tolist() == [period * n - 1 for n in (1, 2, 3, 4)]
    assert len(batch.lengths.unique()) == 2


def test_copied_symbols_come_after_the_mark(rng):
    from published.tasks import copying

    batch = copying(rng, 12, blanks=6)
    shown = batch.events.argmax(-1)
    assert len(shown) == 26
    assert (shown[:10] == batch.targets[-10:]).all()
    assert (shown[-11] == 9).all()
    assert (shown[10:-11] == 0).all()
    assert (batch.targets[:-10] == 0).all()
    assert set(shown[:10].flatten().tolist()) == set(range(1, 9))
