"""What keeps a cell from being compiled."""

from ..errors import WolfdogError


class Refusal(WolfdogError):  # noqa: N818  # not an error: the layer goes on
    """A cell, or a part of it, cannot be compiled: the message says what and where; the layer then runs eagerly."""
