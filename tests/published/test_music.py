import numpy as np
import pytest
import torch

from wolfdog.errors import InputError


def test_music_is_read_and_scored_by_chord(tmp_path):
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

    class Certain(torch.nn.Module):
        """Nearly sure that no key sounds: wrong in the two chords of one piece, right in the four of the other."""

        def forward(self, events, lengths=None):
            return torch.full(events.shape, -9.0)

    wrong, right = 88 * np.log1p(np.exp(9)), 88 * np.log1p(np.exp(-9))
    assert music.nats_per_chord(Certain(), read["test"]) == pytest.approx(
        (2 * wrong + 4 * right) / 6, rel=1e-5
    )
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
