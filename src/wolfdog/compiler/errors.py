"""Exceptions of the compiler."""

from ..errors import WolfdogError


class Refusal(WolfdogError):  # noqa: N818  # not an error: the layer goes on
    """A cell that cannot be compiled, with the operation and its line; the layer then runs the eager loop."""
