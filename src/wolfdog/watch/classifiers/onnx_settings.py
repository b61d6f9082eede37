"""Settings of an ONNX image network: input format and names, from options first and the file's metadata second.

Metadata that is understood: the `Image.*` properties of the ONNX specification (docs/MetadataProps.md), `names` and
`imgsz` as Ultralytics writes them, and wolfdog's own keys, which have the names of the options.
"""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import ONNXError

from .normalisation import NORMALISATIONS, Normalisation, normalisation
from .preprocessing import Images

Layout = Literal["NCHW", "NHWC"]
LARGEST_INPUT = 2048 * 2048
"""Pixels of the largest input of a network."""

LARGEST_CALL = 16 * LARGEST_INPUT
"""Pixels of the largest fixed batch of a network."""

_DTYPES = {"uint8": np.uint8, "float32": np.float32, "float16": np.float16}
_RANGES = {"NominalRange_0_255": "bytes", "Normalized_0_1": "unit", "Normalized_1_1": "signed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxOptions:
    """Facts about an ONNX image network that its file does not state, or states wrongly. None: as the file states.

    Args:
        size: Height and width of the input, in pixels.
        layout: Order of the input's axes.
        normalisation: Normalisation of the pixels.
        channels: Order of the colours.
        classes: Names of the classes, in order.
        classes_output: Name of the output with logits or probabilities.
        features_output: Name of the output with features.
        encoder: Whether the network has no classes: its output is features alone.
    """

    size: tuple[int, int] | None = None
    layout: Layout | None = None
    normalisation: Normalisation | None = None
    channels: Literal["rgb", "bgr"] | None = None
    classes: tuple[str, ...] | None = None
    classes_output: str | None = None
    features_output: str | None = None
    encoder: bool = False


@dataclass(frozen=True, slots=True)
class InputFormat:
    """Form of the tensor that a network reads.

    Attributes:
        name: Name of the input.
        layout: Order of the axes.
        dtype: "uint8", "float32" or "float16".
        batch: Number of images in a call, if the file fixes it.
        size: Height and width in pixels.
        bgr: Whether the order of the colours is blue, green, red.
        normalisation: Normalisation of the pixels; None for an input of bytes.
    """

    name: str
    layout: Layout
    dtype: str
    batch: int | None
    size: tuple[int, int]
    bgr: bool
    normalisation: Normalisation | None

    def tensor(self, images: Images) -> NDArray[Any]:
        """Network's input from RGB images uint8 [n, height, width, 3]."""
        pixels: NDArray[Any] = images if self.normalisation is None else self.normalisation(images)
        if self.bgr:
            pixels = pixels[..., ::-1]
        if self.layout == "NCHW":
            pixels = pixels.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(pixels, _DTYPES[self.dtype])


def input_format(session: Any, metadata: Mapping[str, str], options: OnnxOptions, path: str) -> InputFormat:
    """Input format of a session.

    Args:
        session: The session.
        metadata: Metadata of the file.
        options: Facts that have precedence.
        path: Name of the file in messages.

    Returns:
        The format.

    Raises:
        ONNXError: There are several inputs, or one that is no image, or a fact is neither in the file nor in `options`.
    """
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(i.name for i in inputs)
        raise ONNXError(f"{path}: an image network has one input, this one has {len(inputs)} ({names}).")
    [given] = inputs
    dtype = (
        given.type.removeprefix("tensor(").removesuffix(")").replace("float", "float32").replace("3216", "16")
    )
    if len(given.shape) != 4 or dtype not in ("uint8", "float32", "float16"):
        raise ONNXError(
            f"{path}: its input {given.name!r} must be a batch of images, uint8, float16 or float32 with 4 axes, "
            f"got {given.type} {given.shape}."
        )
    shape = [axis if isinstance(axis, int) and axis > 0 else None for axis in given.shape]
    layout = options.layout or _layout(shape, path)
    sides = (shape[2], shape[3]) if layout == "NCHW" else (shape[1], shape[2])
    size = options.size or _size(sides, metadata, path)
    if size[0] * size[1] > LARGEST_INPUT:
        raise ONNXError(
            f"{path}: it reads images of {size[0]} x {size[1]}, over the bound of {LARGEST_INPUT:,} pixels."
        )
    if shape[0] is not None and shape[0] * size[0] * size[1] > LARGEST_CALL:
        raise ONNXError(
            f"{path}: it reads {shape[0]:,} images of {size[0]} x {size[1]} in each call, over the bound of "
            f"{LARGEST_CALL:,} pixels. Export it with a batch of any size."
        )
    if any(side not in (None, wanted) for side, wanted in zip(sides, size, strict=True)):
        raise ONNXError(
            f"{path}: its input has the fixed size {sides[0]} x {sides[1]}, got {size[0]} x {size[1]}."
        )
    colours = options.channels or ("bgr" if metadata.get("Image.BitmapPixelFormat") == "Bgr8" else "rgb")
    how = None if dtype == "uint8" else _normalisation(metadata, options, path)
    return InputFormat(given.name, layout, dtype, shape[0], size, colours == "bgr", how)


def class_names(metadata: Mapping[str, str], options: OnnxOptions, path: str) -> tuple[str, ...] | None:
    """Names of the classes.

    Args:
        metadata: Metadata of the file.
        options: Facts that have precedence.
        path: Name of the file in messages.

    Returns:
        The names; None if neither the options nor the file state them.

    Raises:
        ONNXError: The file's `names` cannot be read.
    """
    if options.classes is not None:
        return options.classes
    if "names" not in metadata:
        return None
    names = literal(metadata["names"])
    if isinstance(names, dict):
        keys = sorted(names, key=lambda key: int(key) if str(key).isdigit() else -1)
        names = (
            [names[key] for key in keys]
            if [str(k) for k in keys] == [str(i) for i in range(len(keys))]
            else None
        )
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ONNXError(
            f"{path}: its metadata 'names' must be a list of class names or a map from 0, 1, ... to them, "
            f"got {metadata['names'][:60]!r}. Give the names as an option."
        )
    return tuple(names)


def literal(text: str) -> Any:
    """Value of a text in JSON, or of a Python literal as Ultralytics writes it.

    Args:
        text: The text.

    Returns:
        The value; None if the text is neither.

    Examples:
        >>> literal('["a", "b"]'), literal("{0: 'wolf'}"), literal("wolf")
        (['a', 'b'], {0: 'wolf'}, None)
    """
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def _layout(shape: list[int | None], path: str) -> Layout:
    first, last = shape[1] == 3, shape[3] == 3
    if first != last:
        return "NCHW" if first else "NHWC"
    raise ONNXError(
        f"{path}: its input of shape {shape} does not show which axis holds the three colours. "
        "Give layout NCHW or NHWC."
    )


def _size(sides: tuple[int | None, int | None], metadata: Mapping[str, str], path: str) -> tuple[int, int]:
    height, width = sides
    if height is not None and width is not None:
        return height, width
    stated = literal(metadata.get("size") or metadata.get("imgsz") or "")
    match stated:
        case int(side) if side > 0:
            return side, side
        case [int(high), int(wide)] if high > 0 and wide > 0:
            return high, wide
    raise ONNXError(
        f"{path}: it takes images of any size and does not say of which it was trained. Give the size."
    )


def _normalisation(metadata: Mapping[str, str], options: OnnxOptions, path: str) -> Normalisation:
    if options.normalisation is not None:
        return options.normalisation
    if "normalisation" in metadata:
        return normalisation(metadata["normalisation"])
    stated = _RANGES.get(metadata.get("Image.NominalPixelRange", ""))
    if stated is None and "imgsz" in metadata:
        stated = "unit"  # every network that Ultralytics exports reads pixels from 0 to 1
    if stated is None:
        raise ONNXError(
            f"{path}: it reads numbers with a decimal point and does not say how pixels become such numbers. "
            f"Give the normalisation: {', '.join(NORMALISATIONS)}, or three means and three deviations."
        )
    return NORMALISATIONS[stated]
