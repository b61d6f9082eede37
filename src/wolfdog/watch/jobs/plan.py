"""Plan of a job: deployments with keys by which finished ones are known."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Any

from ..classifiers.array_cache import content_digest
from ..video.media import Medium
from .signature import signature_of

VIDEO_BYTES = 500_000
"""Bytes of video that take as long as opening one and drawing its timeline."""

_WEIGHTS = (".safetensors", ".toml", ".onnx", ".json")


@dataclass(frozen=True, slots=True)
class Deployment:
    """Deployment of a job.

    Args:
        key: Text that changes when one of its files does.
        media: Its files in the order of time.
        images: Number of images.
        bytes: Size of its videos in bytes, and `VIDEO_BYTES` for each, as a measure of the work.
    """

    key: str
    media: Sequence[Medium]
    images: int
    bytes: int

    @property
    def name(self) -> str:
        """Name of the deployment."""
        return self.media[0].deployment


def plan(groups: Iterable[Sequence[Medium]], *, utc: bool) -> Iterator[Deployment]:
    """Deployments with their keys.

    A key depends on name, size, time of change, deployment and recording time of each file.

    Args:
        groups: Media of each deployment; see `by_deployment`.
        utc: Whether times are written in UTC, which depends on all files together.

    Yields:
        The deployments.
    """
    for media in groups:
        text = [f"utc {utc}"]
        size = images = 0
        for medium in media:
            found = signature_of(medium)
            images += medium.image
            if found is not None and not medium.image:
                size += found[0] + VIDEO_BYTES
            text.append(repr((medium.name, medium.deployment, found, medium.utc, medium.local)))
        key = hashlib.sha256("\n".join(text).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        yield Deployment(key, media, images, size)


def identity_of(options: Mapping[str, Any]) -> str:
    """Identity of a job: a digest of its options, of the files that they name, and of wolfdog's version.

    Args:
        options: Options by name; texts and paths that name existing files stand for their content.

    Returns:
        The identity, 16 hexadecimal digits.

    Raises:
        OSError: A file that an option names cannot be read.
    """
    text = json.dumps([version("wolfdog"), sorted(options.items())], default=str)
    digests = [_digest(str(value)) for _, value in sorted(options.items()) if isinstance(value, str | Path)]
    return hashlib.sha256("\n".join([text, *digests]).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _digest(value: str) -> str:
    """Digest of the file, or of the model's folder, that an option names: `onnx:FILE` or `FILE`."""
    for name in (value, value.partition(":")[2]):
        path = Path(name) if name else None
        if path is None or not path.exists():
            continue
        files = [path] if path.is_file() else sorted(f for f in path.iterdir() if f.suffix in _WEIGHTS)
        beside = [path.with_suffix(end) for end in (".json", ".toml")] if path.is_file() else []
        return " ".join(content_digest(f) for f in (*files, *beside) if f.is_file())
    return ""


@dataclass(frozen=True, slots=True)
class Record:
    """Entry of the journal: where the results of one deployment lie in a part.

    Args:
        key: Key of the deployment.
        part: Name of the part.
        moments: First and last byte of its lines in moments.csv.
        events: The same of events.csv.
        evidence: The same of evidence.csv.
        rows: First and last row of predictions.parquet.
        media: Number of files.
        images: Number of images among them.
        whole: Number of files without trouble.
        labelled: Number of moments.
        seconds: Seconds of labelled video.
        troubles: Name and reason of each file that could not be read to its end.
        settled: Whether another run would find the same: a file that vanished is looked at again.
        files: Files beside the tables, by their paths in the part.
    """

    key: str
    part: str
    moments: tuple[int, int]
    events: tuple[int, int]
    evidence: tuple[int, int]
    rows: tuple[int, int]
    media: int
    images: int
    whole: int
    labelled: int
    seconds: float
    troubles: tuple[tuple[str, str], ...]
    settled: bool
    files: tuple[str, ...]

    def entry(self) -> dict[str, Any]:
        """Entry of the journal."""
        return asdict(self)

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "Record":
        """Record of an entry of the journal.

        Args:
            entry: The entry, whose line was found intact.

        Returns:
            The record.

        Raises:
            KeyError: A field is missing.
            TypeError: A field is of another type.
            ValueError: A field has another number of values, a text that is no number, or a path that leads out of
                the part.
        """
        values = {field.name: entry[field.name] for field in fields(cls)}
        for name in ("moments", "events", "evidence", "rows"):
            first, last = values[name]
            values[name] = int(first), int(last)
        for name in ("media", "images", "whole", "labelled"):
            values[name] = int(values[name])
        values["key"], values["part"] = str(values["key"]), str(values["part"])
        values["seconds"] = float(values["seconds"])
        values["troubles"] = tuple((str(name), str(why)) for name, why in values["troubles"])
        values["files"] = tuple(str(name) for name in values["files"])
        if not all(_is_within(name) for name in (values["part"], *values["files"])):
            raise ValueError("a name leads out of the folder")
        return cls(**values)


def _is_within(name: str) -> bool:
    path = PurePath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts
