"""Object detectors in ONNX files with YOLO's output, run by ONNX Runtime.

Two layouts are read, which differ in the order of their axes and in one column:

    v5    [1, boxes, 5 + classes]    x, y, w, h, objectness, scores; score = objectness * class score
    v8    [1, 4 + classes, boxes]    x, y, w, h, scores

x and y are the centre, all four in pixels of the input, as Ultralytics exports them without suppression.
"""

import hashlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError, ONNXError

from .boxes import FoundBox, FullFrame
from .normalisation import NORMALISATIONS, Normalisation
from .onnx_session import metadata_of, open_session
from .onnx_settings import OnnxOptions, class_names, input_format
from .preprocessing import Image
from .suppression import suppress

GREY = 114
"""Bars of the letterbox in which these networks were trained."""


class YoloDetector:
    """YOLO network as a source of boxes.

    Args:
        path: The ONNX file.
        threshold: Least score of a box.
        overlap: Largest intersection over union of two boxes of one class; above it, the one with the lower score is
            removed.
        classes: Names of the classes that are used, from the file's metadata; None for all.
        layout: "v5" or "v8"; None to derive it from the output's shape.
        size: Height and width of the input, for a file with an input of any size.
        normalisation: Normalisation of the pixels; None for that of the file's metadata, or else YOLO's, 0 to 1.
        threads: Threads of one call.

    Raises:
        ONNXError: The file cannot be used, or lacks information.
        InputError: A threshold is out of range, or the network has none of `classes`.
        MissingPackageError: ONNX Runtime is not installed.
    """

    objects = True

    def __init__(
        self,
        path: Path,
        *,
        threshold: float = 0.25,
        overlap: float = 0.45,
        classes: tuple[str, ...] | None = None,
        layout: Literal["v5", "v8"] | None = None,
        size: tuple[int, int] | None = None,
        normalisation: Normalisation | None = None,
        threads: int = 1,
    ) -> None:
        if not (0 <= threshold <= 1 and 0 <= overlap <= 1):
            raise InputError(f"threshold and overlap are from 0 to 1, got {threshold} and {overlap}.")
        self._path, self._threshold, self._overlap, self._layout = str(path), threshold, overlap, layout
        self._session = open_session(path, self._path, threads=threads)
        metadata = metadata_of(self._session, self._path)
        known = normalisation or (None if "normalisation" in metadata else NORMALISATIONS["unit"])
        self._input = input_format(
            self._session, metadata, OnnxOptions(size=size, normalisation=known), self._path
        )
        self.classes = class_names(metadata, OnnxOptions(), self._path)
        self._wanted = self._numbers(classes)
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        self.identity = f"yolo 1 {digest} {threshold:g} {overlap:g} {classes} {layout} {self._input}"

    def finder(self, media: str) -> "YoloDetector":
        """Detector itself, which has no state between frames.

        Args:
            media: Path of the video or image; not used.

        Returns:
            This detector.
        """
        return self

    def boxes(self, frame: FullFrame) -> list[FoundBox]:
        """Boxes within one frame, the highest score first.

        Args:
            frame: The frame.

        Returns:
            The boxes.
        """
        return self.detect(frame.rgb())

    def detect(self, image: Image) -> list[FoundBox]:
        """Boxes within an image, the highest score first.

        Args:
            image: Image [H, W, 3].

        Returns:
            The boxes.

        Raises:
            ONNXError: The network's output has none of the layouts.
        """
        pixels, scale, (left, top) = self._letterbox(image)
        fixed = self._input.batch or 1
        try:
            output = self._session.run(None, {self._input.name: np.repeat(pixels, fixed, axis=0)})[0]
        except Exception as error:  # ONNX Runtime's exceptions have no common class but this one
            reason = str(error).split("\n", 1)[0]
            raise ONNXError(f"{self._path}: ONNX Runtime failed on an image ({reason}).") from error
        corners, scores, kinds = self._read(np.asarray(output, np.float32))
        sure = scores >= self._threshold
        if self._wanted is not None:
            sure &= np.isin(kinds, self._wanted)
        corners, scores, kinds = corners[sure], scores[sure], kinds[sure]
        kept = suppress(corners, scores, kinds, overlap=self._overlap)
        height, width = image.shape[:2]
        offset = np.array([left, top, left, top], np.float32)
        whole = np.array([width, height, width, height], np.float32)
        relative = np.clip((corners[kept] - offset) / scale / whole, 0, 1)
        return [
            FoundBox((float(a), float(b), float(c), float(d)), float(score))
            for (a, b, c, d), score in zip(relative, scores[kept], strict=True)
            if c > a and d > b
        ]

    def _letterbox(self, image: Image) -> tuple[NDArray[Any], float, tuple[int, int]]:
        """Network's input, its pixels per pixel of the image, and the position of the image in it."""
        from PIL import Image as Pillow

        height, width = self._input.size
        scale = min(width / image.shape[1], height / image.shape[0])
        w, h = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        small = Pillow.fromarray(np.ascontiguousarray(image)).resize(
            (w, h), Pillow.Resampling.BILINEAR, reducing_gap=2.0
        )
        whole = np.full((1, height, width, 3), GREY, np.uint8)
        left, top = (width - w) // 2, (height - h) // 2
        whole[0, top : top + h, left : left + w] = np.asarray(small)
        return self._input.tensor(whole), scale, (left, top)

    def _read(
        self, output: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Corners [N, 4], scores [N] and classes [N] of all boxes."""
        if output.ndim != 3 or min(output.shape[1:]) < 5:
            raise ONNXError(
                f"{self._path}: a YOLO network gives [1, boxes, 5 + classes] or [1, 4 + classes, boxes], got "
                f"{list(output.shape)}. Export it without non-maximum suppression."
            )
        layout = self._layout or self._seen_layout(output.shape[1], output.shape[2])
        rows = output[0] if layout == "v5" else output[0].T
        scores = rows[:, 5:] * rows[:, 4:5] if layout == "v5" else rows[:, 4:]
        if scores.shape[1] == 0:
            scores = rows[:, 4:5]  # v5 with objectness alone
        kinds = scores.argmax(axis=1)
        half = rows[:, 2:4] / 2
        corners = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
        return corners, scores[np.arange(len(rows)), kinds], kinds

    def _seen_layout(self, second: int, third: int) -> Literal["v5", "v8"]:
        n = None if self.classes is None else len(self.classes)
        if n is not None and (third == 5 + n) != (second == 4 + n):
            return "v5" if third == 5 + n else "v8"
        return "v5" if second > third else "v8"  # there are more boxes than columns

    def _numbers(self, names: tuple[str, ...] | None) -> NDArray[np.int64] | None:
        if names is None:
            return None
        known = self.classes or ()
        strange = [name for name in names if name not in known]
        if strange:
            raise InputError(
                f"{self._path}: it has no class {strange[0]!r}; it has {', '.join(known[:10]) or 'no names'}."
            )
        return np.array([known.index(name) for name in names], np.int64)
