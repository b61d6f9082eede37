"""Hooks of the site: links that leave docs/, and the reference of the command line."""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\((?P<path>\.\./[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """The Markdown of a page, its links to files outside docs/ pointing at the repository."""

    def repository_link(found: re.Match[str]) -> str:
        path = PurePosixPath(
            os.path.normpath(PurePosixPath("docs", page.file.src_uri).parent / found["path"])
        )
        if path.parts[0] == "docs":
            return found[0]
        if not (ROOT / path).exists():
            raise SystemExit(f"{page.file.src_uri}: no file {path} for the link {found[0]}")
        return f"]({config.repo_url}blob/main/{path}{found['anchor'] or ''})"

    if page.file.src_uri == "reference/command_line.md":
        markdown += command_reference()
    return LINK.sub(repository_link, markdown)


def command_reference() -> str:
    """Markdown of every command of `wolfdog`: its purpose, its arguments and options."""
    from typer.main import get_command

    from wolfdog.cli.app import app

    group: Any = get_command(app)  # of click, or of the copy of it inside typer
    parent = group.make_context("wolfdog", ["--help"], resilient_parsing=True)
    return "".join(_command(name, command, parent) for name, command in group.commands.items())


def _command(name: str, command: Any, parent: Any) -> str:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    if getattr(command, "commands", None):  # a group: the reference of its commands
        return "".join(_command(f"{name} {part}", one, context) for part, one in command.commands.items())
    usage = " ".join(command.collect_usage_pieces(context))
    records = [record for parameter in command.params if (record := parameter.get_help_record(context))]
    rows = "".join(f"| `{' '.join(option.split())}` | {_cell(text)} |\n" for option, text in records)
    return (
        f"\n\n## wolfdog {name}\n\n```console\n$ wolfdog {name} {usage}\n```\n\n{command.help}\n\n"
        f"| argument or option | meaning |\n| --- | --- |\n{rows}"
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
