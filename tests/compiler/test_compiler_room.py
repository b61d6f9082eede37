"""Memory that is used again: when it is, when it is not, and how much is kept."""

import gc
import threading

import pytest
import torch

from wolfdog.compiler.backends.llvm import room

LARGE = room.WORTH // 4


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()
    monkeypatch.setattr(room, "_idle", [])


def test_memory_is_used_again_once_nothing_needs_it() -> None:
    first = room.empty(LARGE, dtype=torch.float32)
    place, part = first.data_ptr(), first[3:5]
    other = room.empty(LARGE, dtype=torch.float32)
    assert other.data_ptr() != place
    del first
    assert room.empty(LARGE, dtype=torch.float32).data_ptr() != place  # a part of it is in use
    del part
    assert room.empty(LARGE, dtype=torch.float32).data_ptr() == place


def test_shape_type_and_alignment() -> None:
    made = room.empty(3, LARGE, dtype=torch.float64)
    assert made.shape == (3, LARGE)
    assert made.dtype == torch.float64
    assert made.is_contiguous()
    assert made.data_ptr() % room.LINE == 0
    assert torch.equal(room.copied(made.fill_(7.0)), made)
    assert room.empty(0, 5, dtype=torch.float32).shape == (0, 5)


def test_much_larger_memory_is_left_for_others() -> None:
    large = room.empty(8 * LARGE, dtype=torch.float32)
    place = large.data_ptr()
    del large
    assert room.empty(LARGE, dtype=torch.float32).data_ptr() != place


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST", 5 * room.WORTH)
    held = [room.empty(LARGE, dtype=torch.float32) for _ in range(9)]
    del held
    assert 0 < sum(block.nbytes for block in room._idle) <= room.MOST


def test_numbers_not_set_show_where_pytorch_shows_them() -> None:
    assert room.empty(LARGE, dtype=torch.float32).isnan().all()


def test_several_threads_never_share() -> None:
    wrong = []

    def work(number: int) -> None:
        for _ in range(200):
            made = room.empty(LARGE, dtype=torch.float32).fill_(number)
            if not bool((made == number).all()):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
