"""The benchmark on published results: its tasks, its scores and its table, on trainings of a few steps."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from wolfdog.errors import InputError


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_adding_problem_is_a_sum(rng):
    from published.tasks import adding

    batch = adding(rng, 20, length=30)
    number, mark = batch.events.unbind(-1)
    assert (mark.sum(0) == 2).all()
    assert (mark[:15].sum(0) == 1).all()
    torch.testing.assert_close((number * mark).sum(0), batch.targets[-1, :, 0])
    assert batch.scored.sum() == 20
    assert batch.scored[-1].all()


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


@pytest.mark.parametrize("kind", ["number", "class", "symbols"])
def test_right_outputs_are_not_wrong_and_others_are(kind, rng):
    from published import tasks, training

    draw = {"number": lambda r, n: tasks.adding(r, n, length=8), "class": tasks.temporal_order}
    batch = draw.get(kind, tasks.embedded_reber)(rng, 6)
    if kind == "class":
        right = 9 * torch.nn.functional.one_hot(batch.targets, 8).float()
    else:
        right = batch.targets if kind == "number" else 9 * (batch.targets - 0.5)

    class Said(torch.nn.Module):
        def __init__(self, outputs):
            super().__init__()
            self.outputs = outputs

        def forward(self, events, lengths=None):
            return self.outputs

    assert not training.wrong(kind, Said(right), batch).any()
    spoilt = right.clone()
    last = int(batch.lengths[2]) - 1
    spoilt[last, 2] = -spoilt[last, 2] - 0.1
    assert training.wrong(kind, Said(spoilt), batch).tolist() == [False, False, True, False, False, False]


def test_music_is_read_and_scored_by_piece(tmp_path):
    io = pytest.importorskip("scipy.io")
    from published import music, training

    pieces = [np.ones((3, 88), np.uint8), np.zeros((5, 88), np.uint8)]
    array = np.empty((1, 2), object)
    array[0, :] = pieces
    io.savemat(tmp_path / "x.mat", dict.fromkeys(music.PARTS.values(), array))
    read = music.read(tmp_path / "x.mat")
    assert [piece.shape for piece in read["test"]] == [(3, 88), (5, 88)]

    class Even(torch.nn.Module):
        def forward(self, events, lengths=None):
            return torch.zeros(events.shape)

    assert training.nats_per_chord(Even(), read["test"]) == pytest.approx(88 * np.log(2))
    (tmp_path / "bad.mat").write_bytes(b"no")
    with pytest.raises(InputError, match=r"bad\.mat"):
        music.read(tmp_path / "bad.mat")


def test_a_row_is_run_written_and_not_repeated(tmp_path, monkeypatch, capsys):
    import literature

    small = replace(literature.ROWS["embedded-reber"], units=4, steps=20, batch=4)
    monkeypatch.setitem(literature.ROWS, "embedded-reber", small)
    monkeypatch.setattr(literature, "TESTED", 100)
    out = tmp_path / "out.json"
    arguments = [
        "--json",
        str(out),
        "--only",
        "embedded-reber",
        "jsb",
        "--cells",
        "LSTM",
        "peephole LSTM",
        "--quick",
    ]
    literature.main(arguments)
    runs = json.loads(out.read_text())
    assert [run["cell"] for run in runs] == ["LSTM", "peephole LSTM"]
    assert set(runs[0]["milliseconds"]) == {"wolfdog", "torch.nn"}
    assert set(runs[1]["milliseconds"]) == {"wolfdog"}
    assert all(0 <= run["score"] <= 100 and run["sequences"] == 8 for run in runs)
    monkeypatch.setattr(literature, "run", None)
    literature.main(arguments)
    told = capsys.readouterr()
    assert "| embedded-reber | peephole LSTM |" in told.out
    assert "jsb: left out" in told.err
    out.write_text("[{}]")
    with pytest.raises(InputError, match="not a file of this script"):
        literature.main(arguments)
