"""wolfdog demo --real: a broadcast of photographs, watched with and without the pretrained memory."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .screen import StageBars, console, percent

if TYPE_CHECKING:
    from rich.table import Table

    from ..watch.world_memory.demonstration import Demonstration

STAGES = 3
MOST = 80
"""Photographs of a class at most, unless it is said."""


def real_demo(images: Path | None, out: Path, seed: int, most: int) -> None:
    """Run the demonstration; write real.json, gaps.png, film.mp4, labels.csv and annotated.mp4.

    Args:
        images: Folder with a folder of photographs for each class.
        out: Folder for the results.
        seed: Seed of the broadcast.
        most: Largest number of photographs of a class.

    Raises:
        InputError: No folder of photographs was given.
    """
    if images is None:
        raise InputError(
            "--real shows your photographs: give --images DIR, a folder with one folder of photographs for each of "
            "wolf, dog, bear, goldfish and unknown (anything else)."
        )
    from ..atomic import atomic_write
    from ..watch.classifiers.registry import load_classifier
    from ..watch.world_memory.demonstration import demonstrate
    from ..watch.world_memory.gap_panels import draw_gap_panels

    began = time.perf_counter()
    classifier = load_classifier(classes="model-problem")
    out.mkdir(parents=True, exist_ok=True)
    result = demonstrate(images, out, classifier, seed=seed, most=most, stages=StageBars(STAGES))
    title = (
        f"What a canine is, on {result.photographs} photographs: {classifier.name}, without and with memory"
    )
    draw_gap_panels(result.gaps, out / "gaps.png", fps=result.fps, title=title)
    with atomic_write(out / "real.json") as file:
        json.dump(result.as_dict(), file, indent=2)
        file.write("\n")
    console.print(_rows(result))
    console.print(
        f"{out}: real.json, gaps.png, annotated.mp4, film.mp4, labels.csv; {time.perf_counter() - began:,.0f} s",
        markup=False,
        soft_wrap=True,
    )


def _rows(result: "Demonstration") -> "Table":
    """Balanced accuracy, a row for each degradation: five classes and canines alone, without and with memory."""
    from rich import box
    from rich.table import Table

    table = Table(
        title="Balanced accuracy in %: five classes, and in brackets wolf and dog",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title_justify="left",
    )
    table.add_column("", no_wrap=True)
    for name in result.scores:
        table.add_column(name, justify="right", no_wrap=True)
    rows = next(iter(result.scores.values())).by_degradation
    for kind in [*list(rows)[1:], next(iter(rows))]:
        cells = [scores.by_degradation[kind] for scores in result.scores.values()]
        table.add_row(kind, *(f"{percent(cell.balanced)} ({percent(cell.canines)})" for cell in cells))
    table.add_section()
    table.add_row("label changes a minute", *(f"{scores.flips:.1f}" for scores in result.scores.values()))
    return table
