"""Rows of the benchmark: the papers, their figures, and the settings of our models."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from . import tasks
from .actions import Actions
from .answers import Answers
from .digits import Digits
from .music import Music
from .synthetic import Synthetic
from .tasks import Batch
from .training import Run


class Task(Protocol):
    """Task of a row: what is trained and how it is scored."""

    @property
    def unit(self) -> str:
        """Unit of the score."""
        ...

    @property
    def folder(self) -> str:
        """Option that names the folder of its data; empty where it has none."""
        ...

    @property
    def files(self) -> tuple[str, ...]:
        """Patterns of the names of the files of that folder."""
        ...

    @property
    def models(self) -> tuple[str, ...]:
        """Models that can be trained."""
        ...

    def run(self, model: str, seed: int, share: float, folder: Path) -> Run:
        """One model, trained for a share of its steps and tested: score, seconds, milliseconds of a step."""
        ...


@dataclass(frozen=True)
class Row:
    """A published result.

    Args:
        paper: Authors, year and part.
        figure: The paper's figure, in words.
        checked: Where the figure was checked; empty where it was recalled.
        task: The task with our settings.
    """

    paper: str
    figure: str
    checked: str
    task: Task


HS97, GS02 = "Hochreiter and Schmidhuber 1997", "Gers, Schraudolph and Schmidhuber 2002"
BAI, LEA = "Bai, Kolter and Koltun 2018", "Lea et al. 2017"
PAPER, SUMMARY = "checked in the paper", "checked in a summary of the paper"
QUOTED = "the LSTM's checked in a table of Keras, the memory network's recalled"


def _adding(length: int, figure: str, steps: int) -> Row:
    draw = partial(tasks.adding, length=length)
    task = Synthetic("number", (2, 1), 32, steps, 64, 1e-2, float(length), draw)
    return Row(f"{HS97}, experiment 4", figure, SUMMARY, task)


def _spikes(
    make: tasks.Spikes, gap: int, kind: str, figure: str, steps: int, batch: int, rate: float = 1e-2
) -> Row:
    train, test = (partial(make, gap=gap, spikes=spikes) for spikes in (10, 100))
    task = Synthetic(kind, (1, 1), 16, steps, batch, rate, 2.0 * gap, train, test, within=0.49)
    return Row(GS02, figure, SUMMARY, task)


def _copying(blanks: int, figure: str, steps: int) -> Row:
    draw = partial(tasks.copying, blanks=blanks)
    task = Synthetic("class", (10, 10), 64, steps, 64, 5e-3, blanks + 20.0, draw)
    return Row("Arjovsky, Shah and Bengio 2016", figure, "", task)


def _counted(n: int) -> Batch:
    return tasks.counting(np.random.default_rng(0), 1, low=n, high=n)


def _digits(permuted: bool, figure: str, others: Mapping[str, float]) -> Row:
    return Row(BAI, figure, PAPER, Digits(permuted, 64, 3.0, 64, 5e-3, 784.0, others))


def _answers(task: int, figure: str) -> Row:
    return Row("Sukhbaatar et al. 2015", figure, QUOTED, Answers(task, 1000, 100))


def _actions(file: str, figure: str, units: int, rate: float, dropout: float, validations: int) -> Row:
    return Row(LEA, figure, "", Actions(file, units, 40, 4, rate, 30.0, dropout, validations))


ROWS: Mapping[str, Row] = {
    "adding-100": _adding(100, "LSTM: 1 of 2,560 wrong after 74,000 sequences", 1500),
    "adding-500": _adding(500, "LSTM: 0 of 2,560 wrong after 209,000 sequences", 3000),
    "adding-1000": _adding(1000, "LSTM: 1 of 2,560 wrong after 853,000 sequences", 3000),
    "temporal-order": Row(
        f"{HS97}, experiment 6b",
        "LSTM: 2 of 2,560 wrong after 571,100 sequences",
        SUMMARY,
        Synthetic("class", (8, 8), 32, 1000, 64, 1e-2, 100.0, tasks.temporal_order),
    ),
    "embedded-reber": Row(
        f"{HS97}, experiment 1",
        "LSTM: all of a test set right after 8,440 strings or more",
        SUMMARY,
        Synthetic("symbols", (7, 7), 16, 3000, 32, 1e-2, 20.0, tasks.embedded_reber),
    ),
    "spikes-measured": _spikes(
        tasks.spikes_measured,
        10,
        "number",
        "LSTM and peephole LSTM: 1,000 spikes in a row right, the LSTM with fewer sequences",
        2000,
        32,
    ),
    "spikes-measured-50": _spikes(
        tasks.spikes_measured,
        49,
        "number",
        "peephole LSTM: delays of 49 and 50 steps are told apart",
        3000,
        32,
        3e-3,
    ),
    "spikes-generated": _spikes(
        tasks.spikes_generated,
        10,
        "symbols",
        "peephole LSTM: 1,000 spikes in a row right; an LSTM without peepholes cannot learn it",
        2000,
        16,
    ),
    "anbncn": Row(
        "Gers and Schmidhuber 2001",
        "peephole LSTM, trained on n of 1 to 10: right up to n = 52 on average",
        "",
        Synthetic("symbols", (4, 4), 4, 4000, 32, 1e-2, 60.0, tasks.counting, reach=_counted),
    ),
    "copying-100": _copying(100, "LSTM: below the loss of an output without memory, 0.173 nats", 2500),
    "copying-500": _copying(500, "LSTM: at the loss of an output without memory, 0.040 nats", 2500),
    "mnist": _digits(False, "LSTM 87.2, GRU 96.2, RNN 21.5, TCN 99.0", {"Elman": 2e-4}),
    "permuted-mnist": _digits(True, "LSTM 85.7, GRU 87.3, RNN 25.3, TCN 97.2", {}),
    "jsb": Row(
        BAI,
        "LSTM 8.45, GRU 8.43, RNN 8.91, TCN 8.10",
        PAPER,
        Music("JSB_Chorales.mat", 150, 100, 16, 6e-3, 50.0, 0.5, {"Elman": (300, 2e-3), "GRU": (270, 6e-3)}),
    ),
    "nottingham": Row(
        BAI,
        "LSTM 3.29, GRU 3.46, RNN 4.05, TCN 3.07",
        PAPER,
        Music("Nottingham.mat", 200, 30, 4, 6e-3, 50.0, 0.25, {"Elman": (400, 2e-3)}),
    ),
    "50salads": _actions(
        "50salads_mid_SVM.npz", "two-way LSTM 55.7, ED-TCN 64.7 of 128 features a frame", 32, 1e-2, 0.5, 1
    ),
    "gtea": _actions(
        "gtea_SVM.npz", "two-way LSTM 55.5, ED-TCN 64.0 of 128 features a frame", 64, 3e-3, 0.7, 2
    ),
    "babi-1": _answers(1, "memory network 0.0, LSTM 50.0, from 1,000 questions"),
    "babi-2": _answers(2, "memory network 8.3, LSTM 80.0, from 1,000 questions"),
    "babi-3": _answers(3, "memory network 40.3, LSTM 80.0, from 1,000 questions"),
}
