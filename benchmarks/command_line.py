"""Command lines of the benchmarks: options are checked before any work, and a user's mistake is told in one line."""

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from wolfdog.errors import WolfdogError

PICTURES = (".png", ".svg", ".pdf")


class Parser(argparse.ArgumentParser):
    """Parser that keeps the lines of a description, and tells a mistake in one line without the usage."""

    def __init__(self, description: str | None = None, **options: object) -> None:
        raw = argparse.RawDescriptionHelpFormatter
        super().__init__(description=description, formatter_class=raw, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def run(main: Callable[[], object]) -> None:
    """Run a script; an error that wolfdog raises on purpose becomes one line, and the exit status 2."""
    try:
        main()
    except WolfdogError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(2)


def file_to_write(text: str) -> Path:
    """Path of a file that a script can write when its work is done."""
    path = Path(text)
    try:
        place = path.resolve().parent
        if not place.is_dir():
            problem = f"there is no folder {place}"
        elif path.is_dir():
            problem = "a folder of this name is there"
        elif path.exists() and not path.is_file():
            problem = "it is not a regular file"
        elif not os.access(place, os.W_OK):
            problem = f"the folder {place} cannot be written to"
        else:
            return path
    except (OSError, RuntimeError) as error:  # a name that is too long, or a loop of links
        problem = str(error)
    raise argparse.ArgumentTypeError(f"cannot write {text!r}: {problem}. Choose another path.")


def picture_to_write(text: str) -> Path:
    """Path of a picture that a script can write when its work is done."""
    path = file_to_write(text)
    if path.suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a name ending in {', '.join(PICTURES)}.")
    return path


def folder(text: str) -> Path:
    """Path of a folder that is there."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r}: no such folder. Check the path.")
    return path


def file_to_read(text: str) -> Path:
    """Path of a file that is there."""
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text!r}: no such file. Check the path.")
    return path


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Reader of whole numbers within bounds."""
    bounds = f"{least} or more" if most is None else f"{least} to {most}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f"expected a whole number, {bounds}; got {text!r}.")
        return number

    return read


seed = whole(0, 2**32 - 1)


def positive(text: str) -> float:
    """A finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0; got {text!r}.")
    return number
