"""Fork safety: locks that a child process never inherits in a locked state, and PyTorch's threads in the child.

A fork copies only the thread that calls it. A lock that another thread holds at that moment stays locked in the child
for ever, and the OpenMP threads that PyTorch computes with do not exist there. So

- `ForkSafeLock` is acquired before a fork and released after it, in the parent and in the child: a fork waits until
  other threads have finished compiling;
- a child of a process with several threads computes with one PyTorch thread, as workers of torch's DataLoader do:
  torch.set_num_threads(1).
"""

import os
import sys
import threading
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Generic, ParamSpec, Self, TypeVar, cast, overload

import torch

PATIENCE = 60.0
"""Seconds that a fork waits for a lock. Then it goes ahead, and the child gets a new lock."""

T = TypeVar("T")
P = ParamSpec("P")


class ForkSafeLock:
    """Reentrant lock that is free in every child process.

    Of several such locks, the one that is created first is acquired last before a fork; nested uses must keep the same
    order.

    >>> lock = ForkSafeLock()
    >>> with lock, lock:
    ...     print("reentrant")
    reentrant
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._acquired = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before_fork,
                after_in_parent=self._release_after_fork,
                after_in_child=self._renew_after_fork,
            )

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _before_fork(self) -> None:
        self._acquired = self._lock.acquire(timeout=PATIENCE)

    def _release_after_fork(self) -> None:
        if self._acquired:
            self._lock.release()

    def _renew_after_fork(self) -> None:
        if self._acquired:
            self._lock.release()
        else:
            self._lock = threading.RLock()


pools = ForkSafeLock()
"""Lock of the buffer pool and of the thread pool. It may be acquired while `compiling` is held, not vice versa."""

compiling = ForkSafeLock()
"""Lock of everything that is compiled or packed once and then kept."""


class lazy(Generic[T]):  # noqa: N801  # a decorator, as functools.cached_property
    """Attribute that is computed at its first access, once, under the lock `compiling`.

    Python 3.11's functools.cached_property has a lock of its own for every attribute, which a child may inherit locked.
    """

    def __init__(self, function: Callable[[Any], T]) -> None:
        self.function, self.name = function, function.__name__
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        kept = instance.__dict__
        if self.name not in kept:
            with compiling:
                if self.name not in kept:
                    kept[self.name] = self.function(instance)
        found: T = kept[self.name]
        return found


def once(function: Callable[P, T]) -> Callable[P, T]:
    """Function that is computed once for each choice of positional arguments, under the lock `compiling`.

    functools.cache lets two threads compute a value at the same time, and one of them gets a value that is not kept:
    machine code would be freed while its address is in use.

    >>> made = once(lambda name: [name])
    >>> made("a") is made("a")
    True
    """
    kept = cast(Callable[P, T], cache(function))

    @cache  # no lock is needed to find what is kept
    @wraps(function)
    def locked(*args: P.args, **kwargs: P.kwargs) -> T:
        with compiling:
            return kept(*args, **kwargs)

    return cast(Callable[P, T], locked)


_forked = False
_several = False


def forked() -> bool:
    """Whether this process was forked since this module was imported."""
    return _forked


def _before_fork() -> None:
    global _several
    try:
        _several = not sys.platform.startswith("linux") or len(os.listdir("/proc/self/task")) > 1  # noqa: PTH208
    except OSError:
        _several = True


def _after_fork() -> None:
    global _forked
    _forked = True
    if _several and torch.get_num_threads() > 1:
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
