"""The cache of arrays: whole entries alone, bounded, private, and never in the way."""

import os
from pathlib import Path

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.watch.classifiers.array_cache import ArrayCache, content_digest

ARRAYS = {"features": np.arange(6, dtype=np.float32).reshape(2, 3), "index": np.array([3, 4])}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArrayCache:
    monkeypatch.setenv("WOLFDOG_CACHE", str(tmp_path / "kept"))
    return ArrayCache("arrays")


def entry(cache: ArrayCache) -> Path:
    [path] = cache.folder.iterdir()
    return path


def test_arrays_come_back_as_they_were(cache: ArrayCache) -> None:
    cache.write("a", ARRAYS)
    got = cache.read("a")
    assert got is not None
    for name, array in ARRAYS.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_array_equal(got[name], array)
    assert cache.read("b") is None
    assert ArrayCache("arrays").read("a") is not None
    assert ArrayCache("others").read("a") is None


def test_empty_and_strided_arrays(cache: ArrayCache) -> None:
    wide = np.arange(12.0).reshape(3, 4)
    cache.write("a", {"none": np.empty((0, 5), np.float32), "columns": wide[:, ::2].T})
    got = cache.read("a")
    assert got is not None
    assert got["none"].shape == (0, 5)
    np.testing.assert_array_equal(got["columns"], wide[:, ::2].T)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "head"])
def test_damaged_entries_are_absent_and_written_again(cache: ArrayCache, damage: str) -> None:
    cache.write("a", ARRAYS)
    path = entry(cache)
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[-1] ^= 1
    elif damage == "head":
        data[0] ^= 1
    path.write_bytes(b"" if damage == "empty" else bytes(data[:-3]) if damage == "cut" else bytes(data))
    assert cache.read("a") is None
    cache.write("a", ARRAYS)
    assert cache.read("a") is not None


def test_a_renamed_entry_is_another_s(cache: ArrayCache) -> None:
    cache.write("a", ARRAYS)
    path = entry(cache)
    cache.write("b", ARRAYS)
    other = next(p for p in cache.folder.iterdir() if p != path)
    path.replace(other)
    assert cache.read("b") is None


def test_what_was_used_longest_ago_goes_first(cache: ArrayCache) -> None:
    big = {"x": np.zeros(1000, np.float32)}
    cache.write("size", big)
    one = cache.size()
    cache.clear()
    assert cache.size() == 0
    small = ArrayCache("arrays", limit=4 * one)
    for i, key in enumerate("abcd"):
        small.write(key, big)
        os.utime(small._path(key), (i, i))
    assert small.read("a") is not None  # used just now, so that b is the oldest
    small.write("e", big)
    assert small.size() <= small.limit
    assert small.read("a") is not None
    assert small.read("e") is not None
    assert small.read("b") is None


def test_entries_of_other_processes_count(cache: ArrayCache) -> None:
    big = {"x": np.zeros(1000, np.float32)}
    cache.write("size", big)
    one = cache.size()
    caches = [ArrayCache("arrays", limit=3 * one) for _ in range(2)]
    for i in range(12):
        caches[i % 2].write(f"{i}", big)
    assert cache.size() <= 6 * one  # each process knows of its own and measures when it reaches the limit
    caches[0].write("more", big)
    caches[0]._size = None
    caches[0].write("and more", big)
    assert cache.size() <= 3 * one


def test_what_is_larger_than_the_limit_is_not_kept(cache: ArrayCache) -> None:
    small = ArrayCache("arrays", limit=100)
    small.write("a", ARRAYS)
    assert small.read("a") is None
    with pytest.raises(InputError, match="0 or more"):
        ArrayCache("arrays", limit=-1)


def test_the_folder_is_the_user_s_alone(cache: ArrayCache) -> None:
    cache.write("a", ARRAYS)
    assert cache.folder.stat().st_mode & 0o077 == 0
    assert entry(cache).stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("WOLFDOG_CACHE", str(tmp_path / "file"))
    cache = ArrayCache("arrays")
    cache.write("a", ARRAYS)
    assert cache.read("a") is None
    assert cache.size() == 0


def test_content_is_what_counts(tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (content_digest(tmp_path / name) for name in "abc")
    assert a == b != c
