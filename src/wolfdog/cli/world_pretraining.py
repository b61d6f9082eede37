"""wolfdog pretrain --world: training of the world memory on a classifier's probabilities of photographs."""

from pathlib import Path

from ..errors import InputError
from .screen import StageBars, console

STAGES = 3


def pretrain_world_memory(
    images: Path | None,
    out: Path,
    *,
    seed: int,
    steps: int | None,
    most: int | None,
    distractors: list[str],
    bank: Path | None,
) -> None:
    """Train the world memory and write it to a file.

    Args:
        images: Folder with a folder of photographs for each class.
        out: The file.
        seed: Seed of the training.
        steps: Training steps; None for the default.
        most: Largest number of photographs of a class.
        distractors: Names of other folders of photographs.
        bank: File that keeps the classifier's probabilities.

    Raises:
        InputError: No folder of photographs was given.
    """
    if images is None:
        raise InputError(
            "--world trains on photographs: give --images DIR, a folder with one folder of photographs for each of "
            "wolf, dog, bear, goldfish and unknown (anything else)."
        )
    from dataclasses import replace

    from ..watch.classifiers.registry import load_classifier
    from ..watch.world_memory.pretraining import MOST, pretrain_world
    from ..watch.world_memory.training import WorldTraining

    options = WorldTraining(seed=seed)
    pretrain_world(
        images,
        out,
        load_classifier(classes="model-problem"),
        options=options if steps is None else replace(options, steps=steps),
        most=MOST if most is None else most,
        distractors=distractors,
        bank=bank,
        stages=StageBars(STAGES if distractors else STAGES - 1),
    )
    console.print(f"{out}: {out.stat().st_size:,} bytes", markup=False, soft_wrap=True)
