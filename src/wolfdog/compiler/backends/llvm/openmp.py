"""PyTorch's own threads, asked to run a kernel.

OpenMP's threads go on spinning for milliseconds after PyTorch has used them. Other threads would share cores with them
and take twice as long; these are awake already, and start within two microseconds.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import torch

from .build import SYMBOL, Code

_SHARE = f"""
define void @{SYMBOL}(ptr %data) {{
entry:
  %mask = alloca [16 x i64]
  %kernel = load ptr, ptr %data
  %table_at = getelementptr i64, ptr %data, i64 1
  %table = load i64, ptr %table_at
  %parts_at = getelementptr i64, ptr %data, i64 2
  %parts = load i64, ptr %parts_at
  %number_at = getelementptr i64, ptr %data, i64 3
  %number_of = load ptr, ptr %number_at
  %count_at = getelementptr i64, ptr %data, i64 4
  %count_of = load ptr, ptr %count_at
  %core_at = getelementptr i64, ptr %data, i64 5
  %core_of = load ptr, ptr %core_at
  %get_at = getelementptr i64, ptr %data, i64 6
  %get = load ptr, ptr %get_at
  %set_at = getelementptr i64, ptr %data, i64 7
  %set = load ptr, ptr %set_at
  %callers_at = getelementptr i64, ptr %data, i64 8
  %callers = load i64, ptr %callers_at
  %borders = getelementptr i64, ptr %data, i64 9
  %number = call i32 %number_of()
  %first = sext i32 %number to i64
  %threads = call i32 %count_of()
  %stride = sext i32 %threads to i64
  %together = icmp eq i64 %parts, 0
  %known = icmp sge i64 %callers, 0
  %other = icmp ne i32 %number, 0
  %asks = and i1 %known, %other
  br i1 %asks, label %ask, label %begin
ask:
  %core32 = call i32 %core_of()
  %core = sext i32 %core32 to i64
  %same = icmp eq i64 %core, %callers
  br i1 %same, label %move, label %begin
move:
  call i32 %get(i32 0, i64 128, ptr %mask)
  %word = lshr i64 %core, 6
  %within = and i64 %core, 63
  %bit = shl i64 1, %within
  %word_at = getelementptr i64, ptr %mask, i64 %word
  %old = load i64, ptr %word_at
  %new = xor i64 %old, %bit
  store i64 %new, ptr %word_at
  call i32 %set(i32 0, i64 128, ptr %mask)
  store i64 %old, ptr %word_at
  call i32 %set(i32 0, i64 128, ptr %mask)
  br label %begin
begin:
  br i1 %together, label %all, label %check
all:
  call void %kernel(i64 %table, i64 %first, i64 %stride)
  ret void
check:
  %part = phi i64 [ %first, %begin ], [ %next, %work ]
  %more = icmp slt i64 %part, %parts
  br i1 %more, label %work, label %done
work:
  %low_at = getelementptr i64, ptr %borders, i64 %part
  %low = load i64, ptr %low_at
  %high_at = getelementptr i64, ptr %low_at, i64 1
  %high = load i64, ptr %high_at
  call void %kernel(i64 %table, i64 %low, i64 %high)
  %next = add i64 %part, %stride
  br label %check
done:
  ret void
}}
"""
"""What every thread of the team runs: the part of its number, and every so many after it where threads are fewer; or,
where there are no parts, the whole with its number and how many threads there are.

Linux wakes a thread on the core that it is called from, and may let it wait there for milliseconds while others are
idle. A thread that finds itself on the caller's core leaves it first: it forbids itself that core, and allows it
again."""


class Team:
    """The threads of an OpenMP library that speaks GNU's language."""

    def __init__(self, library: ctypes.CDLL) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(opt=2, jit=True)
        module = llvm.parse_assembly(_SHARE)
        module.triple = llvm.get_default_triple()
        self._share = Code(bytes(machine.emit_object(module)), 0)
        self._numbers = [_address(library.omp_get_thread_num), _address(library.omp_get_num_threads)]
        system = ctypes.CDLL(None)
        self._core = system.sched_getcpu
        self._numbers += map(_address, (self._core, system.sched_getaffinity, system.sched_setaffinity))
        self._parallel = library.GOMP_parallel
        self._parallel.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
        self._parallel.restype = None

    def apart(self, kernel: int, table: int, borders: Sequence[int]) -> None:
        """Run the kernel at an address on every part between borders, kernel(table, low, high), and wait."""
        parts = len(borders) - 1
        self._run(parts, (kernel, table, parts, *self._numbers, self._core(), *borders))

    def together(self, kernel: int, table: int, threads: int) -> None:
        """Run it on every thread at once, kernel(table, number, threads), and wait; OpenMP may give fewer of them."""
        self._run(threads, (kernel, table, 0, *self._numbers, self._core()))

    def _run(self, threads: int, numbers: Sequence[int]) -> None:
        data = (ctypes.c_int64 * len(numbers))(*numbers)
        self._parallel(self._share.address, ctypes.addressof(data), threads, 0)


@cache
def _team() -> Team | None:
    found = _openmp()
    return None if found is None else Team(found)


def team() -> Team | None:
    """PyTorch's threads; None where it was built without OpenMP, where that cannot be found, and after a fork: then
    the parent's threads are not there, and OpenMP would wait for them for ever."""
    return None if _forked else _team()


def _openmp() -> ctypes.CDLL | None:
    """The OpenMP library that PyTorch uses, where it is GNU's or speaks its language."""
    if not sys.platform.startswith("linux") or "OpenMP" not in torch.__config__.parallel_info():
        return None
    own = sorted(Path(torch.__file__).with_name("lib").glob("lib*omp*.so*"))
    for name in (*map(str, own), "libgomp.so.1", "libiomp5.so"):
        try:
            library = ctypes.CDLL(name, mode=os.RTLD_NOLOAD)  # loaded already, or it is not PyTorch's
        except OSError:
            continue
        if hasattr(library, "GOMP_parallel") and library.omp_get_max_threads() == torch.get_num_threads():
            return library
    return None


@cache
def yielding() -> int:
    """The address of a function of the C library that lets other threads run; 0 where there is no team."""
    return 0 if _team() is None else _address(ctypes.CDLL(None).sched_yield)


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


_forked = False


def _after_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
