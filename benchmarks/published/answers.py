"""Questions about stories (bAbI), learned by a memory network and by an LSTM."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from stories import learning
from stories.numbers import Asked, Vocabulary, asked
from stories.reading import read_file
from wolfdog.errors import InputError

from .timing import interleaved
from .training import Run, trained

CAPACITY, HOPS, SIZE, LSTM_SIZE = 50, 3, 20, 50
NETWORK = "memory network"


@dataclass(frozen=True)
class Answers:
    """Errors on the test part of a task that is learned alone; the last tenth of training is kept apart.

    Args:
        task: Number of the task.
        questions: Questions that are learned from, the first ones of the file.
        epochs: Epochs of the memory network, and of the LSTM at most.
    """

    task: int
    questions: int
    epochs: int

    unit, folder, models = " % wrong", "stories", (NETWORK, "LSTM")

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
            if model == "LSTM":
                network: nn.Module = learning.Listener(words, LSTM_SIZE)
                took = learning.teach_listener(network, train, valid, epochs)
                found["budget"] = f"{took} epochs"
            else:
                network = learning.memory_network(learning.VARIANTS["PE LS RN"], words, SIZE, HOPS, CAPACITY)
                start = max(1, epochs // 5)
                began = learning.teach_memory_network(network, train, valid, epochs, start)
                found["budget"] = f"{began + epochs} epochs"
        found["score"] = learning.error(network, test)
        models = {"wolfdog": network}
        if model == "LSTM":
            models["torch.nn"] = copy.deepcopy(network)
            models["torch.nn"].lstm = nn.LSTM(LSTM_SIZE, LSTM_SIZE, batch_first=True)
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


def _step(network: nn.Module, batch: Asked) -> None:
    network.train().zero_grad()
    logits = network(batch.stories, batch.questions, sentences=batch.sentences)
    cross_entropy(logits, batch.answers, reduction="sum").backward()
