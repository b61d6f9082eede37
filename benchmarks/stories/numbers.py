"""Questions as tensors of numbers of words."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .reading import Question, Words


class Vocabulary:
    """Numbers of words, from 1; of the answers too, which are words as the others. 0 is no word, nor one never seen."""

    def __init__(self, questions: Sequence[Question]) -> None:
        words = {word for q in questions for sentence in (*q.story, q.words) for word in sentence}
        words |= {q.answer for q in questions}
        self.number = {word: number for number, word in enumerate(sorted(words), start=1)}

    def __len__(self) -> int:
        """How many numbers there are, 0 among them."""
        return len(self.number) + 1

    def of(self, words: Words) -> list[int]:
        return [self.number.get(word, 0) for word in words]


@dataclass(frozen=True)
class Asked:
    """sentences [N, W], each once, the first without words; stories [Q, S] numbers of sentences, 0 in front of the
    first; questions [Q, L]; answers [Q] numbers of words, 0 where training knows no such answer."""

    sentences: Tensor
    stories: Tensor
    questions: Tensor
    answers: Tensor

    def __len__(self) -> int:
        return len(self.answers)

    def part(self, index: Tensor | slice) -> "Asked":
        return Asked(self.sentences, self.stories[index], self.questions[index], self.answers[index])


def asked(questions: Sequence[Question], vocabulary: Vocabulary, capacity: int) -> Asked:
    """Questions with the last `capacity` sentences before them."""
    number: dict[Words, int] = {(): 0}
    stories = [
        [number.setdefault(sentence, len(number)) for sentence in q.story[-capacity:]] for q in questions
    ]
    return Asked(
        _filled([vocabulary.of(sentence) for sentence in number]),
        _filled(stories, front=True),
        _filled([vocabulary.of(q.words) for q in questions]),
        torch.tensor([vocabulary.number.get(q.answer, 0) for q in questions]),
    )


def _filled(rows: list[list[int]], front: bool = False) -> Tensor:
    """With zeros behind, or in front."""
    width = max(map(len, rows), default=0)
    return torch.tensor(
        [[0] * (width - len(row)) + row if front else row + [0] * (width - len(row)) for row in rows]
    )
