"""BORIS's exports of events: aggregated or tabular, and its project files.

Source: https://www.boris.unito.it/user_guide/export_events/
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wolfdog.errors import LabelsError
from wolfdog.text_files.json_file import read_json

from .rows import LabelRow
from .times import seconds_of_text

_MEDIA = ("Media file name", "Media file path", "Media file", "Source")
_STATUS = ("Behavior type", "Status")
_INSTANT = 1e-3
"""Seconds that a point event lasts."""


def is_events_table(numbered: Sequence[tuple[int, Sequence[str]]]) -> bool:
    """Whether a table is an export of BORIS; older versions have lines of notes before the header."""
    return any("Behavior" in fields and _column(fields, _MEDIA) is not None for _, fields in numbered[:40])


def events_table(
    path: Path, numbered: Sequence[tuple[int, Sequence[str]]], problems: list[str]
) -> Iterator[LabelRow]:
    """Rows of an export: the behaviour is the label.

    Of aggregated events, a row has start and stop. Of tabular events, a row has one time and START, STOP or POINT.

    Args:
        path: Of the file.
        numbered: Its lines with their numbers.
        problems: Receives a message for each event that cannot be read.
    """
    head = next(at for at, (_, fields) in enumerate(numbered) if "Behavior" in fields)
    header = [name.strip() for name in numbered[head][1]]
    media = _column(header, _MEDIA)
    if media is None:
        raise LabelsError(f"{path}: expected the column Media file name in an export of BORIS.")
    open_states: dict[tuple[str, str, str], tuple[float, str]] = {}
    for number, fields in numbered[head + 1 :]:
        where = f"{path}, line {number}"
        row = dict(zip(header, fields, strict=False))
        name, label = _file(row.get(header[media], "")), row.get("Behavior", "").strip()
        try:
            if "Start (s)" in header:
                start = seconds_of_text(row.get("Start (s)", ""), "Start (s)")
                stop = seconds_of_text(row.get("Stop (s)", "") or str(start), "Stop (s)")
                yield LabelRow(
                    where=where, media=name, label=label, start=start, end=max(stop, start + _INSTANT)
                )
                continue
            time = seconds_of_text(row.get("Time", ""), "Time")
        except LabelsError as error:
            problems.append(f"{where}: {error}")
            continue
        status = next((row[column].strip().upper() for column in _STATUS if row.get(column)), "POINT")
        key = (name, row.get("Subject", ""), label)
        if status == "POINT":
            yield LabelRow(where=where, media=name, label=label, start=time, end=time + _INSTANT)
        elif status == "START" and key not in open_states:
            open_states[key] = time, where
        elif status == "STOP" and key in open_states:
            yield LabelRow(where=where, media=name, label=label, start=open_states.pop(key)[0], end=time)
        else:
            problems.append(f"{where}: {label}: {status} follows a {status} of {name}. Correct it in BORIS.")
    for (name, _, label), (time, where) in open_states.items():
        problems.append(
            f"{where}: {label} begins at {time:g} s of {name} and never stops. Correct it in BORIS."
        )


def read_project(path: Path, problems: list[str]) -> Iterator[LabelRow]:
    """Rows of a project file (`.boris`): of each observation, the events of its first player.

    Args:
        path: Of the file.
        problems: Receives a message for each event that cannot be read.

    Raises:
        LabelsError: The file is no project of BORIS.
        InputError: It is no JSON.
        OSError: It cannot be read.
    """
    document = read_json(path)
    observations = document.get("observations") if isinstance(document, dict) else None
    if not isinstance(observations, dict):
        raise LabelsError(f"{path}: expected a project of BORIS with its observations.")
    behaviours = document.get("behaviors_conf")
    points = {
        str(conf.get("code"))
        for conf in (behaviours.values() if isinstance(behaviours, dict) else ())
        if isinstance(conf, dict) and "point" in str(conf.get("type", "")).lower()
    }
    for title, observation in observations.items():
        where = f"{path}, observation {title!r}"
        try:
            yield from _observation(observation, points, where, problems)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            problems.append(f"{where}: cannot be understood: {error!r}.")


def _observation(
    observation: Mapping[str, Any], points: set[str], where: str, problems: list[str]
) -> Iterator[LabelRow]:
    files = observation["file"]
    first = files["1"] if isinstance(files, dict) else files
    if not first:
        return
    name = str(first[0])
    open_states: dict[tuple[str, str], float] = {}
    for time, subject, label, *_ in sorted(observation["events"], key=lambda event: float(event[0])):
        if not isinstance(label, str):
            raise TypeError(f"a behaviour has a name, got {label!r}")
        key, at = (str(subject), label), float(time)
        if label in points:
            yield LabelRow(where=where, media=name, label=label, start=at, end=at + _INSTANT)
        elif key in open_states:
            yield LabelRow(where=where, media=name, label=label, start=open_states.pop(key), end=at)
        else:
            open_states[key] = at
    for (_, label), at in open_states.items():
        problems.append(f"{where}: {label} begins at {at:g} s and never stops. Correct it in BORIS.")


def _column(header: Sequence[str], names: Sequence[str]) -> int | None:
    plain = [name.strip() for name in header]
    return next((plain.index(name) for name in names if name in plain), None)


def _file(text: str) -> str:
    """Name of the file of a field, which may begin with the number of the player."""
    text = text.strip()
    return text.partition(":")[2].strip() if text.lower().startswith("player #") else text
