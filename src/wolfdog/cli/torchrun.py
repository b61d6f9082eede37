"""Processes that torchrun started: the first one prints and writes, and each error is printed once."""

import hashlib
import os
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import InputError
from ..watch.distributed import SINGLE, Processes, wait_for_all
from .screen import complaints, console
from .signals import Interrupted

if TYPE_CHECKING:
    from torch.distributed import Store

_PLACE = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Variables by which torchrun says to a process where it is."""
_PATIENCE = timedelta(days=1)
"""Longest time that a process waits for another one that is alive; one that has ended is noticed at once."""

_store: "Store | None" = None
"""Values that the processes share; set once, when the process begins."""


def torchrun_processes() -> Processes:
    """Connected processes of a training that torchrun started; a single one without torchrun.

    All but the first one print nothing from here on, except errors that no other process of their machine has printed.

    Raises:
        InputError: The processes cannot reach each other.
    """
    global _store
    if _size() == 1:
        return SINGLE
    import torch.distributed as dist

    rank = int(os.environ["RANK"])
    console.quiet = complaints.quiet = rank > 0
    try:
        store, _, size = next(dist.rendezvous("env://", timeout=timedelta(minutes=10)))
        dist.init_process_group(
            "gloo", store=dist.PrefixStore("wolfdog", store), rank=rank, world_size=size, timeout=_PATIENCE
        )
        wait_for_all(store, size)
    except (RuntimeError, ValueError) as error:
        where = ":".join(os.environ[name] for name in _PLACE[2:])
        raise InputError(
            f"torchrun: process {rank} cannot reach the others at {where} ({str(error).splitlines()[0][:200]}). On one "
            "machine, add --standalone to the arguments of torchrun."
        ) from error
    _store = store
    return Processes(rank, size, dist.group.WORLD)


def refuse_torchrun(command: str) -> None:
    """Refuse a command that does not share its work among processes of torchrun.

    Args:
        command: Name of the command.

    Raises:
        InputError: torchrun started several processes of it.
    """
    if _size() > 1:
        complaints.quiet = os.environ["RANK"] != "0"
        raise InputError(
            f"torchrun: `wolfdog {command}` runs in one process, `wolfdog train` alone in several. Start it without "
            "torchrun."
        )


def prints_error(message: str) -> bool:
    """Whether this process prints an error: the first process of its machine that meets it does.

    Args:
        message: Text of the error.
    """
    if _store is None:
        return not complaints.quiet
    place = [os.environ.get(name, "") for name in ("GROUP_RANK", "TORCHELASTIC_RESTART_COUNT")]
    key = hashlib.sha256("\n".join([*place, message]).encode()).hexdigest()
    try:
        chosen = _store.add(key, 1) == 1
    except RuntimeError:  # torchrun is gone
        chosen = True
    complaints.quiet = not chosen
    return chosen


def interruption(error: KeyboardInterrupt) -> str:
    """Message of a command that was interrupted.

    Args:
        error: The interrupt.
    """
    if _store is None or not (isinstance(error, Interrupted) and error.number == signal.SIGTERM):
        return "interrupted"
    return (
        "torchrun ended this training, because one of its processes ended or torchrun was told to end. Give the same "
        "command again: the training goes on from its last checkpoint."
    )


def _size() -> int:
    given = [os.environ.get(name, "") for name in _PLACE]
    return int(given[1]) if all(given) and given[0].isdecimal() and given[1].isdecimal() else 1
