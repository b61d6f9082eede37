"""Views of buffers: offsets and strides of slices, permutations, expansions and reshapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs import state
from wolfdog.compiler.ir.values import Builder, Value
from wolfdog.compiler.passes.buffers import BufferView, row_major, whole


def read(view: BufferView, row: np.ndarray) -> np.ndarray:
    """Numbers of a view of a row."""
    strides = tuple(stride * row.itemsize for stride in view.strides)
    return np.lib.stride_tricks.as_strided(row[view.offset :], view.shape, strides)


def views(b: Builder, value: Value) -> dict[str, tuple[Value, np.ndarray]]:
    row = np.arange(24).reshape(2, 3, 4)
    return {
        "slice": (b("slice", value, axis=-2, start=1, stop=3), row[:, 1:3]),
        "permute": (b("permute", value, order=(2, 0, 1)), row.transpose(2, 0, 1)),
        "reshape": (b("reshape", value, shape=(4, 6)), row.reshape(4, 6)),
        "slice of one": (b("slice", value, axis=-3, start=1, stop=2), row[1:2]),
    }


@pytest.mark.parametrize("name", ["slice", "permute", "reshape", "slice of one"])
def test_a_view_reads_the_numbers_of_its_operation(name: str) -> None:
    b = Builder()
    value, expected = views(b, state(b, 2, 3, 4))[name]
    found = whole("s0", (2, 3, 4)).viewed(value)
    assert found is not None
    np.testing.assert_array_equal(read(found, np.arange(24)), expected)


def test_an_expansion_has_strides_of_zero() -> None:
    b = Builder()
    value = b("expand", state(b, 3, 1), shape=(3, 5))
    assert whole("s0", (3, 1)).viewed(value) == BufferView("s0", 0, 0, (3, 5), (1, 0))


def test_a_reshape_of_strided_numbers_needs_a_copy_unless_it_moves_axes_of_one() -> None:
    b = Builder()
    turned = b("permute", state(b, 3, 4), order=(1, 0))
    view = whole("s0", (3, 4)).viewed(turned)
    assert view == BufferView("s0", 0, 0, (4, 3), (1, 4))
    assert not view.contiguous
    assert view.viewed(b("reshape", turned, shape=(12,))) is None
    assert view.viewed(b("reshape", turned, shape=(4, 1, 3))) == BufferView("s0", 0, 0, (4, 1, 3), (1, 0, 4))


def test_a_part_and_the_slice_that_it_is_within_the_whole() -> None:
    row = whole("e0", (8,))
    part = row.part(-1, 2, 4)
    assert part == BufferView("e0", 0, 2, (4,), (1,))
    assert part.within(row) == slice(2, 6)
    assert row.within(part) is None
    assert part.within(whole("e1", (8,))) is None
    assert part.within(whole("e0", (8,), shift=1)) is None


def test_strides_along_a_larger_shape_are_zero_where_numbers_are_broadcast() -> None:
    assert whole("w0", (3, 1)).over((2, 3, 4)) == (0, 1, 0)


@given(st.lists(st.integers(1, 4), max_size=4).map(tuple))
def test_row_major_strides_are_numpy_s(shape: tuple[int, ...]) -> None:
    expected = tuple(stride // 8 for stride in np.empty(shape, np.int64).strides)
    assert row_major(shape) == expected
    assert whole("s0", shape).contiguous
