"""Pictures of real photographs, one per shot, on drawn backgrounds."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from wolfdog.errors import InputError, MediaError
from wolfdog.tv.picture import Picture
from wolfdog.tv.scene import Scene
from wolfdog.tv.world import World

SHARES = {
    "classifier": (0.0, 0.4),
    "memory": (0.4, 0.7),
    "test": (0.7, 1.0),
    "train": (0.0, 0.7),
    "all": (0.0, 1.0),
}
"""From which share of a label's photographs, in the order of their hashes, to which share."""
FEWEST = 3
"""Photographs of a label: one for each of frame classifier, memory and test."""
ENDINGS = (".png", ".jpg", ".jpeg")
FINER = 2


class Photographs(Picture):
    """Generator of pictures from photographs, DIRECTORY/<label>/*.png, *.jpg or *.jpeg; see `Picture`.

    The photographs of a label are split by content, so that the same picture under two names is in one part only: 40 %
    to train the frame classifier, 30 % to train the memory, 30 % to test. Frame classifier and memory have different
    ones because a frame classifier is more certain of its training photographs than of new ones, and a memory trained
    on those would rely on it too much.

    Args:
        directory: Folder with a folder for each label.
        part: "classifier", "memory", "test", "train" (classifier and memory) or "all".
        size: Pixels of a frame's side, even, 16 to 1024.
        seed: Seed of the pictures.

    Raises:
        InputError: An argument is invalid, or one photograph has two labels.
        MediaError: The directory cannot be read or holds no photographs.
    """

    def __init__(self, directory: str | Path, part: str = "all", *, size: int = 64, seed: int = 0) -> None:
        super().__init__(size, seed)
        if part not in SHARES:
            raise InputError(f"part: expected one of {', '.join(SHARES)}, got {part!r}.")
        self.directory = Path(directory)
        self.part = part
        self._sorted = photographs_by_content(self.directory)

    def of(self, label: str) -> list[Path]:
        """Photographs of a label in this part.

        Args:
            label: The label.

        Returns:
            Their files.

        Raises:
            MediaError: There are none, or too few to split.
        """
        groups = self._sorted.get(label, [])
        if len(groups) < FEWEST:
            found = f"{len(groups)} different ones" if groups else "none"
            raise MediaError(
                f"{self.directory / label}: expected {FEWEST} or more photographs ({', '.join(ENDINGS)}) of "
                f"{label!r}, got {found}. Labels with photographs here: {', '.join(sorted(self._sorted))}."
            )
        low, high = (round(share * len(groups)) for share in SHARES[self.part])
        return [path for group in groups[low:high] for path in group]

    def check(self, world: World) -> None:
        """Check that every label of the world has photographs.

        Args:
            world: The world.

        Raises:
            MediaError: A label has none, or too few to split.
        """
        for label in world.labels:
            self.of(label)

    def look(self, world: World, label: str) -> str:
        """Look of a label: the label itself, because photographs of two labels can be distinguished.

        Args:
            world: The world.
            label: The label.

        Returns:
            The label.
        """
        return label

    def scene(self, world: World, label: str, rng: np.random.Generator) -> Scene:
        """New scene with a photograph of a label.

        Args:
            world: The world.
            label: The label.
            rng: Source of random numbers.

        Returns:
            The scene.
        """
        paths = self.of(label)
        side = self.size * FINER
        photograph = _read(paths[int(rng.integers(len(paths)))], side)
        photograph = ImageEnhance.Brightness(photograph).enhance(rng.uniform(0.8, 1.2))
        photograph.putalpha(_feathered(side))
        return Scene(photograph, self.size, rng, scale=(0.85, 1.15), tilt=0.08)


def photographs_by_content(directory: Path) -> dict[str, list[list[Path]]]:
    """Photographs of each label, in the order of their hashes, in groups of files with the same content.

    Args:
        directory: Folder with a folder for each label.

    Returns:
        Groups of files by label.

    Raises:
        InputError: One photograph has two labels.
        MediaError: The directory cannot be read or holds no photographs.
    """
    labels: dict[str, dict[str, list[Path]]] = {}
    label_of: dict[str, Path] = {}
    try:
        folders = sorted(path for path in directory.iterdir() if path.is_dir())
        for folder in folders:
            for path in sorted(folder.iterdir()):
                if path.suffix.lower() not in ENDINGS or path.name.startswith("."):
                    continue
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                same = label_of.setdefault(content, path)
                if same.parent != folder:
                    raise InputError(
                        f"{same} and {path} are one photograph with two labels. Remove one of them."
                    )
                labels.setdefault(folder.name, {}).setdefault(content, []).append(path)
    except OSError as error:
        raise MediaError(
            f"{directory}: cannot be read: {error.strerror or error}. Expected a folder per label."
        ) from error
    if not labels:
        raise MediaError(
            f"{directory}: no photographs. Expected DIRECTORY/<label>/ with {', '.join(ENDINGS)} files."
        )
    return {label: [groups[content] for content in sorted(groups)] for label, groups in labels.items()}


def _read(path: Path, side: int) -> Image.Image:
    """Middle square of a photograph, RGB [side, side]."""
    try:
        with Image.open(path) as opened:
            opened.draft("RGB", (side, side))  # lets a large JPEG be decoded at a fraction of its size
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError(f"{path}: not a readable picture ({error}). Remove or replace it.") from error
    return ImageOps.fit(upright, (side, side), Image.Resampling.BICUBIC)


def _feathered(side: int) -> Image.Image:
    """Mask that is opaque in the middle and transparent at the edges."""
    mask = Image.new("L", (side, side), 0)
    margin = side * 0.05
    ImageDraw.Draw(mask).rounded_rectangle(
        [margin, margin, side - margin, side - margin], side * 0.15, fill=255
    )
    return mask.filter(ImageFilter.GaussianBlur(side * 0.025))
