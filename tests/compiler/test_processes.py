"""Compiled layers in several threads and processes, and over many calls."""

import gc
import multiprocessing
import subprocess
import sys
import threading
import weakref
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

import wolfdog as wd
from compiled_layers import close, eager_of, lstm
from wolfdog.compiler.backends.llvm.thread_pool import cuts


def test_several_threads_at_once() -> None:
    layer, failures = lstm(), []
    inputs = [torch.randn(7, batch, 3, dtype=torch.float64) for batch in (1, 2, 5, 9)]
    expected = [eager_of(layer)(x)[0].detach() for x in inputs]

    def work(number: int) -> None:
        try:
            for _ in range(30):
                close(layer(inputs[number])[0].detach(), expected[number])
                with torch.no_grad():
                    close(layer.step(inputs[number][0])[0], expected[number][0])
        except AssertionError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number % 4,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_two_threads_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    from wolfdog.compiler.backends.llvm import thread_pool

    monkeypatch.setattr(thread_pool, "WORTH", 1)
    layer, x = lstm(), torch.randn(6, 7, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([6, 1, 5, 2, 4, 0, 3])
    results = []
    for count in (1, 3):
        torch.set_num_threads(count)
        try:
            y, _ = layer(x, lengths=lengths)
            results.append((y, *torch.autograd.grad(y.sum(), [x, *layer.parameters()])))
        finally:
            torch.set_num_threads(1)
    for one, three in zip(*results, strict=True):
        close(three, one)


def test_a_batch_is_cut_by_work() -> None:
    assert cuts(6, 3) == [0, 2, 4, 6]
    assert cuts(4, 2, [9, 1, 1, 1]) == [0, 1, 4]
    assert cuts(3, 3, [5, 5, 5]) == [0, 1, 2, 3]


class _Remembered(Dataset[Tensor]):
    def __init__(self) -> None:
        self.layer = lstm(torch.float32)

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Tensor:
        with torch.no_grad():
            return self.layer(torch.full((3, 2, 3), float(index)))[0]


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_data_loader_workers(start: str) -> None:
    data = _Remembered()
    expected = torch.stack([data[index] for index in range(4)])
    context = multiprocessing.get_context(start)
    loader = DataLoader(data, batch_size=2, num_workers=2, multiprocessing_context=context)
    torch.testing.assert_close(torch.cat(list(loader)), expected)


DDP = """
import sys, torch, torch.distributed as dist, wolfdog as wd
rank = int(sys.argv[1])

def train():
    torch.manual_seed(0)
    model = torch.nn.parallel.DistributedDataParallel(wd.Recurrent(wd.cells.LSTMCell(3, 4)))
    x = torch.randn(5, 4, 3)
    y, _ = model(x[:, 2 * rank : 2 * rank + 2])
    y.sum().backward()
    whole = wd.Recurrent(model.module.cell, backend="eager")
    expected = torch.autograd.grad(whole(x)[0].sum() / 2, list(whole.parameters()))
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
    assert model.module.backend == "llvm"

dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=2)
train()  # the group's threads outlive a model that is still there when Python ends, and abort
dist.barrier()
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_share_gradients(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", DDP]
    with ExitStack() as stack:
        runs = [
            stack.enter_context(subprocess.Popen([*command, rank, tmp_path / "meet"], stderr=subprocess.PIPE))
            for rank in "01"
        ]
        for one in runs:
            stack.callback(one.kill)
        for one in runs:
            _, errors = one.communicate(timeout=600)
            assert one.returncode == 0, errors.decode()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the size of a process is read from Linux's /proc")
def test_calls_leak_nothing() -> None:
    layer, x = lstm(torch.float32), torch.randn(3, 2, 3, requires_grad=True)

    def calls(count: int) -> tuple[int, int]:
        for _ in range(count // 4):
            layer(x)[0].sum().backward()
            with torch.no_grad():
                layer(x)
                state = layer.step(x[0])[1]
                layer.step(x[0], state)
        gc.collect()
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        # the pages of files come and go as the machine has room for them
        return len(gc.get_objects()), next(
            int(line.split()[1]) for line in lines if line.startswith("RssAnon")
        )

    calls(1_000)
    objects, size = calls(4)
    for _ in range(3):  # an allocator may take a step up by chance; a leak grows every time
        objects_later, size_later = calls(10_000)
        grown = objects_later - objects, size_later - size
        if grown[0] < 200 and grown[1] < 4_000:  # KiB: 400 bytes a call would show
            return
        objects, size = objects_later, size_later
    pytest.fail(f"10,000 calls leave {grown[0]} objects and {grown[1]} KiB behind")


LATER = """
import sys, torch, wolfdog as wd
with torch.no_grad():
    wd.Recurrent(wd.cells.LSTMCell(3, 4))(torch.zeros(3, 2, 3))
assert "llvmlite" in sys.modules
assert not {"sympy", "torch._dynamo"} & set(sys.modules), sys.modules
"""


def test_a_later_process_needs_no_compiler() -> None:
    with torch.no_grad():
        lstm(torch.float32)(torch.zeros(3, 2, 3))
    result = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_layers_that_are_dropped_leave_nothing_behind() -> None:
    from wolfdog.compiler.backends.llvm import build

    def once(units: int) -> weakref.ref[wd.Recurrent]:
        layer = wd.Recurrent(wd.cells.LSTMCell(3, units))
        x = torch.randn(3, 2, 3)
        layer(x)[0].sum().backward()
        with torch.no_grad():
            state = layer.step(x[0])[1]
            layer.step(x[0], state)
        return weakref.ref(layer)

    def left() -> tuple[int, int]:
        build.forget_kernels()
        for _ in range(3):  # one pass frees objects whose finalisers keep others
            gc.collect()
        return sum(issubclass(type(found), Tensor) for found in gc.get_objects()), len(build._codes)

    once(4)
    before = left()
    layers = [once(units) for units in (5, 6, 7)]
    assert left() == before
    assert all(layer() is None for layer in layers)


def test_equal_kernels_share_their_machine_code_and_the_latest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    from wolfdog.compiler.backends.llvm import build

    sources = [f"def kernel(table, low, high):\n    x = {number}\n" for number in range(4)]
    monkeypatch.setattr(build, "KEPT", 2)
    build.forget_kernels()
    first = build.build(sources[0], 64)
    assert build.build(sources[0], 64) is first
    address = first.address
    for source in sources[1:]:
        build.build(source, 64)
    assert [key[0] for key in build._latest] == sources[2:]
    assert build.build(sources[0], 64) is first  # used here still
    assert first.address == address
    del first
    build.forget_kernels()
    gc.collect()
    assert not any((source, 64) in build._codes for source in sources)
