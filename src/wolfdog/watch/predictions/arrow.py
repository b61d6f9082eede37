"""Predictions tables as Arrow tables."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError
from wolfdog.extras import needs_extra

from .table import Predictions

if TYPE_CHECKING:
    import pyarrow as pa


def schema_of(classes: Sequence[str], utc: bool, context: bool) -> "pa.Schema":
    """Columns of a file."""
    pa = load_pyarrow()
    names = pa.dictionary(pa.int32(), pa.string())
    columns = [
        ("deployment", names),
        ("media", names),
        ("frame", pa.int64()),
        ("time", pa.timestamp("us", tz="UTC") if utc else pa.float64()),
        ("duration", pa.float64()),
        ("detection", pa.int32()),
        ("box", pa.list_(pa.float32(), 4)),
        ("confidence", pa.float32()),
        ("clarity", pa.float32()),
        ("spread", pa.float32()),
    ]
    columns += [(f"p_{name}", pa.float32()) for name in classes]
    columns += [(f"c_{name}", pa.float32()) for name in classes if context]
    return pa.schema(columns)


def to_arrow(table: Predictions, schema: "pa.Schema") -> "pa.Table":
    """Arrow table with the columns of `schema_of`; unknown numbers become null."""
    pa = load_pyarrow()

    def nullable(values: NDArray[Any], kind: Any) -> Any:
        return pa.array(values, kind, mask=np.isnan(values))

    whole = np.isnan(table.box[:, 0])
    time: Any
    if table.utc:
        known = np.where(np.isnan(table.time), 0, table.time)
        stamps = np.round(known * 1e6).astype(np.int64)
        time = pa.array(stamps, pa.int64(), mask=np.isnan(table.time)).cast(schema.field("time").type)
    else:
        time = nullable(table.time, pa.float64())
    boxes = pa.FixedSizeListArray.from_arrays(
        pa.array(table.box.ravel(), pa.float32()), 4, mask=pa.array(whole)
    )
    columns = [
        pa.array(table.deployment, pa.string()).dictionary_encode(),
        pa.array(table.media, pa.string()).dictionary_encode(),
        pa.array(table.frame),
        time,
        nullable(table.duration, pa.float64()),
        pa.array(table.detection),
        boxes,
        nullable(table.confidence, pa.float32()),
        nullable(table.clarity, pa.float32()),
        pa.array(table.spread),
    ]
    columns += [pa.array(np.ascontiguousarray(p)) for p in table.probabilities.T]
    if table.context is not None:
        columns += [pa.array(np.ascontiguousarray(p)) for p in table.context.T]
    return pa.Table.from_arrays(columns, schema=schema)


def from_arrow(table: "pa.Table", notes: dict[str, Any], context: bool) -> Predictions:
    """Predictions from an Arrow table with the columns of `schema_of`; null becomes NaN.

    Args:
        table: The Arrow table.
        notes: Metadata of the file.
        context: Whether it has context probabilities.

    Returns:
        The predictions.

    Raises:
        InputError: A required value is missing, or a value is invalid.
    """
    pa = load_pyarrow()
    for name in table.column_names:
        if name not in ("time", "duration", "box", "confidence", "clarity") and table.column(name).null_count:
            raise InputError(f"column {name}: {table.column(name).null_count} values are missing.")

    def numbers(name: str) -> NDArray[Any]:
        return np.asarray(table.column(name).to_numpy())

    def texts(name: str) -> NDArray[np.object_]:
        return np.asarray(table.column(name).cast(pa.string()).to_numpy(zero_copy_only=False), object)

    def probabilities(letter: str) -> NDArray[np.float32]:
        whole = np.empty((table.num_rows, len(notes["classes"])), np.float32)
        for k, name in enumerate(notes["classes"]):
            whole[:, k] = numbers(f"{letter}_{name}")
        return whole

    time = table.column("time")
    if notes["utc"]:
        missing = np.asarray(time.is_null().to_numpy(zero_copy_only=False), bool)
        stamps = time.cast(pa.int64()).fill_null(0).to_numpy()
        seconds = np.where(missing, np.nan, stamps / 1e6)
    else:
        seconds = np.asarray(time.to_numpy(), np.float64)
    boxes = np.full((table.num_rows, 4), np.nan, np.float32)
    given = np.asarray(table.column("box").is_valid().to_numpy(zero_copy_only=False), bool)
    values = table.column("box").combine_chunks().drop_null().flatten().to_numpy(zero_copy_only=False)
    boxes[given] = np.asarray(values, np.float32).reshape(-1, 4)
    return Predictions(
        classes=tuple(notes["classes"]),
        blank=notes["blank"],
        utc=notes["utc"],
        deployment=texts("deployment"),
        media=texts("media"),
        frame=numbers("frame"),
        time=seconds,
        duration=np.asarray(numbers("duration"), np.float64),
        detection=numbers("detection"),
        box=boxes,
        confidence=np.asarray(numbers("confidence"), np.float32),
        clarity=np.asarray(numbers("clarity"), np.float32),
        spread=numbers("spread"),
        probabilities=probabilities("p"),
        context=probabilities("c") if context else None,
        classifier=notes["classifier"],
        method=notes["method"],
    )


def load_pyarrow(part: str = "") -> Any:
    """Package pyarrow, or a module of it, loaded on first use."""
    with needs_extra("watch", "a predictions file (Parquet)"):
        return import_module(f"pyarrow.{part}" if part else "pyarrow")
