"""A watcher without wolfdog and without PyTorch: ONNX Runtime, NumPy and PyAV watch a video, and give wolfdog's labels.

    wolfdog export --out watcher.onnx
    python examples/watch_onnx.py watcher.onnx video.mp4

A line for each moment: seconds, the label by the frame alone, the label by all that came before, and its probability.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import onnxruntime


def pictures(path: str) -> Iterator[tuple[float, float, av.VideoFrame]]:
    """The frames of a video, each with the second at which it comes and the one at which it goes."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        start = (container.start_time or 0) / 1e6
        period = float(1 / stream.average_rate) if stream.average_rate else 0.04
        time = -period
        for frame in container.decode(stream):
            time = time + period if frame.time is None else frame.time - start
            yield time, time + period, frame


def at_rate(
    frames: Iterable[tuple[float, float, av.VideoFrame]], fps: float
) -> Iterator[tuple[float, av.VideoFrame]]:
    """The frames nearest to ticks that come `fps` times a second, each once: time passes as the watcher learned it."""
    first, held, taken, tick = None, None, False, 0
    for time, end, frame in frames:
        if held is None:
            first = time
        new = False
        while held is not None and first + tick / fps < time:  # a tick between the frame before and this one
            at = first + tick / fps
            if at - held[0] > time - at:
                new = True
            elif not taken:
                yield held[0], held[2]
                taken = True
            tick += 1
        if new:
            yield time, frame
        held, taken = (time, end, frame), new
    if held is not None and not taken and first + tick / fps < held[1]:
        yield held[0], held[2]


def squeezed(frame: av.VideoFrame, size: int) -> np.ndarray:
    """A frame as the watcher takes it, [1, size, size, 3] of red, green and blue, turned as the camera noted."""
    shrinks = frame.width >= size and frame.height >= size
    small = frame.reformat(size, size, "rgb24", interpolation="AREA" if shrinks else "BILINEAR")
    return np.ascontiguousarray(np.rot90(small.to_ndarray(), round(frame.rotation / 90) % 4))[None]


def watch(model: str, video: str) -> Iterator[tuple[float, str, str, float]]:
    """Seconds, snapshot label, context label and its probability, moment by moment."""
    session = onnxruntime.InferenceSession(model)
    said = session.get_modelmeta().custom_metadata_map
    classes, fps, size = (json.loads(said[name]) for name in ("classes", "fps", "size"))
    memories = {
        entry.name: np.zeros((1, entry.shape[1]), np.float32)
        for entry in session.get_inputs()
        if entry.name != "frame"
    }
    for time, frame in at_rate(pictures(video), fps):
        snapshot, context, *after = session.run(None, {"frame": squeezed(frame, size), **memories})
        memories = dict(zip(memories, after, strict=True))
        yield time, classes[snapshot[0].argmax()], classes[context[0].argmax()], float(context[0].max())


def main() -> None:
    parser = argparse.ArgumentParser(description="Watch a video with a watcher that `wolfdog export` wrote.")
    parser.add_argument("model")
    parser.add_argument("video")
    given = parser.parse_args()
    for path in (given.model, given.video):
        if not Path(path).is_file():
            parser.error(f"{path}: no such file")
    print("time,snapshot,context,probability")
    for time, snapshot, context, probability in watch(given.model, given.video):
        print(f"{time:.3f},{snapshot},{context},{probability:.4f}")


if __name__ == "__main__":
    main()
