"""Television pasted together from real photographs, one per shot, on drawn backgrounds."""

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
    """Shows a programme in photographs: DIRECTORY/<label>/*.png, *.jpg or *.jpeg; see `Picture`.

    The photographs of a label are split by content, so that the same picture under two names is in one part
    only: 40 % for training the frame classifier, 30 % for training the memory (a frame classifier that knows its
    pictures by heart would train the memory to trust it too much), 30 % for testing.

    Args:
        directory: Holds a folder per label.
        part: "classifier", "memory", "test", "train" (classifier and memory) or "all".
        size: Pixels of a frame's side, even, 16 to 1024.
        seed: The same seed gives the same pictures.

    Raises:
        InputError: An argument cannot be used, or one photograph has two labels.
        MediaError: The directory cannot be read or holds no photographs.
    """

    def __init__(self, directory: str | Path, part: str = "all", size: int = 64, seed: int = 0) -> None:
        super().__init__(size, seed)
        if part not in SHARES:
            raise InputError(f"part: expected one of {', '.join(SHARES)}, got {part!r}.")
        self.directory = Path(directory)
        self.part = part
        self._sorted = photographs_by_content(self.directory)

    def of(self, label: str) -> list[Path]:
        """The photographs of `label` in this part.

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
        """Raise MediaError if a label of the world has too few photographs."""
        for label in world.labels:
            self.of(label)

    def look(self, world: World, label: str) -> str:
        """`label` itself: real wolves do not look like dogs altogether."""
        return label

    def scene(self, world: World, label: str, rng: np.random.Generator) -> Scene:
        """A new scene with a photograph of `label`."""
        paths = self.of(label)
        side = self.size * FINER
        photograph = _read(paths[int(rng.integers(len(paths)))], side)
        photograph = ImageEnhance.Brightness(photograph).enhance(rng.uniform(0.8, 1.2))
        photograph.putalpha(_feathered(side))
        return Scene(photograph, self.size, rng, scale=(0.85, 1.15), tilt=0.08)


def photographs_by_content(directory: Path) -> dict[str, list[list[Path]]]:
    """label -> groups of files with the same content, in the order of their hashes."""
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
    """The middle square of a photograph, RGB [side, side]."""
    try:
        with Image.open(path) as opened:
            opened.draft("RGB", (side, side))  # lets a large JPEG be decoded at a fraction of its size
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError(f"{path}: not a readable picture ({error}). Remove or replace it.") from error
    return ImageOps.fit(upright, (side, side), Image.Resampling.BICUBIC)


def _feathered(side: int) -> Image.Image:
    """A mask that is opaque in the middle and fades to nothing at the edges."""
    mask = Image.new("L", (side, side), 0)
    margin = side * 0.05
    ImageDraw.Draw(mask).rounded_rectangle(
        [margin, margin, side - margin, side - margin], side * 0.15, fill=255
    )
    return mask.filter(ImageFilter.GaussianBlur(side * 0.025))
