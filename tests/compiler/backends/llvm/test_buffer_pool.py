"""Memory that is used again: when it is, when it is not, and how much is kept."""

import gc
import threading

import pytest
import torch

from wolfdog.compiler.backends.llvm import buffer_pool

LARGE = buffer_pool.WORTH // 4


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()
    monkeypatch.setattr(buffer_pool, "_idle", [])


def test_memory_is_used_again_once_nothing_needs_it() -> None:
    first = buffer_pool.empty(LARGE, dtype=torch.float32)
    place, part = first.data_ptr(), first[3:5]
    other = buffer_pool.empty(LARGE, dtype=torch.float32)
    assert other.data_ptr() != place
    del first
    assert buffer_pool.empty(LARGE, dtype=torch.float32).data_ptr() != place  # a part of it is in use
    del part
    assert buffer_pool.empty(LARGE, dtype=torch.float32).data_ptr() == place


def test_shape_type_and_alignment() -> None:
    made = buffer_pool.empty(3, LARGE, dtype=torch.float64)
    assert made.shape == (3, LARGE)
    assert made.dtype == torch.float64
    assert made.is_contiguous()
    assert made.data_ptr() % buffer_pool.LINE == 0
    assert torch.equal(buffer_pool.copied(made.fill_(7.0)), made)
    assert buffer_pool.empty(0, 5, dtype=torch.float32).shape == (0, 5)


def test_much_larger_memory_is_left_for_others() -> None:
    large = buffer_pool.empty(8 * LARGE, dtype=torch.float32)
    place = large.data_ptr()
    del large
    assert buffer_pool.empty(LARGE, dtype=torch.float32).data_ptr() != place


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer_pool, "MOST", 5 * buffer_pool.WORTH)
    held = [buffer_pool.empty(LARGE, dtype=torch.float32) for _ in range(9)]
    del held
    assert 0 < sum(block.nbytes for block in buffer_pool._idle) <= buffer_pool.MOST


def test_numbers_not_set_show_where_pytorch_shows_them() -> None:
    assert buffer_pool.empty(LARGE, dtype=torch.float32).isnan().all()


def test_several_threads_never_share() -> None:
    wrong = []

    def work(number: int) -> None:
        for _ in range(200):
            made = buffer_pool.empty(LARGE, dtype=torch.float32).fill_(number)
            if not bool((made == number).all()):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
