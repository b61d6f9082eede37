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


@pytest.mark.parametrize("kind", ["number", "class", "symbols"])
def test_right_outputs_are_not_wrong_and_others_are(kind, rng):
    from published import synthetic, tasks

    draw = {"number": lambda r, n: tasks.adding(r, n, length=12), "class": tasks.temporal_order}
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

    assert not synthetic.wrong(kind, Said(right), batch, 0.04).any()
    spoilt = right.clone()
    last = int(batch.lengths[2]) - 1
    spoilt[last, 2] = -spoilt[last, 2] - 0.1
    assert synthetic.wrong(kind, Said(spoilt), batch, 0.04).tolist() == [
        False,
        False,
        True,
        False,
        False,
        False,
    ]


def test_music_is_read_and_scored_by_piece(tmp_path):
    io = pytest.importorskip("scipy.io")
    from published import music

    pieces = [np.ones((3, 88), np.uint8), np.zeros((5, 88), np.uint8)]
    array = np.empty((1, 2), object)
    array[0, :] = pieces
    io.savemat(tmp_path / "x.mat", dict.fromkeys(music.PARTS.values(), array))
    read = music.read(tmp_path / "x.mat")
    assert [piece.shape for piece in read["test"]] == [(3, 88), (5, 88)]

    class Even(torch.nn.Module):
        def forward(self, events, lengths=None):
            return torch.zeros(events.shape)

    assert music.nats_per_chord(Even(), read["test"]) == pytest.approx(88 * np.log(2))
    (tmp_path / "bad.mat").write_bytes(b"no")
    with pytest.raises(InputError, match=r"bad\.mat"):
        music.read(tmp_path / "bad.mat")


def test_each_piece_is_in_one_batch_beside_others_of_similar_length(rng):
    from published import music

    pieces = [np.full((length, 88), length, np.float32) for length in rng.integers(2, 300, 50)]
    chosen = music.batches(pieces, 8, rng)
    assert sorted(len(piece) for one in chosen for piece in one) == sorted(map(len, pieces))
    assert [len(one) for one in chosen].count(8) == 6
    random = [pieces[at : at + 8] for at in range(0, 50, 8)]
    padded = [sum(len(one) * max(map(len, one)) for one in found) for found in (chosen, random)]
    assert padded[0] < 0.8 * padded[1]


def write_digits(path, count=20):
    rng = np.random.default_rng(0)
    images, classes = rng.integers(0, 256, (count, 28, 28), np.uint8), np.arange(count, dtype=np.uint8) % 10
    np.savez(path, x_train=images, y_train=classes, x_test=images[:5], y_test=classes[:5])
    return images, classes


def test_pixels_of_digits_keep_their_order_or_are_permuted_alike(tmp_path):
    from published import digits

    images, classes = write_digits(tmp_path / digits.FILE)
    (x, y), (x_valid, y_valid), (x_test, _) = digits.read(tmp_path / digits.FILE, permuted=False)
    assert np.array_equal(np.concatenate((x, x_valid)), images.reshape(20, 784))
    assert np.array_equal(np.concatenate((y, y_valid)), classes)
    (x_permuted, _), _, (test_permuted, _) = digits.read(tmp_path / digits.FILE, permuted=True)
    order = [np.flatnonzero((x_permuted == column[:, None]).all(0))[0] for column in x.T]
    assert sorted(order) == list(range(784))
    assert order != sorted(order)
    assert np.array_equal(test_permuted[:, order], x_test)
    shown = digits.batch(x[:3], y[:3])
    assert shown.events.shape == (784, 3, 1)
    assert shown.scored.sum() == 3
    np.savez(tmp_path / "other.npz", x_train=images)
    with pytest.raises(InputError, match=r"other\.npz: not a file of digits"):
        digits.read(tmp_path / "other.npz", permuted=False)


class Named(torch.nn.Module):
    """Model that names the class of the largest score."""

    def forward(self, events, lengths=None):
        return events


def write_scores(path, splits=3):
    arrays = {}
    for split in range(splits):
        for video, length in enumerate((4, 8)):
            classes = np.arange(length) % 3
            scores = np.eye(3, dtype=np.float32)[classes]
            scores[0] = scores[0][[1, 0, 2]]  # the first frame is wrong
            arrays[f"split{split}_v{video}_S"], arrays[f"split{split}_v{video}_Y"] = scores, classes
    np.savez(path, **arrays)


def test_frames_are_scored_by_video(tmp_path):
    from published import actions

    write_scores(tmp_path / "scores.npz")
    splits = actions.read(tmp_path / "scores.npz")
    assert [len(videos) for videos in splits.values()] == [2, 2, 2]
    assert actions.right(Named(), splits["split0"]) == pytest.approx(100 * (3 / 4 + 7 / 8) / 2)
    write_scores(tmp_path / "two.npz", splits=2)
    with pytest.raises(InputError, match="three splits"):
        actions.read(tmp_path / "two.npz")


