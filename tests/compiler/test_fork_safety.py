"""Child processes forked at any moment: while kernels have run, and while another thread compiles."""

import subprocess
import sys
import threading

import pytest

from wolfdog.compiler.fork_safety import lazy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks while threads run are tried on Linux")

AFTER = """
import os, signal, sys, torch, wolfdog as wd
torch.set_num_threads(3)
layer, events = wd.Recurrent(wd.cells.LSTMCell(64, 96)), torch.randn(12, 64, 64)
other = torch.nn.Linear(256, 256)
def everything():
    y, _ = layer(events, lengths=torch.arange(64) % 13)
    other(torch.randn(512, 256)).relu().sum().backward()
    layer.zero_grad()
    y.sum().backward()
    return layer.cell.weight_hh.grad.sum() if hasattr(layer.cell, "weight_hh") else y.sum()
if sys.argv[1] == "kernels":
    everything()
else:
    other(torch.randn(4096, 256)).relu().sum()
child = os.fork()
if child == 0:
    signal.alarm(60)  # a child that hangs is killed
    everything()
    os._exit(0)
_, status = os.waitpid(child, 0)
everything()
assert torch.get_num_threads() == 3
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""


@pytest.mark.parametrize("ran", ["kernels", "torch"])
def test_a_child_computes_after_its_parent_did(ran: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", AFTER, ran]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stderr


WHILE = """
import os, signal, sys, threading, time, torch, wolfdog as wd
torch.set_num_threads(1)
def layer(units):
    y, _ = wd.Recurrent(wd.cells.FourGateLSTMCell(3, units))(torch.randn(2, 2, 3))
    y.sum().backward()
done = threading.Event()
def compile_more():
    for units in range(4, 40):
        if not done.is_set():
            layer(units)
layer(3)
thread = threading.Thread(target=compile_more)
thread.start()
failed = 0
for number in range(4):
    time.sleep(0.05)
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        layer(50 + number)
        os._exit(0)
    failed += os.waitpid(child, 0)[1] != 0
done.set()
thread.join()
sys.exit(failed)
"""


def test_children_compile_that_were_forked_while_another_thread_did() -> None:
    command = [sys.executable, "-W", "ignore", "-c", WHILE]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr


def test_a_lazy_attribute_is_computed_once_by_several_threads() -> None:
    class Slow:
        count = 0

        @lazy
        def value(self) -> int:
            """Documented."""
            Slow.count += 1
            return Slow.count

    assert Slow.value.__doc__ == "Documented."
    slow, found = Slow(), []
    threads = [threading.Thread(target=lambda: found.append(slow.value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8


HELD = """
import os, signal, sys, threading
from wolfdog.compiler import fork_safety
fork_safety.PATIENCE = 0.05
held, release = threading.Event(), threading.Event()
def hold():
    with fork_safety.compiling:
        held.set()
        release.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(20)
    with fork_safety.compiling, fork_safety.compiling:
        os._exit(0)
_, status = os.waitpid(child, 0)
release.set()
thread.join()
with fork_safety.compiling:
    sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""


def test_a_lock_that_is_not_released_in_time_is_new_in_the_child() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HELD], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
