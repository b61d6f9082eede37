"""Processes of one training: their shares of the work, and sums and values that they exchange."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InputError, WolfdogError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.distributed import ProcessGroup, Store

T = TypeVar("T")


class LostProcessError(WolfdogError):
    """Connection to another process of a training that was lost."""


@dataclass(frozen=True)
class Processes:
    """Processes that train one model together, as this one of them sees them.

    Data parallelism: each process holds all weights and draws the same batch, computes the loss of its share of it,

        L = L_0 + ... + L_(size - 1),    dL/dw = dL_0/dw + ... + dL_(size - 1)/dw

    and all make the same step with the sum of the gradients, which is the gradient of one process with the whole batch.

    Every process must make the same calls in the same order.

    Args:
        rank: Number of this process, from 0.
        size: Number of processes.
        group: Connections of PyTorch to the others; None where there are none.

    Examples:
        >>> Processes(1, 3).share(10), Processes().share(10)
        (slice(4, 7, None), slice(0, 10, None))
    """

    rank: int = 0
    size: int = 1
    group: "ProcessGroup | None" = field(default=None, compare=False, repr=False)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Share of this process in `count` things; sizes of the shares differ by one at most.

        Args:
            count: Number of things.
        """
        each, more = divmod(count, self.size)
        start = self.rank * each + min(self.rank, more)
        return slice(start, start + each + (self.rank < more))

    def check_divisible(self, count: int, things: str) -> None:
        """Check that every process gets a share.

        Args:
            count: Number of things.
            things: Their name in the message.

        Raises:
            InputError: There are fewer things than processes.
        """
        if count < self.size:
            raise InputError(
                f"{self.size} processes cannot share {count} {things}: each needs one or more. Start fewer processes, "
                "or give more."
            )

    def add(self, values: "Tensor") -> None:
        """Replace values by their sum over the processes, which is the same to the bit in each.

        Args:
            values: Contiguous; changed in place.

        Raises:
            LostProcessError: Another process has ended.
        """
        if self.group is not None:
            with self._answered():
                self.group.allreduce([values]).wait()

    def add_gradients(self, parameters: "Sequence[nn.Parameter]") -> None:
        """Replace the gradients of parameters by their sums over the processes.

        Args:
            parameters: The same in each process; those without a gradient are passed over.

        Raises:
            LostProcessError: Another process has ended.
        """
        gradients = [one.grad for one in parameters if one.grad is not None]
        if self.group is None or not gradients:
            return
        import torch

        whole = torch.cat([one.flatten() for one in gradients])
        self.add(whole)
        parts = torch.split(whole, [one.numel() for one in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def total(self, value: "Tensor") -> float:
        """Sum of a number over the processes.

        Args:
            value: Tensor of one number.

        Raises:
            LostProcessError: Another process has ended.
        """
        whole = value.detach().clone()
        self.add(whole)
        return float(whole.item())

    def gather(self, make: Callable[[], T]) -> list[T]:
        """Results of a function in each process, in the order of the processes.

        Args:
            make: Called in each process. An error of wolfdog or of the system in one of them is raised in all.

        Returns:
            The results, the same list in each process.

        Raises:
            LostProcessError: Another process has ended.
            WolfdogError: The error of a process, that of the first one where there are several.
            OSError: As said of `WolfdogError`.
        """
        if self.group is None:
            return [make()]
        own = _attempt(make)
        found = [self._sent(own, root) for root in range(self.size)]
        return [_value(one) for one in found]

    def from_first(self, make: Callable[[], T]) -> T:
        """Result of a function that the first process alone calls.

        Args:
            make: Called in the first process. An error of wolfdog or of the system is raised in all.

        Returns:
            The result, in each process.

        Raises:
            LostProcessError: Another process has ended.
            WolfdogError: The error of the first process.
            OSError: As said of `WolfdogError`.
        """
        if self.group is None:
            return make()
        value: T = _value(self._sent(_attempt(make) if self.first else None, 0))
        return value

    def _sent(self, value: object, root: int) -> bytes:
        """Pickled value of the process `root`; what is unpickled comes from processes of this training alone."""
        import torch

        assert self.group is not None
        data = pickle.dumps(value) if root == self.rank else b""
        length = torch.tensor([len(data)])
        content = torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0)
        with self._answered():
            self.group.broadcast(length, root).wait()
            if root != self.rank:
                content = torch.empty(int(length), dtype=torch.uint8)
            self.group.broadcast(content, root).wait()
        return content.numpy().tobytes()

    @contextmanager
    def _answered(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise LostProcessError(
                f"a process of this training has ended, was killed or cannot be reached ({_reason(error)}). Give the "
                "same command again: the training goes on from its last checkpoint."
            ) from error


SINGLE = Processes()
"""The only process of a training."""


def wait_for_all(store: "Store", size: int) -> None:
    """Wait until each process has called this.

    A process that ends while another one still connects makes the connection of the other fail. So each calls this
    once it is connected.

    Args:
        store: Values that the processes share.
        size: Number of processes.

    Raises:
        RuntimeError: Not every process has called this within the timeout of the store.
    """
    if store.add("connected", 1) == size:
        store.set("all connected", "")
    store.wait(["all connected"])


def _attempt(make: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        return make(), None
    except (WolfdogError, OSError) as error:
        return None, error


def _value(data: bytes) -> Any:
    value, error = pickle.loads(data)
    if error is not None:
        raise error
    return value


def _reason(error: Exception) -> str:
    """First sentence of an error of gloo, without the place in its source."""
    return (
        str(error).partition("\n")[0].partition(". ")[0].rpartition("/gloo/")[2].rpartition("] ")[2] or "gloo"
    )