def test_no_video_of_the_test_is_learned_from(tmp_path, monkeypatch):
    from published import actions

    write_scores(tmp_path / "scores.npz", splits=4)
    calls = []

    def train(self, name, seed, videos, epochs, valid=None):
        calls.append(({id(v) for v in videos}, {id(v) for v in valid or []}))
        return 1, Named()

    splits = actions.read(tmp_path / "scores.npz")
    monkeypatch.setattr(actions, "read", lambda path: splits)
    monkeypatch.setattr(actions.Actions, "_train", train)
    monkeypatch.setattr(actions, "measured", lambda *_: {})
    found = actions.Actions("scores.npz", 4, 2, 2, 1e-3, 10.0, 0.0).run("LSTM", 0, 1.0, tmp_path)
    assert len(found["splits"]) == 4
    for number, name in enumerate(sorted(splits)):
        tested = {id(video) for video in splits[name]}
        (inner, valid), (train_videos, _) = calls[2 * number : 2 * number + 2]
        assert not tested & (inner | valid | train_videos)
        assert not inner & valid
        assert inner | valid == train_videos


def write_stories(folder, task):
    from stories.world import stories

    for seed, (part, count) in enumerate((("train", 40), ("test", 10))):
        (folder / f"qa{task}_facts_{part}.txt").write_text("\n".join(stories(task, count, seed)))


def small(task):
    """Task of a row that is learned in a moment."""
    from published import actions, answers, digits, music, synthetic

    if isinstance(task, synthetic.Synthetic):
        return replace(task, units=4, steps=20, batch=4)
    if isinstance(task, music.Music):
        return replace(task, units=4, epochs=2)
    if isinstance(task, digits.Digits):
        return replace(task, units=4, batch=4)
    if isinstance(task, actions.Actions):
        return replace(task, units=4, epochs=2)
    assert isinstance(task, answers.Answers)
    return replace(task, questions=40, epochs=2)


def write_music(path):
    io = pytest.importorskip("scipy.io")
    from published import music

    array = np.empty((1, 3), object)
    array[0, :] = [np.eye(88, dtype=np.uint8)[:length] for length in (3, 5, 9)]
    io.savemat(path, dict.fromkeys(music.PARTS.values(), array))


def test_each_kind_of_row_is_run_and_written_once(tmp_path, monkeypatch, capsys):
    import literature
    from published import synthetic

    rows = ("embedded-reber", "copying-100", "mnist", "jsb", "gtea", "babi-1")
    for name in rows:
        monkeypatch.setitem(
            literature.ROWS, name, replace(literature.ROWS[name], task=small(literature.ROWS[name].task))
        )
    monkeypatch.setattr(synthetic, "TESTED", 100)
    write_digits(tmp_path / "mnist.npz")
    write_music(tmp_path / "JSB_Chorales.mat")
    write_scores(tmp_path / "gtea_SVM.npz")
    write_stories(tmp_path, 1)
    out = tmp_path / "out.json"
    folders = [text for name in literature.FOLDERS for text in (f"--{name}", str(tmp_path))]
    arguments = ["--json", str(out), "--only", *rows, "nottingham", "babi-2", "--quick", *folders]
    literature.main([*arguments, "--models", "LSTM"])
    runs = json.loads(out.read_text())
    assert [run["row"] for run in runs] == list(rows)
    assert all(set(run["milliseconds"]) == {"wolfdog", "torch.nn"} for run in runs)
    assert all(0 <= run["score"] <= 100 for run in runs)
    assert all(run["seconds"] > 0 for run in runs)
    told = capsys.readouterr()
    assert "| embedded-reber | LSTM |" in told.out
    assert "nottingham: left out; --music DIR with Nottingham.mat is needed" in told.err
    assert "babi-2: left out; --stories DIR with qa2_*_train.txt" in told.err
    monkeypatch.setattr(literature, "run", None)
    literature.main([*arguments, "--models", "LSTM"])


def test_other_models_than_an_lstm_are_run(tmp_path, monkeypatch, capsys):
    import literature
    from published import synthetic

    for name in ("anbncn", "gtea", "babi-1"):
        row = literature.ROWS[name]
        monkeypatch.setitem(literature.ROWS, name, replace(row, task=small(row.task)))
    monkeypatch.setattr(synthetic, "TESTED", 100)
    write_scores(tmp_path / "gtea_SVM.npz")
    write_stories(tmp_path, 1)
    arguments = ["--only", "anbncn", "gtea", "babi-1", "--quick"]
    arguments += ["--models", "peephole LSTM", "two-way GRU", "memory network"]
    arguments += ["--scores", str(tmp_path), "--stories", str(tmp_path)]
    literature.main(["--json", str(tmp_path / "out.json"), *arguments])
    runs = json.loads((tmp_path / "out.json").read_text())
    names = [(run["row"], run["model"]) for run in runs]
    assert names == [
        ("anbncn", "peephole LSTM"),
        ("gtea", "peephole LSTM"),
        ("gtea", "two-way GRU"),
        ("babi-1", "memory network"),
    ]
    assert [len(run["milliseconds"]) for run in runs] == [1, 1, 2, 1]
    assert "up_to" in runs[0]
    assert "n up to" in capsys.readouterr().out


def test_a_file_of_something_else_is_refused(tmp_path):
    import literature

    (tmp_path / "out.json").write_text("[{}]")
    with pytest.raises(InputError, match="not a file of this script"):
        literature.main(["--json", str(tmp_path / "out.json"), "--only", "anbncn"])
