"""Videos with the faults that cameras and copies give them, made on the spot by PyAV."""

from fractions import Fraction

import av
import numpy as np

from watch_films import film


def with_sound(path, images, *, codec="libx264", sound="aac", rate=30, sound_seconds=None, options=None):
    """A film with sound of the same length, or of another."""
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream(codec, rate=rate)
        video.height, video.width = images[0].shape[:2]
        video.pix_fmt = "yuv420p"
        audio = container.add_stream(sound, rate=48000, layout="mono")
        end = len(images) / rate if sound_seconds is None else sound_seconds
        rng, done = np.random.default_rng(0), 0

        def speak(until):
            nonlocal done
            while done < min(until, end) * 48000:
                noise = rng.uniform(-0.1, 0.1, (1, 960)).astype(np.float32)
                frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 48000, done, Fraction(1, 48000)
                container.mux(audio.encode(frame))
                done += 960

        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, rate)
            container.mux(video.encode(frame))
            speak((i + 1) / rate)
        speak(end)
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def segments(folder, images, ending, *, codec="libx264", rate=10, seconds=2):
    """A recording cut into files of so many seconds, each with the times of the whole."""
    name = str(folder / f"part_%d.{ending}")
    with av.open(name, "w", format="segment", options={"segment_time": str(seconds)}) as container:
        stream = container.add_stream(codec, rate=rate, options={"g": str(rate), "bf": "0"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return sorted(folder.glob(f"part_*.{ending}"))


def with_matrix(path, images, numbers):
    """An MP4 whose track header holds the display matrix a, b, c, d (ISO/IEC 14496-12, tkhd)."""
    film(path, images)
    a, b, c, d = (number << 16 for number in numbers)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    matrix = [a, b, 0, c, d, 0, 0, 0, 1 << 30]
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(bytes(data))
    return path


def with_damage(path, source, first, last, *, part=50):
    """A copy of a video in which one byte in `part` of the packets `first` to `last` is changed."""
    with av.open(str(source)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data, rng = bytearray(source.read_bytes()), np.random.default_rng(0)
    for at, size in places[first:last]:
        for k in range(at + 8, at + size):
            if rng.random() < 1 / part:
                data[k] ^= 0x55
    path.write_bytes(bytes(data))
    return path


def two_videos(path, first, second, *, default):
    """A Matroska file of two videos, of which number `default` is the default one."""
    from av.stream import Disposition

    with av.open(str(path), "w") as container:
        streams = []
        for number, image in enumerate((first, second)):
            stream = container.add_stream("mpeg4", rate=10)
            stream.height, stream.width = image.shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.disposition = Disposition.default if number == default else Disposition(0)
            streams.append(stream)
        for i in range(5):
            for stream, image in zip(streams, (first, second), strict=True):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = i, Fraction(1, 10)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path


def raw(path, images, codec, container, *, rate=10, options=None):
    """A stream of pictures in no container."""
    with av.open(str(path), "w", format=container) as target:
        stream = target.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for image in images:
            target.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        target.mux(stream.encode(None))
    return path


def with_jump(path, images, *, number, seconds):
    """A film at 25 frames a second in which one picture alone has a time so many seconds too late."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        packets = [
            packet
            for image in [*images, None]
            for packet in stream.encode(
                image if image is None else av.VideoFrame.from_ndarray(image, "rgb24")
            )
        ]
        packets[number].pts += round(seconds / packets[number].time_base)
        container.mux(packets)
    return path
