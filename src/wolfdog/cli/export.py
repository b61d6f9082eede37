"""wolfdog export: a watcher as one ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from .screen import console


def export(
    model: Annotated[
        Path | None,
        typer.Argument(
            help="A trained watcher.",
            show_default="the one that comes with wolfdog, for painted television",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("watcher.onnx"),
) -> None:
    """Write a watcher as an ONNX file, for runtimes and cameras without Python.

    One frame and the memories go in, the probabilities of both labels and the memories come out; the file's metadata
    says the classes, the frames a second, and the size of a frame. examples/watch_onnx.py runs it.
    """
    from ..watch.model.onnx import export_watcher
    from ..watch.model.watcher import Watcher

    watcher = Watcher.load(model)
    out.parent.mkdir(parents=True, exist_ok=True)
    export_watcher(watcher, out)
    config = watcher.config
    console.print(
        f"{out}: {out.stat().st_size:,} bytes; {', '.join(config.classes)} at {config.fps:g} frames a second of "
        f"{config.size} x {config.size} pixels, memory {config.memory}",
        markup=False,
        soft_wrap=True,
    )
