"""wolfdog watch: label videos, moment by moment."""

from pathlib import Path
from typing import Annotated

import typer

from .screen import StageBars, complaints, console


def watch(
    source: Annotated[str, typer.Argument(help="A video file, or a folder of them.")],
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("watched"),
    model: Annotated[
        Path | None,
        typer.Option(
            help="A trained watcher.",
            show_default="the one that comes with wolfdog, for painted television",
        ),
    ] = None,
    min_event: Annotated[
        float, typer.Option(min=0.0, help="Leave events shorter than this many seconds out of events.csv.")
    ] = 0.0,
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Also write each video with its labels beneath the pictures.")
    ] = False,
) -> None:
    """Watch videos: for every moment a label from the frame alone, and one that remembers what came before.

    Writes moments.csv and events.csv for all videos, and for each a .vtt with subtitles and a .png with its timeline;
    with a memory that is searched also evidence.csv, and an .evidence.png with the past frames that predictions
    rest on. A video that cannot be read is told, and the next one goes on; the exit status is then 1.
    """
    from ..watch.model.watcher import Watcher
    from ..watch.recorder import Recorder, Watched
    from ..watch.video.discover import display_name, find_videos

    videos = find_videos(source)
    watcher = Watcher.load(model)
    stages = StageBars(len(videos))
    watched: list[Watched] = []
    try:
        with Recorder(watcher, out, min_event, annotate) as recorder:
            for path in videos:
                name = display_name(path, source)
                with stages(name, 1) as done:
                    watched.append(
                        recorder.watch(
                            path,
                            name,
                            lambda second, of: done(min(second / of, 1.0) if of else 0.0, f"{second:,.0f} s"),
                        )
                    )
                if watched[-1].trouble is not None:
                    complaints.print(
                        f"wolfdog: {watched[-1].trouble}", style="red", markup=False, soft_wrap=True
                    )
    except KeyboardInterrupt:
        complaints.print(
            f"wolfdog: interrupted; {out} holds what was watched until then", markup=False, soft_wrap=True
        )
        raise typer.Exit(130) from None
    troubled = sum(one.trouble is not None for one in watched)
    seen = sum(one.moments for one in watched)
    seconds = sum(one.seconds for one in watched)
    console.print(
        f"{out}: {seen:,} moments of {seconds:,.0f} s of video in {len(watched) - troubled} of {len(watched)} videos",
        markup=False,
        soft_wrap=True,
    )
    if troubled:
        raise typer.Exit(1)
