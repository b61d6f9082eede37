"""Cooperative and batch-split kernels on PyTorch's threads and on a pool: equal results."""

import ctypes
import multiprocessing
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from compiled_layers import close
from wolfdog.compiler.backends.llvm import launch, openmp, thread_pool

CELLS: list[Any] = [
    lambda: nn.LSTMCell(5, 40),
    lambda: nn.GRUCell(20, 33),
    lambda: wd.cells.FourGateLSTMCell(10, 70),
    lambda: wd.cells.PeepholeLSTMCell(6, 36, peephole="full"),
    lambda: wd.cells.LayerNormLSTMCell(5, 40),
    lambda: wd.cells.GRUCell(10, 41, reset_after=False),
    lambda: wd.memory.LSTMNCell(5, 18, window=4),
]


@pytest.fixture(autouse=True)
def three_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(thread_pool, "WORTH", 1)
    monkeypatch.setattr(launch, "WORTH_BARRIER", 1)
    monkeypatch.setattr(launch, "WORTH_TEAM", 0)
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(1)


def everything(layer: wd.Recurrent, x: Tensor, lengths: Tensor | None) -> list[Tensor]:
    y, state = layer(x, lengths=lengths)
    last = state if isinstance(state, tuple) else (state,)
    total = y.square().sum() + sum(part.sum() for part in last)
    gradients = torch.autograd.grad(total, [x, *layer.parameters()])
    with torch.no_grad():
        again, _ = layer(x, lengths=lengths)
    return [y, again, *last, *gradients]


def held_against_the_loop(cell: nn.Module, batch: int) -> None:
    x = torch.randn(9, batch, cell.input_size, dtype=torch.float64, requires_grad=True)
    ragged = torch.tensor([4, 9, 0, 2, 7, 1, 9, 3][:batch])
    for lengths in (None, ragged):
        layer = wd.Recurrent(cell)
        found = everything(layer, x, lengths)
        assert layer.backend == "llvm"
        expected = everything(wd.Recurrent(cell, backend="eager"), x, lengths)
        expected[1] = expected[0].detach()
        for actual, should in zip(found, expected, strict=True):
            close(actual.detach(), should.detach())


@pytest.mark.parametrize("number", range(len(CELLS)))
@pytest.mark.parametrize("batch", [1, 4])
def test_few_examples_run_the_cooperative_kernel(
    number: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    cooperative = openmp.Team.cooperative
    monkeypatch.setattr(openmp.Team, "cooperative", lambda *given: calls.append(1) or cooperative(*given))
    held_against_the_loop(CELLS[number]().double(), batch)
    assert calls or openmp.team() is None


@pytest.mark.parametrize("number", range(len(CELLS)))
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_one_thread_does_the_work_of_a_thread_that_is_late(
    number: int, order: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    if openmp.team() is None:
        pytest.skip("PyTorch has no OpenMP here")
    calls = []

    def one_after_the_other(self: openmp.Team, kernel: int, table: int, threads: int) -> None:
        run = ctypes.CFUNCTYPE(None, *(ctypes.c_int64,) * 3)(kernel)
        for thread in order:  # the second begins when the first has ended
            calls.append(run(table, thread, 2))

    monkeypatch.setattr(openmp.Team, "cooperative", one_after_the_other)
    held_against_the_loop(CELLS[number]().double(), 1)
    assert calls


def test_small_calls_run_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the least work as it is
    torch.set_num_threads(2)

    def no_team(*_: object) -> None:
        raise AssertionError("threads were started")

    monkeypatch.setattr(openmp.Team, "_run", no_team)
    layer = wd.Recurrent(nn.LSTMCell(64, 64))
    layer(torch.randn(10, 1, 64, requires_grad=True))[0].sum().backward()


def test_many_examples_run_the_batch_split_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    batch_split = openmp.Team.batch_split
    monkeypatch.setattr(openmp.Team, "batch_split", lambda *given: calls.append(1) or batch_split(*given))
    held_against_the_loop(nn.LSTMCell(5, 40).double(), 8)
    assert calls or openmp.team() is None


@pytest.mark.parametrize("batch", [1, 8])
def test_without_openmp_a_pool_runs_them(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (launch, thread_pool):
        monkeypatch.setattr(module, "team", lambda: None)
    held_against_the_loop(nn.LSTMCell(5, 40).double(), batch)


def test_openmp_may_give_fewer_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = openmp.team()
    if workers is None:
        pytest.skip("PyTorch has no OpenMP here")
    run = workers._run
    monkeypatch.setattr(openmp.Team, "_run", lambda self, count, numbers: run(1, numbers))
    held_against_the_loop(nn.LSTMCell(5, 40).double(), 1)
    held_against_the_loop(nn.LSTMCell(5, 40).double(), 8)


def _in_a_child(pipe: Any) -> None:
    held_against_the_loop(nn.LSTMCell(5, 40).double(), 8)
    held_against_the_loop(nn.LSTMCell(5, 40).double(), 1)
    pipe.send(openmp.team() is None)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking with threads, which is the point
def test_a_forked_process_does_not_wait_for_its_parents_threads() -> None:
    held_against_the_loop(nn.LSTMCell(5, 40).double(), 8)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    torch.set_num_threads(1)  # PyTorch itself would wait for ever
    child = context.Process(target=_forked_with_threads, args=(there,))
    child.start()
    assert here.poll(120)
    assert here.recv()
    child.join(30)
    assert child.exitcode == 0


def _forked_with_threads(pipe: Any) -> None:
    thread_pool.torch.get_num_threads = lambda: 3  # type: ignore[assignment]
    _in_a_child(pipe)
