"""Small videos made on the spot, for tests: nothing is downloaded and nothing is stored."""

from fractions import Fraction

import av
import numpy as np

COLOURS = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200], [200, 200, 30]], np.uint8)


def plain(n, height=48, width=64):
    """n pictures of one colour each, four colours in turn."""
    return [np.broadcast_to(COLOURS[i % 4], (height, width, 3)).copy() for i in range(n)]


def noise(n, height=48, width=64):
    """n pictures of noise: they compress badly, so that the bytes of a file are pictures and not header."""
    return list(np.random.default_rng(0).integers(0, 256, (n, height, width, 3), dtype=np.uint8))


def film(
    path,
    images,
    *,
    codec="libx264",
    pixels="yuv420p",
    rate=30,
    times=None,
    options=None,
    rotation=0,
    aspect=(1, 1),
):
    """Encode `images`; `times` are milliseconds, for a variable frame rate. Returns the path."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        stream.sample_aspect_ratio = Fraction(*aspect)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[i], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if rotation:
        _rotate(path, rotation)
    return path


def sound(path):
    """A file with sound and no pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        for i in range(8):
            tone = np.zeros((1, 1024), np.float32)
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, 1024 * i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def cut(path, whole, part):
    """The first `part` (0 to 1) of the file `whole`, written to `path`: a recording that broke off."""
    data = whole.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    return path


def _rotate(path, quarters):
    """Set the rotation that an MP4 notes for players: a matrix in its track header (ISO 14496-12, tkhd)."""
    cosine, sine = {1: (0, 1), 2: (-1, 0), 3: (0, -1)}[quarters]  # clockwise, in quarter turns
    one = 1 << 16  # 16.16 fixed point
    matrix = [cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(bytes(data))
