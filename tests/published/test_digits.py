import numpy as np
import pytest

from published_files import write_digits
from wolfdog.errors import InputError


def test_pixels_of_digits_keep_their_order_or_are_permuted_alike(tmp_path):
    from published import digits

    images, classes = write_digits(tmp_path / digits.FILE)
    (x, y), (x_valid, y_valid), (x_test, _) = digits.read(tmp_path / digits.FILE, permuted=False)
    shuffled = np.random.default_rng(digits.SPLIT_SEED).permutation(20)  # files may be sorted by class
    assert np.array_equal(np.concatenate((x, x_valid)), images.reshape(20, 784)[shuffled])
    assert np.array_equal(np.concatenate((y, y_valid)), classes[shuffled])
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
