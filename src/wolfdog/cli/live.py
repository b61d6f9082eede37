"""wolfdog live: a page in the browser that watches as it happens."""

import webbrowser
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from ..extras import needs_extra
from .options import (
    Classes,
    Classifier,
    FrameRate,
    MaxPixels,
    Method,
    MethodOptions,
    Stall,
    Threads,
    check_seed,
)
from .screen import complaints, console

if TYPE_CHECKING:
    from ..watch.live.feed import FeedSink


def live(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="camera:0 or 0, the address of a stream (rtsp://, http://, udp://), a video file, which is played at "
            "its own speed, or tv for endless simulated television. Up to 16 are shown as tiles.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="Folder of a watcher that `wolfdog train` made, which brings its own classifier and memory.",
            show_default="painted-television for tv, else none",
        ),
    ] = None,
    classifier: Classifier = "efficientnet-lite0",
    classes: Classes = None,
    method: Method = "auto",
    option: MethodOptions = None,
    fps: FrameRate = 5.0,
    threads: Threads = 1,
    port: Annotated[int, typer.Option(help="Port of the page; 0 for any that is free.")] = 8000,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
    host: Annotated[
        str,
        typer.Option(
            help="Address of this machine at which the page is served; 0.0.0.0 for all, with --token."
        ),
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            help="Secret of 12 letters and digits or more that the address of the page must have.",
            envvar="WOLFDOG_TOKEN",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder in which the moments are recorded, in the formats of `wolfdog watch`.",
            show_default=False,
        ),
    ] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(
            help="Broker that gets the labels, with Home Assistant's discovery: mqtt://user:password@host/topic.",
            envvar="WOLFDOG_MQTT",
            show_default=False,
        ),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(help="Address that gets each event as JSON, by POST.", show_default=False),
    ] = None,
    stall: Stall = 10.0,
    max_pixels: MaxPixels = 100_000_000,
    world: Annotated[
        Path | None,
        typer.Option(help="A world of your own for tv (.toml or .json).", show_default="wolves and dogs"),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="Photographs, DIR/<label>/*.jpg, that tv shows in place of drawings.", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(callback=check_seed, help="Seed of tv.")] = 0,
) -> None:
    """Watch live sources on a page in the browser: the picture, two labels side by side, and what memory rests on.

    The page shows the label of each frame alone and the label with memory, both as probabilities over time, the past
    moments that a label rests on, the gates of the memory, and the events. It can be paused, and stepped back through
    the last ten minutes. It is served by this machine, for this machine alone unless --host says otherwise.

    `wolfdog live tv` needs nothing else: it shows simulated television, with a remote control.
    """
    with needs_extra("live", "wolfdog live"):
        import starlette  # noqa: F401
        import torch
        import uvicorn  # noqa: F401

    from ..tv import load_world
    from ..watch.labelling.loading import LabelOptions
    from ..watch.live.loading import SourceOptions, open_sources
    from ..watch.live.server import PageServer, ServerOptions
    from ..watch.live.session import Session
    from ..watch.video.live_address import LiveOptions

    server_options = ServerOptions(host=host, port=port, token=token)
    labels = LabelOptions(
        classifier=classifier,
        classes=classes,
        method=method,
        method_options=tuple(option or ()),
        fps=fps,
        threads=threads,
        max_pixels=max_pixels,
    )
    if model is not None and labels != LabelOptions(threads=threads, max_pixels=max_pixels):
        raise InputError(
            "--model brings its own classifier, classes, memory and frame rate: leave --classifier, --classes, "
            "--method, --option and --fps out."
        )
    if "tv" not in sources and (world is not None or images is not None):
        raise InputError("--world and --images are for the source tv.")
    torch.set_num_threads(threads)
    found = open_sources(
        sources,
        SourceOptions(
            labels=labels,
            model=model,
            live=LiveOptions(stall=stall, max_pixels=max_pixels),
            world=None if world is None else load_world(world),
            images=images,
            seed=seed,
        ),
    )
    with ExitStack() as stack:
        session = Session(found, sinks=_sinks(stack, out, mqtt, webhook))
        server = PageServer(session, server_options)
        for _, labeller in found:
            labeller.warm_up()

        def ready() -> None:
            console.print(f"{server.address}  (Ctrl-C ends it)", markup=False, soft_wrap=True)
            if browser:
                Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()

        try:
            server.run(ready)
        except KeyboardInterrupt:
            complaints.print("wolfdog: ended", markup=False)


def _sinks(stack: ExitStack, out: Path | None, mqtt: str | None, webhook: str | None) -> "list[FeedSink]":
    """Receivers of moments and events, which the stack closes."""
    from ..watch.live.mqtt import MQTTPublisher
    from ..watch.live.recording import Recording
    from ..watch.live.webhook import Webhook

    sinks: list[FeedSink] = []
    if out is not None:
        recording = Recording(out)
        stack.callback(recording.close)
        sinks.append(recording)
    if mqtt is not None:
        publisher = MQTTPublisher(mqtt)
        stack.callback(publisher.close)
        sinks.append(publisher)
    if webhook is not None:
        hook = Webhook(webhook)
        stack.callback(hook.close)
        sinks.append(hook)
    return sinks
