"""Predictions tables as Parquet files, read and written by pyarrow."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any

from wolfdog.atomic import atomic_path, name_file
from wolfdog.errors import InputError

from .arrow import from_arrow, load_pyarrow, schema_of, to_arrow
from .columns import class_names
from .table import Predictions

FORMAT_VERSION = 1
_KEY = b"wolfdog.predictions"


ROW_GROUP = 8192
"""Rows that a buffer holds before it writes them."""


class PredictionsWriter:
    """Context manager that writes a predictions file, table by table.

    The file is written atomically when the block ends without an error. Its columns are those of `Predictions`:
    deployment, media, frame, time (a timestamp in UTC with `utc`, else seconds), duration, detection, box (a list of
    four, or null), confidence, clarity, spread, `p_<class>` for each class and, with `context`, `c_<class>`. Unknown
    numbers are null. The file's metadata holds, under `wolfdog.predictions`, a JSON object with version, classes,
    blank, utc, classifier and method.

    Args:
        path: The file.
        classes: Names of the classes.
        blank: As of `Predictions`.
        utc: As of `Predictions`.
        context: Whether context probabilities are written.
        classifier: As of `Predictions`.
        method: As of `Predictions`.

    Raises:
        MissingPackageError: The package pyarrow is not installed.
        OSError: The file cannot be written.

    Examples:
        >>> import tempfile
        >>> table = Predictions.from_columns(["wolf", "dog"], [[0.9, 0.1]], time=[0.0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with PredictionsWriter(f"{folder}/seen.parquet", ["wolf", "dog"]) as writer:
        ...         writer.write(table)
        ...         writer.write(table)
        ...     len(read_predictions(f"{folder}/seen.parquet"))
        2
    """

    def __init__(
        self,
        path: str | PathLike[str],
        classes: Sequence[str],
        *,
        blank: str | None = None,
        utc: bool = False,
        context: bool = False,
        classifier: str = "",
        method: str = "",
    ) -> None:
        notes = {"version": FORMAT_VERSION, "classes": list(classes), "blank": blank, "utc": utc}
        notes |= {"classifier": classifier, "method": method}
        self._schema = schema_of(classes, utc, context).with_metadata({_KEY: json.dumps(notes)})
        self._form = tuple(classes), blank, utc, context
        self._path = path
        self._stack = ExitStack()
        self._writer: Any = None

    def __enter__(self) -> "PredictionsWriter":
        parquet = load_pyarrow("parquet")
        with ExitStack() as stack:
            beside = stack.enter_context(atomic_path(self._path))
            self._writer = stack.enter_context(
                parquet.ParquetWriter(beside, self._schema, compression="zstd")
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer = None
        self._stack.__exit__(kind, error, trace)

    def write(self, table: Predictions) -> None:
        """Append the rows of a table.

        Args:
            table: The table.

        Raises:
            InputError: Its classes, blank, utc or the presence of a context differ from the writer's, or the writer is
                not open.
            OSError: The file cannot be written.
        """
        if self._writer is None:
            raise InputError("the writer is not open: write inside its `with` block.")
        form = table.classes, table.blank, table.utc, table.context is not None
        if form != self._form:
            raise InputError(
                "a table must agree with its writer in (classes, blank, utc, context): the writer has "
                f"{self._form}, the table {form}."
            )
        if len(table):
            rows = to_arrow(table, self._schema)
            try:
                self._writer.write_table(rows)
            except OSError as error:
                name_file(error, self._path)
                raise


class PredictionsBuffer:
    """Buffer before a writer: rows of small tables are written together, since small row groups make large files."""

    def __init__(self, writer: PredictionsWriter) -> None:
        self._writer = writer
        self._tables: list[Predictions] = []

    def add(self, table: Predictions) -> None:
        """Add rows."""
        self._tables.append(table)
        if sum(map(len, self._tables)) >= ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        if self._tables:
            self._writer.write(Predictions.concat(self._tables))
        self._tables = []


def write_predictions(path: str | PathLike[str], table: Predictions) -> None:
    """Write a table as a Parquet file, atomically; the columns are those of `PredictionsWriter`.

    Args:
        path: The file.
        table: The table.

    Raises:
        MissingPackageError: The package pyarrow is not installed.
        OSError: The file cannot be written.
    """
    with PredictionsWriter(
        path,
        table.classes,
        blank=table.blank,
        utc=table.utc,
        context=table.context is not None,
        classifier=table.classifier,
        method=table.method,
    ) as writer:
        writer.write(table)


def read_predictions(path: str | PathLike[str]) -> Predictions:
    """Table of a Parquet file that `PredictionsWriter` or `write_predictions` wrote.

    Args:
        path: The file.

    Returns:
        The table.

    Raises:
        InputError: The file is missing, damaged, no predictions file or of a newer version, or has an invalid column or
            value.
        MissingPackageError: The package pyarrow is not installed.
    """
    pa, parquet = load_pyarrow(), load_pyarrow("parquet")
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Expected a predictions file (Parquet).")
    try:
        table = parquet.read_table(path, memory_map=False)
        names = table.column_names  # decodes them
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: not a Parquet file, or damaged: {error}") from error
    notes = _notes(path, table.schema.metadata or {})
    classes, utc = notes["classes"], notes["utc"]
    context = any(name.startswith("c_") for name in names)
    if "clarity" not in names:  # files of earlier versions do not have it
        table = table.append_column("clarity", pa.nulls(table.num_rows, pa.float32()))
    try:
        table = table.select(schema_of(classes, utc, context).names).cast(schema_of(classes, utc, context))
        return from_arrow(table, notes, context)
    except (pa.ArrowException, KeyError, InputError) as error:
        raise InputError(f"{path}: not a sound predictions file: {error}") from error


def _notes(path: Path, metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """Checked notes of a file's metadata."""
    if _KEY not in metadata:
        raise InputError(
            f"{path}: a Parquet file, but not a predictions file: its metadata has no {_KEY.decode()!r}. "
            f"Write it with wolfdog.watch.predictions.write_predictions."
        )
    try:
        notes = json.loads(metadata[_KEY])
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: its metadata is not JSON that can be read: {error}") from error
    if not isinstance(notes, dict) or not isinstance(notes.get("version"), int):
        raise InputError(f"{path}: its metadata names no format version.")
    if notes["version"] > FORMAT_VERSION:
        raise InputError(
            f"{path}: format version {notes['version']}, this wolfdog reads up to {FORMAT_VERSION}. Update it."
        )
    classes, blank = notes.get("classes"), notes.get("blank")
    sound = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    sound &= blank is None or isinstance(blank, str)
    sound &= isinstance(notes.get("utc"), bool)
    sound &= all(isinstance(notes.get(name), str) for name in ("classifier", "method"))
    if not sound:
        raise InputError(
            f"{path}: its metadata must hold classes (a list of names), blank (a name or null), utc (true or "
            f"false), classifier and method (texts)."
        )
    try:
        class_names(notes["classes"], blank)
    except InputError as error:
        raise InputError(f"{path}: not a sound predictions file: {error}") from error
    return notes
