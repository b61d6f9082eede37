"""Size of pictures in annotated copies."""

from ..video.decoding import Picture

WIDTH = 640
"""Pixels of the width of an annotated copy where nothing else is said."""


def shown_height(picture: Picture, pixel_aspect: float, width: int) -> int:
    """Height of the upright picture at a width, even as the colour sampling of H.264 requires.

    Args:
        picture: The picture.
        pixel_aspect: Width of a pixel divided by its height.
        width: The width in pixels.

    Returns:
        The height in pixels.
    """
    ratio = picture.image.width * pixel_aspect / picture.image.height
    shown = 1 / ratio if picture.orientation.transposed else ratio
    return max(2, round(width / shown / 2) * 2)
