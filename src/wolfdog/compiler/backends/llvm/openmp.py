"""Kernels on the OpenMP threads of PyTorch.

OpenMP threads spin for some milliseconds after PyTorch has used them. A second pool of threads would share cores with
them and take twice as long; the OpenMP threads are awake already, and start within two microseconds.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import torch

from ...fork_safety import forked, once
from .build import Code
from .machine_code import SYMBOL

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
  %cooperative = icmp eq i64 %parts, 0
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
  br i1 %cooperative, label %all, label %check
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
"""LLVM code that every OpenMP thread runs: its share of the parts, or the cooperative kernel with its thread number.

Linux wakes a thread on the core of its caller, and may leave it waiting there for milliseconds while other cores are
idle. A thread that starts on the caller's core therefore moves first: it removes that core from its affinity mask and
restores the mask."""


class Team:
    """Thread team of an OpenMP library with the GNU interface."""

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

    def batch_split(self, kernel: int, table: int, borders: Sequence[int]) -> None:
        """Run a batch-split kernel, kernel(table, low, high), on every part between borders, and wait."""
        parts = len(borders) - 1
        self._run(parts, (kernel, table, parts, *self._numbers, self._core(), *borders))

    def cooperative(self, kernel: int, table: int, threads: int) -> None:
        """Run a cooperative kernel, kernel(table, part, parts), on all threads, and wait.

        OpenMP may start fewer threads than `threads`; `parts` is the number that it starts.
        """
        self._run(threads, (kernel, table, 0, *self._numbers, self._core()))

    def _run(self, threads: int, numbers: Sequence[int]) -> None:
        data = (ctypes.c_int64 * len(numbers))(*numbers)
        self._parallel(self._share.address, ctypes.addressof(data), threads, 0)


@once
def _team() -> Team | None:
    found = _openmp()
    return None if found is None else Team(found)


def team() -> Team | None:
    """PyTorch's OpenMP threads; None without OpenMP, and after a fork.

    A forked process lacks the parent's threads, and OpenMP would wait for them for ever.
    """
    return None if forked() else _team()


def _openmp() -> ctypes.CDLL | None:
    """OpenMP library that PyTorch uses, if it has the GNU interface."""
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


@once
def yielding() -> int:
    """Address of the C library's sched_yield; 0 without OpenMP threads."""
    return 0 if _team() is None else _address(ctypes.CDLL(None).sched_yield)


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0
