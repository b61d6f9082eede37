"""Plan of a kernel's calls over so many steps and examples: all that does not change from call to call."""

from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...passes.buffers import BufferView, row_major
from ...ragged import SortedLengths
from .barrier import shared_numbers
from .buffer_pool import WORTH, empty
from .build import Code
from .emit import FIELDS, HEADER, Kernel
from .in_place import in_place_code, place_of, readable
from .openmp import Team, yielding
from .thread_pool import cuts, run

Pack = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
"""Function of parameters by name to packed ones."""


class Buffer(NamedTuple):
    """Buffer that a call makes.

    Attributes:
        shape: Its shape, [steps, B, ...].
        steps: Number of steps in the kernel's table: a step's row lies at the step modulo this number.
    """

    shape: tuple[int, ...]
    steps: int


@dataclass(frozen=True)
class Size:
    """Size of a call.

    Attributes:
        steps: Number of steps.
        batch: Number of examples.
        parts: Number of threads that divide the batch.
    """

    steps: int
    batch: int
    parts: int


class _View(NamedTuple):
    buffer: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


class CallPlan:
    """Calls of a kernel of one size.

    Args:
        kernel: The kernel.
        code: Its machine code.
        dtype: torch.float32 or torch.float64.
        size: Size of the calls.
        product: Address of the product of packed matrices; 0 for none.
        pack: Function that packs parameters.
        in_place: Names of the matrices, where they are read where they lie if they are laid out for it.
        buffers: Buffers that each call makes, by name; the caller gives the tensors of others.
        places: Places of the outputs of every step, by name.
    """

    def __init__(
        self,
        kernel: Kernel,
        code: Code,
        *,
        dtype: torch.dtype,
        size: Size,
        product: int,
        pack: Pack,
        in_place: Collection[str],
        buffers: Mapping[str, Buffer],
        places: Mapping[str, BufferView],
    ) -> None:
        self._code, self._dtype, self._size, self._pack = code, dtype, size, pack
        self._number = dtype.itemsize
        self._at = {name: HEADER + FIELDS * number for number, name in enumerate(kernel.buffers)}
        self._template = array("q", [size.steps, 0, product, 0, 0, size.batch, 0])
        self._template.extend([0, 0, 0, 1] * len(kernel.buffers))  # as of an output that nobody asked for
        self._scratch = []
        for name, width in kernel.scratch.items():
            self._scratch.append((self._at[name], self._maker((size.batch, width), pooled=False)))
            self._template[self._at[name] + 2] = width * self._number
        self._makers = [self._maker(buffer.shape) for buffer in buffers.values()]
        self._own: list[tuple[int, int]] = []  # positions of buffers, and of their addresses in the table
        self._views: dict[str, _View] = {}
        numbers = {name: number for number, name in enumerate(buffers)}
        for name, buffer in buffers.items():
            stride = row_major(buffer.shape)
            if name in self._at:
                at = self._at[name]
                self._own.append((numbers[name], at))
                self._template[at + 1] = stride[0] * self._number
                self._template[at + 2] = stride[1] * self._number
                self._template[at + 3] = buffer.steps
            for output, place in places.items():
                if place.buffer == name:
                    offset = place.shift * stride[0] + place.offset
                    shape = (min(size.steps, buffer.shape[0]), size.batch, *place.shape)
                    self._views[output] = _View(numbers[name], shape, (*stride[:2], *place.strides), offset)
        self._matrices = list(in_place)
        self._in_place = in_place_code(8 * self._number, dtype).address if self._matrices else 0
        self._borders = cuts(size.batch, size.parts)

    def buffers(self) -> list[Tensor]:
        """Buffers for one call, in order."""
        return [make() for make in self._makers]

    def _maker(self, shape: tuple[int, ...], *, pooled: bool = True) -> Callable[[], Tensor]:
        """Function that makes an uninitialised tensor, from the pool of buffers where that is worth it."""
        if pooled and prod(shape) * self._number >= WORTH:
            return partial(empty, *shape, dtype=self._dtype)
        with torch.inference_mode(False):
            form = torch.empty((), dtype=self._dtype, device="cpu").expand(shape)  # one number of memory
        return partial(torch.empty_like, form, memory_format=torch.contiguous_format)

    def view(self, name: str, own: Sequence[Tensor]) -> Tensor | None:
        """Output of every step, as a view of the buffers of a call; None where it lies elsewhere."""
        place = self._views.get(name)
        if place is None:
            return None
        return own[place.buffer].as_strided(place.size, place.stride, place.offset)

    def run(
        self,
        own: Sequence[Tensor],
        streams: Mapping[str, tuple[Tensor, int]],
        parameters: Mapping[str, Tensor],
        ragged: SortedLengths | None = None,
        workers: Team | None = None,
    ) -> None:
        """Run the kernel over a batch of sequences.

        Args:
            own: Of `buffers`.
            streams: Other tensors [steps, B, ...] with contiguous features, and the number of steps that each holds.
                Outputs in the caller's order, as "y_out", are written if their tensors are given.
            parameters: Parameters of the kernel.
            ragged: Lengths of the sequences; None where every sequence has all steps.
            workers: Threads of a cooperative kernel; None for a batch-split one.
        """
        table, places = self._template[:], self._at
        for number, at in self._own:
            table[at] = own[number].data_ptr()
        for name, (tensor, steps) in streams.items():
            at = places.get(name, 0)
            if at:
                over_steps, over_examples, *_ = tensor.stride()
                table[at] = tensor.data_ptr()
                table[at + 1] = over_steps * self._number
                table[at + 2] = over_examples * self._number
                table[at + 3] = steps
        held = self._parameters(table, parameters)
        scratch = []
        for at, make in self._scratch:
            scratch.append(make())
            table[at] = scratch[-1].data_ptr()
        if ragged is not None:
            table[1] = ragged.lengths.data_ptr()
            table[6] = 0 if ragged.order is None else ragged.order.data_ptr()
        address = table.buffer_info()[0]
        if workers is not None:
            threads = torch.get_num_threads()
            shared = array("q", shared_numbers(threads))
            table[3], table[4] = shared.buffer_info()[0], yielding()
            workers.cooperative(self._code.address, address, threads)
            del shared
        elif ragged is None or self._size.parts == 1:
            run(self._code, address, self._borders)
        else:
            lengths = ragged.lengths.numpy()
            run(self._code, address, cuts(self._size.batch, self._size.parts, lengths))
        del held, scratch  # the kernel read their addresses

    def _parameters(self, table: "array[int]", parameters: Mapping[str, Tensor]) -> Any:
        """Write the addresses of parameters; what is returned holds the memory."""
        places = self._at
        if not self._matrices or not all(readable(parameters[name]) for name in self._matrices):
            packed = self._pack(parameters)
            for name, tensor in packed.items():
                table[places[name]] = tensor.data_ptr()
            return packed
        table[2] = self._in_place
        held: list[Any] = []
        for name, tensor in parameters.items():
            at = places.get(name)
            if at is not None and name in self._matrices:
                place = place_of(tensor, 8 * self._number)
                table[at] = place.buffer_info()[0]
                held.append((place, tensor))
            elif at is not None:
                tensor = tensor.detach().contiguous()
                table[at] = tensor.data_ptr()
                held.append(tensor)
        return held
