"""Final tables, put together from slices of parts in the order of the deployments."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from wolfdog.atomic import atomic_path, atomic_write
from wolfdog.text_files.spreadsheet import guarded

from ..predictions.arrow import load_pyarrow
from .plan import Record

ROWS = 8192
"""Rows of predictions.parquet in a row group."""

_BLOCK = 1 << 20


def assemble(out: Path, parts: Path, records: Sequence[Record], *, guard_formulas: bool = False) -> None:
    """Write the tables of all files together.

    The bytes depend on the results of the deployments and on their order, and not on the parts in which they lie.
    Memory is bounded by a row group.

    Args:
        out: Folder of results.
        parts: Folder of the parts.
        records: Finished deployments in order, at least one.
        guard_formulas: Whether names in errors.csv are written by `guarded`.

    Raises:
        OSError: A table cannot be written; it then stays as it was.
    """
    for name, spans in (
        ("moments.csv", [(record.part, *record.moments) for record in records]),
        ("events.csv", [(record.part, *record.events) for record in records]),
        ("evidence.csv", [(record.part, *record.evidence) for record in records]),
    ):
        first = parts / records[0].part / name
        if first.exists():
            with atomic_write(out / name, "wb") as file:
                _copy_head(file, first)
                for part, start, stop in _joined(spans):
                    _copy(file, parts / part / name, start, stop)
    _write_predictions(out / "predictions.parquet", parts, _joined((r.part, *r.rows) for r in records))
    _write_errors(out / "errors.csv", records, guard_formulas)


def _joined(spans: Iterable[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Spans without empty ones, neighbours in one part as one span."""
    last: tuple[str, int, int] | None = None
    for part, start, stop in spans:
        if start == stop:
            continue
        if last is not None and (last[0], last[2]) == (part, start):
            last = part, last[1], stop
            continue
        if last is not None:
            yield last
        last = part, start, stop
    if last is not None:
        yield last


def _copy_head(file: BinaryIO, source: Path) -> None:
    """Copy the line of column names, which may hold quoted line breaks."""
    quoted = False
    with source.open("rb") as lines:
        for line in lines:
            file.write(line)
            quoted ^= line.count(b'"') % 2 == 1
            if not quoted:
                return


def _copy(file: BinaryIO, source: Path, start: int, stop: int) -> None:
    with source.open("rb") as read:
        read.seek(start)
        while start < stop:
            block = read.read(min(_BLOCK, stop - start))
            if not block:
                raise OSError(
                    5, "shorter than the journal says; delete .wolfdog-job to begin anew", str(source)
                )
            file.write(block)
            start += len(block)


def _write_predictions(path: Path, parts: Path, spans: Iterator[tuple[str, int, int]]) -> None:
    parquet = load_pyarrow("parquet")
    first = next(spans, None)
    if first is None:
        sources = sorted(parts.glob("*/predictions.parquet"))[:1]
        schema = parquet.ParquetFile(sources[0]).schema_arrow
    else:
        schema = parquet.ParquetFile(parts / first[0] / path.name).schema_arrow
    with atomic_path(path) as beside, parquet.ParquetWriter(beside, schema, compression="zstd") as writer:
        for group in _groups(parts, path.name, first, spans):
            writer.write_table(_encoded(group, schema))


def _groups(
    parts: Path, name: str, first: tuple[str, int, int] | None, spans: Iterator[tuple[str, int, int]]
) -> Iterator[Any]:
    """Tables of `ROWS` rows each, the last one shorter."""
    pa = load_pyarrow()
    waiting: list[Any] = []
    count = 0
    while first is not None:
        for batch in _rows(parts / first[0] / name, first[1], first[2]):
            while count + batch.num_rows >= ROWS:
                room = ROWS - count
                yield pa.concat_tables([*waiting, batch.slice(0, room)])
                waiting, count, batch = [], 0, batch.slice(room)
            if batch.num_rows:
                waiting.append(batch)
                count += batch.num_rows
        first = next(spans, None)
    if waiting:
        yield pa.concat_tables(waiting)


def _rows(path: Path, start: int, stop: int) -> Iterator[Any]:
    """Rows of a part, some at a time, names as plain text."""
    pa, parquet = load_pyarrow(), load_pyarrow("parquet")
    at = 0
    with parquet.ParquetFile(path) as file:
        plain = pa.schema(
            [
                field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field
                for field in file.schema_arrow
            ]
        )
        for batch in file.iter_batches(batch_size=ROWS):
            low, high = max(start - at, 0), min(stop - at, batch.num_rows)
            if low < high:
                yield pa.Table.from_batches([batch.slice(low, high - low)]).cast(plain)
            at += batch.num_rows
            if at >= stop:
                return


def _encoded(table: Any, schema: Any) -> Any:
    """Table with the names as indices into a list, made anew for each group so that its bytes depend on it alone."""
    pa = load_pyarrow()
    table = table.combine_chunks()
    columns = [
        table.column(field.name).combine_chunks().dictionary_encode()
        if pa.types.is_dictionary(field.type)
        else table.column(field.name)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _write_errors(path: Path, records: Sequence[Record], guard_formulas: bool) -> None:
    """Write a line for each file that could not be read to its end; without any, there is no file."""
    if not any(record.troubles for record in records):
        path.unlink(missing_ok=True)
        return
    text = guarded if guard_formulas else str
    with atomic_write(path, newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["file", "error"])
        for record in records:
            lines.writerows([text(name), text(why)] for name, why in record.troubles)
