"""Labels of any format, read whole before any video is opened."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from wolfdog.errors import InputError, LabelsError
from wolfdog.text_files.json_file import read_json

from . import array_labels, boris, camera_traps, csv_labels, label_studio
from .rows import LabelRow, table_of
from .table import LabelTable


def read_labels(path: str | PathLike[str], *, merge_spellings: bool = False) -> LabelTable:
    """Labels of a file, by its format.

    A table (.csv, .tsv, .txt) with a row for each span, file or sequence; BORIS's exports (.csv, .tsv) and projects
    (.boris); a COCO Camera Traps file or an export of Label Studio (.json); a Camtrap DP package (its folder or
    datapackage.json); NumPy arrays (.npy, or a folder of them).

    Args:
        path: File or folder.
        merge_spellings: Whether labels that differ in capital letters or spaces alone are one class.

    Returns:
        Spans of each video, in order of time, by the names that the file has.

    Raises:
        LabelsError: The file is missing, empty or of no known format, or holds a label that is not valid; the message
            names the place in the file.

    Examples:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "labels.csv"
        >>> _ = file.write_text("video;start;end;label\\na.mp4;0;00:00:02,5;wolf\\n")
        >>> read_labels(file)["a.mp4"]
        [LabelSpan(start=0.0, end=2.5, label='wolf', look='', channel='', unit='seconds', bag='')]
    """
    table, problems = examine_labels(path, merge_spellings=merge_spellings)
    if problems:
        more = f" ({len(problems) - 1} more; `wolfdog labels check` shows all)" if len(problems) > 1 else ""
        raise LabelsError(problems[0] + more)
    return table


def examine_labels(
    path: str | PathLike[str], *, merge_spellings: bool = False
) -> tuple[LabelTable, list[str]]:
    """Labels of a file, and all that is wrong with them.

    Args:
        path: As for `read_labels`.
        merge_spellings: As for `read_labels`.

    Returns:
        The sound labels, and a message for each fault.

    Raises:
        LabelsError: Nothing of the file can be read.
    """
    path = Path(path)
    problems: list[str] = []
    try:
        table, more = table_of(_rows(path, problems), merge_spellings=merge_spellings)
    except OSError as error:
        raise LabelsError(f"{path}: cannot be read: {error.strerror or error}. Check the path.") from error
    except LabelsError:
        raise
    except InputError as error:
        raise LabelsError(str(error)) from error
    problems += [text if str(path) in text else f"{path}: {text}" for text in more]
    if not table and not problems:
        raise LabelsError(f"{path}: expected at least one span, got none. Add a row per span.")
    return table, problems


def _rows(path: Path, problems: list[str]) -> Iterable[LabelRow]:
    suffix = path.suffix.lower()
    if path.name == "datapackage.json" or (path / "datapackage.json").is_file():
        return camera_traps.read_camtrap_dp(path, problems)
    if path.is_dir() or suffix == ".npy":
        return array_labels.read_arrays(path, problems)
    if suffix == ".boris":
        return boris.read_project(path, problems)
    if suffix == ".json":
        document = read_json(path)
        if label_studio.is_export(document):
            return label_studio.read_label_studio(path, document, problems)
        if isinstance(document, dict) and "observations" in document:
            return boris.read_project(path, problems)
        if isinstance(document, dict) and "images" in document:
            return camera_traps.read_coco_camera_traps(path, document, problems)
        raise LabelsError(
            f"{path}: expected a COCO Camera Traps file, an export of Label Studio (JSON), or a BORIS project."
        )
    return csv_labels.read_csv(path, problems)
