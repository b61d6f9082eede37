from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist

from process_threads import in_processes
from wolfdog.errors import InputError, MediaError
from wolfdog.watch.distributed import SINGLE, LostProcessError, Processes, wait_for_all


@pytest.mark.parametrize("count", [0, 1, 2, 7, 12])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_shares_divide_what_there_is(count, size):
    shares = [list(range(count))[Processes(rank, size).share(count)] for rank in range(size)]
    assert [thing for share in shares for thing in share] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_sums_are_equal_in_each_process():
    def run(processes):
        weight = torch.nn.Parameter(torch.zeros(2, 3))
        other = torch.nn.Parameter(torch.zeros(3))
        weight.grad = torch.full((3, 2), 1.0 + processes.rank).T  # not contiguous
        unused = torch.nn.Parameter(torch.zeros(1))
        other.grad = torch.arange(3.0)
        processes.add_gradients([weight, unused, other])
        assert unused.grad is None
        return weight.grad.tolist(), other.grad.tolist(), processes.total(torch.tensor(0.5))

    assert in_processes(3, run) == [([[6.0] * 3] * 2, [0.0, 3.0, 6.0], 1.5)] * 3


def test_values_are_exchanged():
    def run(processes):
        everything = processes.gather(lambda: {"rank": processes.rank, "data": torch.ones(processes.rank)})
        assert [len(one["data"]) for one in everything] == [0, 1, 2]
        return [one["rank"] for one in everything], processes.from_first(lambda: f"from {processes.rank}")

    assert in_processes(3, run) == [([0, 1, 2], "from 0")] * 3
    assert SINGLE.gather(lambda: 7) == [7]
    assert SINGLE.from_first(lambda: 7) == 7


def test_an_error_of_one_process_is_raised_in_each():
    def run(processes):
        def make():
            if processes.rank == 1:
                raise MediaError("a.mp4: not a video")

        with pytest.raises(MediaError, match=r"a\.mp4: not a video"):
            processes.gather(make)

        def full():
            raise OSError(28, "No space left on device", "out")

        with pytest.raises(OSError, match="No space left") as caught:
            processes.from_first(full)
        assert caught.value.filename == "out"
        return processes.total(torch.ones(()))  # they still answer one another

    assert in_processes(2, run) == [2.0, 2.0]


def test_a_lost_process_is_said():
    def run(processes):
        if processes.rank == 1:
            return
        with pytest.raises(LostProcessError, match=r"has ended, was killed .* the same command again"):
            processes.total(torch.ones(()))

    in_processes(2, run)


def test_none_goes_on_before_all_are_connected():
    store = dist.HashStore()
    with ThreadPoolExecutor(2) as pool:
        early = [pool.submit(wait_for_all, store, 3) for _ in range(2)]
        done, _ = wait(early, timeout=0.2)
        assert not done
        wait_for_all(store, 3)


def test_one_that_never_connects_is_not_waited_for_without_end():
    store = dist.HashStore()
    store.set_timeout(timedelta(seconds=0.1))
    with pytest.raises(RuntimeError, match="timeout"):
        wait_for_all(store, 2)


def test_more_processes_than_things_are_refused():
    with pytest.raises(InputError, match=r"3 processes cannot share 2 streams"):
        Processes(0, 3).check_divisible(2, "streams")
