"""Exports of smoothed results by name."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import groupby
from pathlib import Path

from wolfdog.errors import InputError

from ..output.sinks import EventsCSV, MomentsCSV, WebVTT
from ..predictions import Predictions
from .camtrap_dp import write_camtrap_dp
from .camtrap_places import Place
from .label_studio import write_label_studio
from .parquet_tables import write_events_parquet, write_moments_parquet
from .result_moments import result_moments
from .subrip import SubRip

NAMES = (
    *("moments-csv", "moments-parquet", "events-csv", "events-parquet"),
    *("webvtt", "srt", "label-studio", "camtrap-dp"),
)


def export_results(
    table: Predictions, base: Path, names: list[str], *, places: Mapping[str, Place] | None = None
) -> list[Path]:
    """Write smoothed results in other formats, each beside a file.

    | name | file |
    | --- | --- |
    | `moments-csv`, `moments-parquet` | BASE.moments.csv, BASE.moments.parquet |
    | `events-csv`, `events-parquet` | BASE.events.csv, BASE.events.parquet |
    | `webvtt`, `srt` | the folder BASE.webvtt or BASE.srt, with a file for each video |
    | `label-studio` | BASE.label-studio.json |
    | `camtrap-dp` | the folder BASE.camtrap-dp |

    Args:
        table: Predictions with a context.
        base: Path whose name the names of the files begin with.
        names: Some of `NAMES`.
        places: Place of each deployment, for `camtrap-dp`.

    Returns:
        Paths of the files and folders.

    Raises:
        InputError: There is no such export, or it needs times or places that are not known.
        OSError: A file cannot be written.
    """
    check_names(names)
    writers: dict[str, tuple[str, Callable[[Path], None]]] = {
        "moments-csv": ("moments.csv", partial(_moments_csv, table)),
        "moments-parquet": (
            "moments.parquet",
            lambda path: write_moments_parquet(path, result_moments(table), table.classes),
        ),
        "events-csv": ("events.csv", partial(_events_csv, table)),
        "events-parquet": ("events.parquet", lambda path: write_events_parquet(path, result_moments(table))),
        "webvtt": ("webvtt", partial(_subtitles, table, WebVTT, ".vtt")),
        "srt": ("srt", partial(_subtitles, table, SubRip, ".srt")),
        "label-studio": ("label-studio.json", lambda path: write_label_studio(path, table)),
        "camtrap-dp": ("camtrap-dp", lambda path: write_camtrap_dp(path, table, places or {})),
    }
    written = []
    for name in dict.fromkeys(names):
        ending, write = writers[name]
        path = base.with_name(f"{base.name}.{ending}")
        write(path)
        written.append(path)
    return written


def check_names(names: list[str]) -> None:
    """InputError for a name that is no export's.

    Args:
        names: To be checked.
    """
    for name in names:
        if name not in NAMES:
            raise InputError(f"--export must be one of {', '.join(NAMES)}; got {name!r}.")


def _moments_csv(table: Predictions, path: Path) -> None:
    with MomentsCSV(path, table.classes) as sink:
        for moment in result_moments(table):
            sink.write(moment)


def _events_csv(table: Predictions, path: Path) -> None:
    with EventsCSV(path) as sink:
        for moment in result_moments(table):
            sink.write(moment)


def _subtitles(table: Predictions, kind: type[WebVTT] | type[SubRip], suffix: str, folder: Path) -> None:
    """A file for each video, that is each medium of several frames, under its own path."""
    moments = sorted(result_moments(table), key=lambda moment: (moment.video, moment.time))
    videos = [(name, list(group)) for name, group in groupby(moments, key=lambda moment: moment.video)]
    films = [(name, group) for name, group in videos if len(group) > 1]
    if not films:
        raise InputError("subtitles: these results hold no video, only single pictures.")
    for name, group in films:
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        path = folder.joinpath(*parts[:-1], f"{parts[-1] if parts else 'video'}{suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with kind(path) as sink:
            for moment in group:
                sink.write(moment)
