"""Optional packages, grouped in the extras of `pip install "wolfdog[EXTRA]"`."""

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import MissingPackageError


@contextmanager
def needs_extra(extra: str, purpose: str) -> Iterator[None]:
    """Error message of a failed import that names the extra to install.

    Args:
        extra: The extra of wolfdog that brings the packages imported within the block.
        purpose: The feature that needs them, as the subject of a sentence.

    Raises:
        MissingPackageError: A package outside wolfdog could not be imported within the block.

    Examples:
        >>> with needs_extra("watch", "a video"):  # doctest: +ELLIPSIS
        ...     import absent_package
        Traceback (most recent call last):
        wolfdog.errors.MissingPackageError: a video needs the package absent_package, ...: pip install "wolfdog[watch]"
    """
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if isinstance(error, MissingPackageError) or package in ("", "wolfdog"):
            raise
        trouble = (
            "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot be loaded ({error})"
        )
        raise MissingPackageError(
            f'{purpose} needs the package {package}, which {trouble}: pip install "wolfdog[{extra}]"'
        ) from error
