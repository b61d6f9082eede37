"""HTML page of a report: one file, with its style, its program and its data within it."""

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from os import PathLike
from pathlib import Path
from string import Template
from typing import Any

import wolfdog
from wolfdog.atomic import atomic_write

from .content import Content, report_content
from .results_folder import FolderResults, read_folder
from .row_runs import in_stream_order
from .thumbnail_choice import Pictures, choose_thumbnails

_SCRIPTS = ("elements", "model", "answers", "list", "charts", "timelines", "review", "start")


@dataclass(frozen=True)
class Report:
    """Summary of a written report.

    Attributes:
        path: The page.
        events: Number of events.
        disagreements: Number of runs in which the two labels disagree.
        thumbnails: Number of thumbnails in the page.
        missing: Number of videos and images that were looked for and not found.
    """

    path: Path
    events: int
    disagreements: int
    thumbnails: int
    missing: int


def write_report(
    place: str | PathLike[str],
    out: str | PathLike[str],
    *,
    title: str | None = None,
    thumbnails: int = 60,
    media: Sequence[str | PathLike[str]] = (),
) -> Report:
    """Write the results in a folder as one HTML page, atomically.

    Args:
        place: Folder of `wolfdog watch` or `wolfdog smooth`, or one file of smoothed results.
        out: The page.
        title: Its title; None for the name of the folder.
        thumbnails: Largest number of thumbnails.
        media: Folders of the videos and images; the folder of the results, the one around it and the current one are
            looked into as well.

    Returns:
        What the page holds.

    Raises:
        InputError: There are no results with context labels, or a file of them is damaged.
        OSError: A file cannot be read or written.

    Examples:
        >>> import tempfile
        >>> from wolfdog.watch.predictions import Predictions, write_predictions
        >>> table = Predictions.from_columns(
        ...     ["wolf", "dog"], [[0.4, 0.6], [0.9, 0.1]], context=[[0.8, 0.2], [0.9, 0.1]], media="a.mp4", time=[0, 1]
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_predictions(f"{folder}/predictions.parquet", table)
        ...     write_report(folder, f"{folder}/report.html").disagreements
        1
    """
    place, out = Path(place), Path(out)
    results = read_folder(place)
    table = in_stream_order(results.table)
    content = report_content(results, table)
    folder = place if place.is_dir() else place.parent
    roots = [*map(Path, media), folder, folder.resolve().parent, Path.cwd()]
    pictures = choose_thumbnails(table, content, roots, thumbnails)
    content |= _settings(results, title or place.resolve().name)
    content["pictures"] = {str(row): base64.b64encode(data).decode() for row, data in pictures.data.items()}
    with atomic_write(out) as file:
        file.write(page_of(content))
    return _summary(out, content, pictures)


def _summary(out: Path, content: Content, pictures: Pictures) -> Report:
    return Report(
        out, len(content["events"]), len(content["disagreements"]), len(pictures.data), pictures.missing
    )


def _settings(results: FolderResults, title: str) -> dict[str, Any]:
    """Title, settings and versions."""
    written = datetime.fromtimestamp(results.files[0].stat().st_mtime).astimezone()
    table = results.table
    settings = [
        ["Classifier", table.classifier or "not named in the results"],
        ["Method of the context labels", table.method or "not named in the results"],
        ["Classes", f"{len(table.classes)}" + (f"; blank: {table.blank}" if table.blank else "")],
        ["Results", ", ".join(path.name for path in results.files)],
        ["Results written", written.isoformat(" ", "seconds")],
        ["Page written", datetime.now().astimezone().isoformat(" ", "seconds")],
        ["Version of the page", f"wolfdog {wolfdog.__version__}"],
    ]
    return {"title": title, "settings": settings}


def page_of(content: Content) -> str:
    """HTML of a report's content.

    The content is JSON in an element that does not run; no name of it becomes markup. The policy of the page allows its
    own style and program by their hashes and nothing else, and no connection.

    Args:
        content: As of `report_content`, with title, settings and pictures.

    Returns:
        The page.
    """
    folder = files("wolfdog.watch.report") / "page"

    def text(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    style = text("report.css")
    script = '"use strict";\n' + "\n".join(text(f"{name}.js") for name in _SCRIPTS)
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(text("report.html")).substitute(
        title=html.escape(_plain(content["title"])),
        policy=html.escape(policy),
        style=style,
        script=script,
        data=embedded_json(content),
    )


def _plain(text: str) -> str:
    """Text without the halves of characters that names of files may hold, which UTF-8 cannot write."""
    return text.encode("utf-8", "replace").decode()


def _hash(text: str) -> str:
    """Source expression of a text for a content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def embedded_json(content: Any) -> str:
    """JSON for a script element of HTML: plain ASCII, without any `<`, `>` or `&`.

    Examples:
        >>> embedded_json("</script>")
        '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
