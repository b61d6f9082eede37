"""What keeps a cell from being compiled."""

from ..errors import WolfdogError


class Refusal(WolfdogError):
    """A cell, or a part of it, cannot be compiled: the message says what and where; the layer then runs eagerly."""
