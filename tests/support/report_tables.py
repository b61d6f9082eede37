"""Predictions tables for reports: streams with disagreements, and names that are markup."""

import numpy as np

from wolfdog.watch.predictions import Predictions

HOSTILE = (
    "</script><script>window.ran = 1</script>",
    '<img src=x onerror="window.ran = 2">',
    "a\"b'c,d\ne;f\tg & &lt; \u2028 \u202e fox \U0001f98a",
    "狼 " + "x" * 10_000,
)
"""Names that would run or break a page that took them for markup."""


def stream_table(frames, classes=("wolf", "dog", "blank"), *, deployments=2, period=12, seed=0, utc=False):
    """Videos of 5 frames a second: a context label lasts `period` frames, and the snapshot label is often another."""
    random = np.random.default_rng(seed)
    truth = (np.arange(frames) // period) % len(classes)
    seen = np.where(random.random(frames) < 0.25, random.integers(0, len(classes), frames), truth)
    p, q = (0.7 * np.eye(len(classes))[labels] + 0.3 / len(classes) for labels in (seen, truth))
    place = np.arange(frames) * deployments // frames
    name = np.array([f"site {k}" for k in place], object)
    return Predictions.from_columns(
        classes,
        p,
        context=q,
        deployment=name,
        media=np.array([f"{one}/a.mp4" for one in name], object),
        time=np.arange(frames) / 5 + (1_590_814_657 if utc else 0),
        duration=np.full(frames, 0.2),
        frame=6 * (np.arange(frames) - np.searchsorted(place, place)),
        utc=utc,
        blank="blank" if "blank" in classes else None,
        classifier="made up",
        method="by hand",
    )


def hostile_table():
    """Classes, deployments and files with hostile names; each frame disagrees."""
    n = len(HOSTILE)
    p = 0.6 * np.eye(n) + 0.4 / n
    return Predictions.from_columns(
        HOSTILE,
        np.concatenate([p, p]),
        context=np.concatenate([np.roll(p, 1, 0), np.roll(p, 1, 0)]),
        deployment=np.array([*HOSTILE, *HOSTILE], object),
        media=np.array([f"{name}.mp4" for name in (*HOSTILE, *HOSTILE)], object),
        frame=[0] * n + [5] * n,
        time=[0.0] * n + [1.0] * n,
        classifier=HOSTILE[0],
        method=HOSTILE[1],
    )
