"""Stories in the format of bAbI (Weston et al. 2015), as questions with what was told before them.

    1 Agnes walked to the attic.
    2 Where is Agnes? <tab> attic <tab> 1

Lines are numbered from 1 in each story; a question has its answer and the numbers of the lines that it rests on.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wolfdog.errors import InputError

LARGEST = 100_000_000
"""Bytes: no file of the tasks has more than a few millions."""

Words = tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """story: the sentences before it, oldest first; words: of the question; facts: numbers of sentences, from 0."""

    story: tuple[Words, ...]
    words: Words
    answer: str
    facts: tuple[int, ...]


def read_file(path: Path) -> list[Question]:
    """The questions of a file. Raises InputError, with the file and the line, for what is not of the format."""
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: larger than {LARGEST} bytes: not a file of stories")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read: {error}. Expected a file of stories, as of bAbI."
        ) from error
    found = read_lines(text.split("\n"), str(path))
    if not found:
        raise InputError(
            f"{path}: no questions in it. Expected lines as '3 Where is Agnes? <tab> attic <tab> 1'."
        )
    return found


def read_lines(lines: Iterable[str], name: str = "stories") -> list[Question]:
    """As `read_file`; empty lines are passed over."""
    questions: list[Question] = []
    story: list[Words] = []
    sentence_of: dict[int, int] = {}
    last = 0
    for at, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}, line {at}"
        number, rest = _numbered(line, last, where)
        if number == 1:
            story, sentence_of = [], {}
        last = number
        what, *answered = rest.split("\t")
        if not (words := split(what)):
            raise InputError(f"{where}: nothing is said. Expected a sentence behind the number; got {line!r}")
        if not answered:
            sentence_of[number] = len(story)
            story.append(words)
            continue
        if len(answered) != 2 or not answered[0].strip():
            raise InputError(
                f"{where}: a question is followed by a tab, the answer, a tab, and numbers of lines; got {line!r}"
            )
        try:
            facts = tuple(sentence_of[int(fact)] for fact in answered[1].split())
        except (ValueError, KeyError) as error:
            raise InputError(
                f"{where}: facts must be numbers of sentences earlier in the story; got {answered[1]!r}"
            ) from error
        questions.append(Question(tuple(story), words, answered[0].strip().lower(), facts))
    return questions


def split(sentence: str) -> Words:
    """The words, in small letters and without marks."""
    return tuple(re.findall(r"[\w'-]+", sentence.lower()))


def _numbered(line: str, last: int, where: str) -> tuple[int, str]:
    number, _, rest = line.strip().partition(" ")
    if not (number.isascii() and number.isdigit() and len(number) < 10 and int(number) in (1, last + 1)):
        raise InputError(
            f"{where}: a line begins with its number, 1 or {last + 1} here, and a space; got {line[:80]!r}"
        )
    return int(number), rest
