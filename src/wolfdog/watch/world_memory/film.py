"""Video of photographs: a short programme whose shots pan over photographs, clean and degraded."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wolfdog.labels import LabelSpan
from wolfdog.tv import Programme
from wolfdog.tv.scene import Frame
from wolfdog.tv.video import exact_rate, write_video

from .degradations import DEGRADATIONS, degrade
from .photographs import PhotographSet, upright

SCALES = (0.75, 0.95)
"""Sides of what is shown, in parts of the photograph's shorter side."""


def write_film(
    path: str | Path,
    photographs: PhotographSet,
    programme: Programme,
    *,
    size: int = 224,
    seed: int = 0,
) -> list[LabelSpan]:
    """Write the first stream of a programme as a video, and return its labels.

    Each shot pans over one photograph of its label, in one degradation; all degradations are equally frequent. The
    `look` of a label's span is the name of the degradation.

    Args:
        path: The MP4 file.
        photographs: Photographs of the programme's labels.
        programme: The programme.
        size: Pixels of a frame's side.
        seed: Seed of the choice of photographs and degradations.

    Returns:
        The labels.

    Raises:
        MediaError: A photograph cannot be read, or the video cannot be written.
    """
    rate = exact_rate(programme.world.fps)
    spans = [
        LabelSpan(
            float(shot.start / rate),
            float(shot.stop / rate),
            shot.label,
            look=_kind(seed, number),
            channel=shot.channel,
        )
        for number, shot in enumerate(programme.shots())
    ]
    write_video(path, _frames(photographs, programme, size, seed), programme.world.fps, size)
    return spans


def _kind(seed: int, shot: int) -> str:
    return tuple(DEGRADATIONS)[int(np.random.default_rng([seed, shot, 0]).integers(len(DEGRADATIONS)))]


def _frames(photographs: PhotographSet, programme: Programme, size: int, seed: int) -> Iterator[Frame]:
    for number, shot in enumerate(programme.shots()):
        rng = np.random.default_rng([seed, number, 1])
        own = np.flatnonzero(photographs.labels == photographs.classes.index(shot.label))
        whole = upright(Path(photographs.paths[own[rng.integers(len(own))]]), size)
        side = min(whole.size) * rng.uniform(*SCALES)
        begin, end = rng.uniform(0, 1, (2, 2)) * (np.array(whole.size) - side)
        severity, shot_seed = rng.uniform(), int(rng.integers(2**31))
        count = shot.stop - shot.start
        for k in range(count):
            left, top = begin + (end - begin) * (k / max(1, count - 1)) * min(1.0, count / 10)
            frame = whole.resize((size, size), box=(left, top, left + side, top + side), reducing_gap=2.0)
            yield degrade(np.asarray(frame), _kind(seed, number), severity, seed=shot_seed, frame=k)
