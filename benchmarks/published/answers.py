"""Questions about stories (bAbI), learned by a memory network and by cells."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from stories import learning
from stories.numbers import Asked, Vocabulary, asked
from stories.reading import read_file
from wolfdog import Recurrent
from wolfdog.errors import InputError

from .timing import interleaved
from .training import CELLS, IN_TORCH, Run, trained

CAPACITY, HOPS, SIZE = 50, 3, 20
UNITS, SPAN = 50, 100.0
"""Units of a cell, and the longest time span of its initial gates, in words; the LSTM has torch.nn's initial values."""
NETWORK = "memory network"


@dataclass(frozen=True)
class Answers:
    """Errors on the test part of a task that is learned alone; the last tenth of training is kept apart.

    Args:
        task: Number of the task.
        questions: Questions that are learned from, the first ones of the file.
        epochs: Epochs of the memory network, and of a cell at most.
    """

    task: int
    questions: int
    epochs: int

    unit, folder, models = " % wrong", "stories", (NETWORK, *CELLS)

    @property
    def files(self) -> tuple[str, ...]:
        """Files of the folder: of training and of the test."""
        return tuple(f"qa{self.task}_*_{part}.txt" for part in ("train", "test"))

    def run(self, model: str, seed: int, share: float, folder: Path) -> Run:
        """One model, trained for a share of the epochs and tested."""
        words, (train, valid, test) = self._parts(folder)
        torch.manual_seed(seed)
        epochs = max(1, round(share * self.epochs))
        with trained() as found:
            if model in CELLS:
                network: nn.Module = learning.Listener(words, UNITS, _layer(model))
                took = learning.teach_listener(network, train, valid, epochs)
                found["budget"] = f"{took} epochs"
            else:
                network = learning.memory_network(learning.VARIANTS["PE LS RN"], words, SIZE, HOPS, CAPACITY)
                began = learning.teach_memory_network(network, train, epochs)
                found["budget"] = f"{began + epochs} epochs"
        found["score"] = learning.error(network, test)
        models = {"wolfdog": network}
        if model in IN_TORCH:
            models["torch.nn"] = copy.deepcopy(network)
            models["torch.nn"].layer = IN_TORCH[model](UNITS, UNITS, batch_first=True)
        found["milliseconds"] = interleaved(models, lambda network: _step(network, train.part(slice(32))))
        return found

    def _parts(self, folder: Path) -> tuple[int, list[Asked]]:
        train, test = (read_file(sorted(folder.glob(pattern))[0]) for pattern in self.files)
        if len(train) < self.questions:
            raise InputError(
                f"{folder / self.files[0]}: {self.questions} questions are wanted; it has {len(train)}."
            )
        train = train[: self.questions]
        vocabulary, apart = Vocabulary(train), self.questions - self.questions // 10
        learned = asked(train, vocabulary, CAPACITY)
        parts = [learned.part(slice(apart)), learned.part(slice(apart, None))]
        return len(vocabulary), [*parts, asked(test, vocabulary, CAPACITY)]


def _layer(model: str) -> nn.Module | None:
    """Layer of a listener; None for its own LSTM."""
    if model == "LSTM":
        return None
    return Recurrent(CELLS[model](UNITS, UNITS, SPAN), batch_first=True)


def _step(network: nn.Module, batch: Asked) -> None:
    network.train().zero_grad()
    logits = network(batch.stories, batch.questions, sentences=batch.sentences)
    cross_entropy(logits, batch.answers, reduction="sum").backward()
