"""wolfdog watch: labels for every moment of videos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .options import Crop
from .screen import StageBars, complaints, console

if TYPE_CHECKING:
    from ..watch.recorder import Recorder, Watched


def watch(
    sources: Annotated[
        list[str], typer.Argument(help="Video files, or folders of them.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("watched"),
    classifier: Annotated[
        str,
        typer.Option(
            help="Image classifier: efficientnet-lite0, -lite1 or -lite2, onnx:FILE, timm:NAME, or the folder of a "
            "watcher that `wolfdog train` made.",
        ),
    ] = "efficientnet-lite0",
    classes: Annotated[
        str | None,
        typer.Option(
            help="TOML file that groups the classifier's classes under names of your own, or one that comes with "
            "wolfdog: animals, european-mammals, north-american-mammals, model-problem. own: the classes as they are.",
            show_default="animals, for classifiers of ImageNet's classes",
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="Memory or smoothing method over the predictions: memory, world-memory, hmm, mean, majority, "
            "frigate and others; none.",
            show_default="world-memory for the model problem's classes, else memory",
        ),
    ] = "auto",
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="Option of the method, as name=value: frames=9.", show_default=False),
    ] = None,
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
    crop: Annotated[Crop, typer.Option(help="How frames that are not square are fitted.")] = Crop.SQUEEZE,
    motion: Annotated[
        bool, typer.Option("--motion", help="Also classify what moves before a camera that stands still.")
    ] = False,
    detections: Annotated[
        Path | None,
        typer.Option(help="Classify the boxes of a results file of MegaDetector.", show_default=False),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(help="Classify the boxes that a YOLO network finds: onnx:FILE.", show_default=False),
    ] = None,
    fps: Annotated[float, typer.Option(help="Frames a second that are looked at.")] = 5.0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the classifier.")] = 1,
    cache: Annotated[
        bool, typer.Option(help="Keep what the classifier gave, so that no frame is classified twice.")
    ] = True,
    min_event: Annotated[
        float, typer.Option(min=0.0, help="Leave events shorter than this many seconds out of events.csv.")
    ] = 0.0,
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Also write each video with its labels beneath the pictures.")
    ] = False,
) -> None:
    """Label videos: for every moment a label from the frame alone, and one that remembers what came before.

    Each frame is classified by a pretrained network, and a memory reads the predictions in their order. Nothing has to
    be trained. Writes predictions.parquet, moments.csv and events.csv for all videos, and for each its subtitles (.vtt)
    and a timeline (.png).

    A video that cannot be read is reported, and the next one follows; the exit status is then 1.
    """
    from ..watch.labelling.loading import LabelOptions, load_labeller, load_model_labeller
    from ..watch.recorder import Recorder
    from ..watch.video.discover import named_videos

    videos = named_videos(sources)
    options = LabelOptions(
        classifier=classifier,
        classes=classes,
        method=method,
        method_options=tuple(option or ()),
        ahead=lookahead,
        crop=crop.value,
        fps=fps,
        motion=motion,
        detections=detections,
        detector=detector,
        threads=threads,
        cache=cache,
    )
    if model is not None and options != LabelOptions(ahead=lookahead, threads=threads, cache=cache):
        raise InputError(
            "--model brings its own classifier, classes, memory and frame rate: leave --classifier, --classes, "
            "--method, --option, --crop, --motion, --detections, --detector and --fps out."
        )
    labeller = (
        load_labeller(options)
        if model is None
        else load_model_labeller(model, ahead=lookahead, threads=threads, cache=cache)
    )
    watched: list[Watched] = []
    try:
        with Recorder(labeller, out, min_event=min_event, annotated=annotate) as recorder:
            _watch_all(recorder, videos, watched)
    except KeyboardInterrupt:
        complaints.print(
            f"wolfdog: interrupted; {out} holds the videos that were labelled until then",
            markup=False,
            soft_wrap=True,
        )
        raise typer.Exit(130) from None
    troubled = sum(one.trouble is not None for one in watched)
    moments = sum(one.moments for one in watched)
    seconds = sum(one.seconds for one in watched)
    console.print(
        f"{out}: {moments:,} moments of {seconds:,.0f} s of video in {len(watched) - troubled} of {len(watched)} "
        "videos",
        markup=False,
        soft_wrap=True,
    )
    if troubled:
        raise typer.Exit(1)


def _watch_all(recorder: "Recorder", videos: list[tuple[Path, str]], watched: list["Watched"]) -> None:
    stages = StageBars(len(videos))
    for path, name in videos:
        with stages(name, 1) as done:

            def progress(second: float, of: float | None) -> None:
                done(min(second / of, 1.0) if of else 0.0, f"{second:,.0f} s")

            watched.append(recorder.watch(path, name, progress))
        if watched[-1].trouble is not None:
            complaints.print(f"wolfdog: {watched[-1].trouble}", style="red", markup=False, soft_wrap=True)
