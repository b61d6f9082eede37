"""Commands of the command line, and messages for users' mistakes."""

import errno
import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import MediaWarning, WolfdogError
from ..extras import needs_extra
from .demo import demo
from .evaluate import evaluate
from .explain import explain
from .export import export
from .labels import check, split
from .live import live
from .pretrain import pretrain
from .report import report
from .screen import complaints, console
from .signals import interrupt_behind, status_of
from .smooth import smooth
from .torchrun import interruption, prints_error, refuse_torchrun
from .train import train
from .tv import tv
from .watch import watch


@contextmanager
def _interrupts_said() -> Iterator[None]:
    """Context in which an interrupt ends the command with one line; typer would end it without a word."""
    try:
        yield
    except BaseException as error:
        interrupt = interrupt_behind(error)
        if interrupt is None:
            raise
        if prints_error(interruption(interrupt)):
            complaints.print(f"wolfdog: {interruption(interrupt)}", soft_wrap=True)
        raise typer.Exit(status_of(interrupt)) from None


class _Commands(TyperGroup):
    """Commands that can be interrupted while their options are read, too."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _interrupts_said():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with _interrupts_said():
            return super().invoke(ctx)


app = typer.Typer(
    name="wolfdog",
    cls=_Commands,
    help="Labels for video, each with a memory of what came before.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(requested: bool) -> None:
    if requested:
        console.print(f"wolfdog {version('wolfdog')}")
        raise typer.Exit


@app.callback()
def _wolfdog(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def _paragraphs(text: str) -> str:
    """Docstring with each paragraph on one line: help is wrapped to the terminal's width."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _in_one_process(command: Callable[..., None]) -> Callable[..., None]:
    """Command that refuses to run in several processes of torchrun."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        refuse_torchrun(command.__name__)
        command(*arguments, **options)

    return run


for command in (watch, live, smooth, report, train, evaluate, explain, demo, tv, export, pretrain):
    runs = command if command is train else _in_one_process(command)
    app.command(help=_paragraphs(command.__doc__ or ""))(runs)


labels = typer.Typer(help="Check labels against their videos, and split them by site.", no_args_is_help=True)
for of_labels in (check, split):
    labels.command(help=_paragraphs(of_labels.__doc__ or ""))(_in_one_process(of_labels))
app.add_typer(labels, name="labels")


def main() -> None:
    """Run a command; a user's mistake is reported on one line of standard error, with exit status 2."""
    try:
        with warnings.catch_warnings(), needs_extra("watch", "this command"):
            warnings.simplefilter("default", MediaWarning)
            warnings.showwarning = _one_line_warnings(warnings.showwarning)
            app()
    except WolfdogError as error:
        _complain(str(error))
        sys.exit(2)
    except OSError as error:
        _complain(_of_system(error))
        sys.exit(1)


def _complain(message: str) -> None:
    if prints_error(message):
        complaints.print(f"[bold red]wolfdog:[/] {_plain(message)}", soft_wrap=True)


def _of_system(error: OSError) -> str:
    """Message of an error of the system, with what to do."""
    if not error.filename:
        return str(error)
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    advice = "Free some space, and give the same command again" if full else "Choose another place"
    return f"{os.fsdecode(error.filename)}: {error.strerror}. {advice}."


def _one_line_warnings(show: Callable[..., None]) -> Callable[..., None]:
    """Replacement of `warnings.showwarning` with one line for problems of a file; `show` handles other warnings."""

    def tell(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, MediaWarning):
            complaints.print(f"[yellow]wolfdog:[/] {_plain(message)}", soft_wrap=True)
        else:
            show(message, category, *place, **more)

    return tell


def _plain(error: Exception | str) -> str:
    """Message on one line, with rich's markup escaped."""
    from rich.markup import escape

    return escape(" ".join(str(error).split()))
