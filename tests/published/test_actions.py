import pytest
import torch

from published_files import write_scores
from wolfdog.errors import InputError


class Named(torch.nn.Module):
    """Model that names the class of the largest score."""

    def forward(self, events, lengths=None):
        return events


def test_frames_are_scored_by_video(tmp_path):
    from published import actions

    write_scores(tmp_path / "scores.npz")
    splits = actions.read(tmp_path / "scores.npz")
    assert [len(videos) for videos in splits.values()] == [2, 2, 2]
    assert actions.right(Named(), splits["split0"]) == pytest.approx(100 * (3 / 4 + 7 / 8) / 2)
    write_scores(tmp_path / "two.npz", splits=2)
    with pytest.raises(InputError, match="three splits"):
        actions.read(tmp_path / "two.npz")


@pytest.mark.parametrize("validations", [1, 2])
def test_no_video_of_the_test_is_learned_from(tmp_path, monkeypatch, validations):
    from published import actions

    write_scores(tmp_path / "scores.npz", splits=4)
    calls, chosen = [], []

    def train(self, name, seed, videos, epochs, valid=None):
        calls.append(({id(v) for v in videos}, {id(v) for v in valid or []}))
        chosen.append(epochs)
        return ([4.0, 1.0, 5.0] if len(calls) % (validations + 1) == 1 else [4.0, 5.0, 1.0]), Named()

    splits = actions.read(tmp_path / "scores.npz")
    monkeypatch.setattr(actions, "read", lambda path: splits)
    monkeypatch.setattr(actions.Actions, "_train", train)
    monkeypatch.setattr(actions, "measured", lambda *_: {})
    task = actions.Actions("scores.npz", 4, 3, 2, 1e-3, 10.0, 0.0, validations)
    found = task.run("LSTM", 0, 1.0, tmp_path)
    assert len(found["splits"]) == 4
    for number, name in enumerate(sorted(splits)):
        tested = {id(video) for video in splits[name]}
        *inner_calls, (train_videos, _) = calls[(validations + 1) * number : (validations + 1) * (number + 1)]
        assert len({frozenset(valid) for _, valid in inner_calls}) == validations
        for inner, valid in inner_calls:
            assert not tested & (inner | valid | train_videos)
            assert not inner & valid
            assert inner | valid == train_videos
    # the third epoch is best on the first split and the first one by the mean of both
    assert set(chosen[validations :: validations + 1]) == {3 if validations == 1 else 1}
