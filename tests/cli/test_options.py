"""Options that several commands have."""

import pytest

from cli_run import wolfdog


@pytest.mark.parametrize("seed", [-1, 10**23])
@pytest.mark.parametrize(
    "command",
    [
        ("demo",),
        ("live", "tv"),
        ("pretrain", "--out", "weights.safetensors"),
        ("labels", "split", ".", "--out", "splits"),
        ("train", "--videos", "a", "--labels", "b", "--out", "c"),
    ],
)
def test_seeds_out_of_range_are_refused(command, seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = wolfdog(*command, "--seed", seed)
    assert done.status == 2
    assert "--seed" in done.err
    assert not list(tmp_path.iterdir())
