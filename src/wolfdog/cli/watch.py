"""wolfdog watch: labels for every moment of videos."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .live_sources import folders_of, watch_live
from .options import (
    Classes,
    Classifier,
    Crop,
    Deployments,
    Detections,
    Detector,
    DetectorClasses,
    Fit,
    FrameRate,
    MaxPixels,
    Method,
    MethodOptions,
    Stall,
    Threads,
)
from .screen import complaints, console
from .signals import status_of
from .watch_job import watch_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..watch.jobs.workers import Loader
    from ..watch.recorder import Recorder, Watched
    from ..watch.video.media import Medium


def watch(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Videos, images, folders of them, a COCO Camera Traps JSON file, a Camtrap DP package, the address of "
            "files in object storage (s3://bucket/folder), camera:0, the address of a stream (rtsp://, http://, "
            "udp://), or - for a list on standard input. Several cameras and streams are watched at once, each in a "
            "folder of its own.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str,
        typer.Option(help="Folder for the results, or its address in object storage (s3://bucket/folder)."),
    ] = "watched",
    classifier: Classifier = "efficientnet-lite0",
    classes: Classes = None,
    method: Method = "auto",
    option: MethodOptions = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Folder of a watcher that `wolfdog train` made, which brings its own classifier and memory; "
            "painted-television is the one for `wolfdog tv`.",
            show_default=False,
        ),
    ] = None,
    lookahead: Annotated[
        bool, typer.Option("--lookahead", help="Let the memory read later frames too: better, but not live.")
    ] = False,
    crop: Fit = Crop.SQUEEZE,
    motion: Annotated[
        bool, typer.Option("--motion", help="Also classify moving regions, for a camera that stands still.")
    ] = False,
    detections: Detections = None,
    detector: Detector = None,
    detector_classes: DetectorClasses = None,
    fps: FrameRate = 5.0,
    skip_still: Annotated[
        bool,
        typer.Option(
            "--skip-still",
            help="Look only at frames in which something moves, and at one every two seconds otherwise.",
        ),
    ] = False,
    threads: Threads = 1,
    cache: Annotated[
        bool, typer.Option(help="Keep what the classifier gave, so that no frame is classified twice.")
    ] = True,
    min_event: Annotated[
        float, typer.Option(min=0.0, help="Leave events shorter than this many seconds out of events.csv.")
    ] = 0.0,
    event_gap: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Let an event run on into the next file of a deployment that begins within this many seconds.",
        ),
    ] = 60.0,
    deployments: Annotated[
        Deployments,
        typer.Option(
            help="Files through which one memory runs: folder, those of a folder; file, each on its own; auto, images "
            "by folder, with the videos of the same camera, and other videos on their own."
        ),
    ] = Deployments.AUTO,
    zone: Annotated[
        str | None,
        typer.Option(help="Time zone of the cameras: Europe/Berlin, or +02:00.", show_default=False),
    ] = None,
    time_pattern: Annotated[
        str | None,
        typer.Option(help="Times in file names, as '*_%Y%m%d_%H%M%S*'; before EXIF.", show_default=False),
    ] = None,
    shift_time: Annotated[
        list[str] | None,
        typer.Option(
            help="Correct a clock that was set wrong: DEPLOYMENT=+1h, or as -2d3h30m5s.", show_default=False
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(help="End a live source after this many seconds.", show_default="until Ctrl-C"),
    ] = None,
    stall: Stall = 10.0,
    max_pixels: MaxPixels = 100_000_000,
    max_download: Annotated[
        int,
        typer.Option(min=1, help="Refuse files in object storage that are larger than this many megabytes."),
    ] = 20_000,
    all_probabilities: Annotated[
        bool,
        typer.Option(
            "--all-probabilities",
            help="Also write the probability of every class to moments.csv; predictions.parquet always has them.",
        ),
    ] = False,
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Also write each video with its labels beneath the pictures.")
    ] = False,
    clips: Annotated[
        bool,
        typer.Option(
            "--clips",
            help="Also cut each event but those of unknown and blank out of its video, into the folder clips.",
        ),
    ] = False,
    clip_margin: Annotated[
        float, typer.Option(min=0.0, help="Seconds of a clip before and after its event.")
    ] = 2.0,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that label deployments side by side; one for each core.")
    ] = 1,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Label on a Ray cluster instead, whose machines reach the files under the same paths: its address, or "
            "auto, or local.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how much there is to do, and write nothing.")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Let results of an earlier run into the same folder leave its tables: those of other files, or of a "
            "live source.",
        ),
    ] = False,
    guard_formulas: Annotated[
        bool,
        typer.Option(
            "--guard-formulas",
            help="Write an apostrophe before names and labels that a spreadsheet would take for a formula.",
        ),
    ] = False,
) -> None:
    """Label videos and images: for every moment a label from the frame alone, and one that remembers what came before.

    Each frame is classified by a pretrained network, and a memory reads the predictions in their order. Nothing has to
    be trained. Writes predictions.parquet, moments.csv and events.csv for all files, and for each video its subtitles
    (.vtt) and a timeline (.png).

    The memory runs through the files of a deployment, one camera at one place, in the order of time, and reads the
    seconds between them. A file that cannot be read is a line of errors.csv, and the next one follows; the exit status
    is then 1. The same command again goes on where it was stopped, and labels files that are new or have changed.
    """
    from ..watch.jobs.job_options import JobOptions
    from ..watch.jobs.ray_cluster import run_on_ray
    from ..watch.jobs.remote_results import RemoteResults
    from ..watch.labelling.loading import LabelOptions, load_labeller, load_model_labeller
    from ..watch.recorder import Recorder, RecordOptions
    from ..watch.video.camera_dates import DateOptions
    from ..watch.video.listing import ListOptions, list_media, parse_shift, source_roots
    from ..watch.video.live_address import LiveOptions
    from ..watch.video.media import all_utc

    listing = ListOptions(
        dates=DateOptions(zone=zone, pattern=time_pattern),
        grouping=deployments.value,
        shifts=dict(parse_shift(text) for text in shift_time or []),
        live=LiveOptions(seconds=duration, stall=stall, max_pixels=max_pixels),
        largest=max_download * 1_000_000,
    )
    options = LabelOptions(
        classifier=classifier,
        classes=classes,
        method=method,
        method_options=tuple(option or ()),
        ahead=lookahead,
        crop=crop.value,
        fps=fps,
        skip_still=skip_still,
        motion=motion,
        detections=detections,
        detector=detector,
        detector_classes=tuple(name.strip() for name in (detector_classes or "").split(",") if name.strip()),
        threads=threads,
        cache=cache,
        max_pixels=max_pixels,
    )
    plain = LabelOptions(ahead=lookahead, threads=threads, cache=cache, max_pixels=max_pixels)
    if model is not None and options != plain:
        raise InputError(
            "--model brings its own classifier, classes, memory and frame rate: leave --classifier, --classes, "
            "--method, --option, --crop, --motion, --detections, --detector, --detector-classes, --fps and "
            "--skip-still out."
        )
    remote = RemoteResults.at(out)
    folder = Path(out) if remote is None else remote.folder
    media = list_media(sources, listing)
    live = [medium for medium in media if medium.live is not None]
    files = [medium for medium in media if medium.live is None]
    if live and (annotate or clips or lookahead or motion or detections is not None or detector is not None):
        raise InputError(
            f"{live[0].name}: a live source is read once, as it comes. Leave --annotate, --clips, --lookahead, "
            "--motion, --detections and --detector out."
        )
    if live and remote is not None:
        raise InputError(
            f"{out}: the results of a live source grow as it is watched, and object storage takes whole files alone. "
            "Choose a folder for --out."
        )
    loader: Loader = (
        partial(load_labeller, options)
        if model is None
        else partial(
            load_model_labeller, model, ahead=lookahead, threads=threads, cache=cache, max_pixels=max_pixels
        )
    )
    folders = folders_of(live, folder, alone=not files, replace=replace)
    status = 0
    if files or dry_run:
        record = RecordOptions(
            min_event=min_event,
            event_gap=event_gap,
            annotated=annotate,
            clips=clip_margin if clips else None,
            utc=all_utc(files),
            all_probabilities=all_probabilities,
            guard_formulas=guard_formulas,
        )
        named = {**asdict(options), "threads": 1, "cache": True, "model": model}
        job = JobOptions(
            record=record,
            labels=named,
            workers=workers,
            threads=threads,
            runner=None if ray is None else partial(run_on_ray, address=ray, processes=workers),
            sources=source_roots(sources),
            replace=replace,
        )
        status = watch_files(files, folder, loader, job, dry_run=dry_run, remote=remote)
    if live and status <= 1 and not dry_run:
        labeller = loader()

        def recorder(place: Path) -> Recorder:
            return Recorder(
                labeller,
                place,
                min_event=min_event,
                event_gap=event_gap,
                utc=all_utc(live),
                all_probabilities=all_probabilities,
                guard_formulas=guard_formulas,
            )

        status = max(status, _watch_live(live, folders, recorder, out=folder, duration=duration))
    if status:
        raise typer.Exit(status)


def _watch_live(
    live: list["Medium"],
    folders: list[Path],
    recorder: "Callable[[Path], Recorder]",
    *,
    out: Path,
    duration: float | None,
) -> int:
    """Label live sources until they end; the exit status."""
    try:
        watched = watch_live(live, folders, recorder, duration=duration)
    except KeyboardInterrupt as error:
        complaints.print(
            f"wolfdog: interrupted; {out} holds what was labelled until then", markup=False, soft_wrap=True
        )
        return status_of(error)
    for one in watched:
        if one.trouble is not None:
            complaints.print(f"wolfdog: {one.trouble}", style="red", markup=False, soft_wrap=True)
    console.print(f"{out}: {_summary(watched)}", markup=False, soft_wrap=True)
    return int(any(one.trouble is not None for one in watched))


def _summary(watched: list["Watched"]) -> str:
    """Summary of the live sources on one line."""
    moments, seconds = sum(one.moments for one in watched), sum(one.seconds for one in watched)
    whole = sum(one.trouble is None for one in watched)
    return f"{moments:,} moments of {seconds:,.0f} s of video in {whole} of {len(watched)} videos"
