"""Photographs of each class in a folder, and parts of them that have no picture in common."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError, MediaError
from wolfdog.tv.photographs import photographs_by_content
from wolfdog.watch.classifiers.preprocessing import Image

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage


@dataclass(frozen=True)
class PhotographSet:
    """Photographs of several classes, each picture once.

    Attributes:
        classes: Names of the classes.
        paths: The files.
        labels: [N]: position of each file's class.
    """

    classes: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.paths)

    @classmethod
    def of_folder(
        cls, folder: str | PathLike[str], classes: Sequence[str], *, most: int | None = None
    ) -> "PhotographSet":
        """Photographs FOLDER/<class>/*.png, *.jpg or *.jpeg, in the order of the hashes of their contents.

        Folders with other names are left out. Of files with the same content the first is taken.

        Args:
            folder: Folder with a folder for each class.
            classes: Names of the classes.
            most: Largest number of photographs of a class; None for all.

        Returns:
            The photographs.

        Raises:
            MediaError: The folder cannot be read, or a class has fewer than two photographs.
            InputError: One photograph has two labels, or `most` is below 2.
        """
        if most is not None and most < 2:
            raise InputError(f"most is in photographs of a class and must be 2 or more, got {most}.")
        by_content = photographs_by_content(Path(folder))
        paths: list[Path] = []
        labels: list[int] = []
        for number, name in enumerate(classes):
            found = [same[0] for same in by_content.get(name, [])][:most]
            if len(found) < 2:
                raise MediaError(
                    f"{Path(folder) / name}: expected 2 or more different photographs of {name!r}, got "
                    f"{len(found)}. Folders with photographs here: {', '.join(sorted(by_content))}."
                )
            paths += found
            labels += [number] * len(found)
        return cls(tuple(classes), tuple(paths), np.array(labels, np.int64))

    def labelled(self, classes: Sequence[str], name: str) -> "PhotographSet":
        """The same photographs, all of them with the label `name`, one of `classes`."""
        labels = np.full(len(self), list(classes).index(name), np.int64)
        return replace(self, classes=tuple(classes), labels=labels)

    def take(self, chosen: Sequence[int] | NDArray[np.int64]) -> "PhotographSet":
        """Photographs at these positions."""
        return replace(
            self, paths=tuple(self.paths[number] for number in chosen), labels=self.labels[np.asarray(chosen)]
        )


def parts(
    labels: NDArray[np.int64], share: float, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of two parts of the photographs: a share of each class, and the rest.

    Args:
        labels: Classes of the photographs [N].
        share: Share of the first part.
        seed: Seed of the division.

    Returns:
        Positions of both parts.

    Examples:
        >>> first, second = parts(np.array([0, 0, 1, 1, 1, 1]), 0.5)
        >>> len(first), len(second), sorted([*first.tolist(), *second.tolist()])
        (3, 3, [0, 1, 2, 3, 4, 5])
    """
    rng = np.random.default_rng(seed)
    first, second = [], []
    for label in np.unique(labels):
        of_label = rng.permutation(np.flatnonzero(labels == label))
        size = round(share * len(of_label))
        first.append(of_label[:size])
        second.append(of_label[size:])
    return np.sort(np.concatenate(first)), np.sort(np.concatenate(second))


def upright(path: Path, size: int) -> "PillowImage":
    """Photograph as an RGB image of Pillow, turned upright by its EXIF data.

    Args:
        path: The file.
        size: Pixels that are needed; a large JPEG is decoded at a fraction of its size, at least twice that.

    Returns:
        The image.

    Raises:
        MediaError: The file cannot be read.
    """
    from PIL import Image as Pillow
    from PIL import ImageOps

    try:
        with Pillow.open(path) as opened:
            opened.draft("RGB", (2 * size, 2 * size))
            return ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError) as error:
        raise MediaError(f"{path}: not a readable picture ({error}). Remove or replace it.") from error


def crops(path: Path, height: int, width: int, count: int, rng: np.random.Generator) -> list[Image]:
    """Crops of a photograph: rectangles of 0.8 to 1 of the largest one, at random places.

    Either all of them are mirrored, or none.

    Args:
        path: The file.
        height: Height of the crops, in pixels.
        width: Width of the crops, in pixels.
        count: Number of crops.
        rng: Source of random numbers.

    Returns:
        The crops.

    Raises:
        MediaError: The file cannot be read.
    """
    from PIL import Image as Pillow
    from PIL import ImageOps

    whole = upright(path, max(height, width))
    if rng.random() < 0.5:
        whole = ImageOps.mirror(whole)
    largest = min(whole.width / width, whole.height / height)
    cut = []
    for _ in range(count):
        scale = largest * rng.uniform(0.8, 1.0)
        wide, high = scale * width, scale * height
        left, top = rng.uniform(0, whole.width - wide), rng.uniform(0, whole.height - high)
        box = (left, top, min(left + wide, whole.width), min(top + high, whole.height))
        resized = whole.resize((width, height), Pillow.Resampling.BICUBIC, box=box, reducing_gap=2.0)
        cut.append(np.asarray(resized))
    return cut
