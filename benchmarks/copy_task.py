"""How well memories learn to copy: python benchmarks/copy_task.py [--steps 6000] [--seeds 0 1 2] [--json FILE]

A sequence of random bytes is shown, then a mark, and then the bytes are to be said again, in order, while nothing is
shown (Graves et al. 2014). A batch has one length, drawn from 1 to 20; longer sequences are never trained on. After
training, the share of wrong bits in % on sequences of their own seed, by length, as the mean over seeds (lowest to
highest), and what a step of training costs. Every memory has the same steps, batches and optimizer.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

import command_line
import wolfdog as wd
from wolfdog.atomic import atomic_write

BITS, LONGEST = 8, 20
TESTED = 256
"""Sequences of every length that are tested."""


def memories(sizes: argparse.Namespace) -> dict[str, Callable[[], nn.Module]]:
    """What makes the cells that are compared, by name."""
    units, slots, slot_size = sizes.units, sizes.slots, sizes.slot_size
    return {
        f"NTM, {units} units, {slots} slots of {slot_size}": lambda: wd.memory.NTMCell(
            BITS + 1, units, slots=slots, slot_size=slot_size
        ),
        f"LSTM, {sizes.lstm_units} units": lambda: wd.cells.LSTMCell(BITS + 1, sizes.lstm_units),
    }


class Copier(nn.Module):
    """A memory, and a linear map from what it puts out to bits."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.memory = wd.Recurrent(cell)
        self.bits = nn.Linear(self.memory.output_size, BITS)

    def forward(self, shown: Tensor) -> Tensor:
        """Logits [T, B, 8] of what was shown [T, B, 8]."""
        steps, batch, _ = shown.shape
        events = shown.new_zeros(2 * steps + 1, batch, BITS + 1)
        events[:steps, :, :BITS], events[steps, :, BITS] = shown, 1.0
        return self.bits(self.memory(events)[0][steps + 1 :])


def drawn(steps: int, batch: int, generator: torch.Generator) -> Tensor:
    """Random bytes as zeros and ones, [T, B, 8]."""
    return torch.randint(0, 2, (steps, batch, BITS), generator=generator).float()


def train(copier: Copier, steps: int, batch: int, seed: int) -> list[float]:
    """Train with a learning rate that falls to zero in the last third, and return the losses."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.RMSprop(copier.parameters(), lr=1e-3, alpha=0.95)
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, 3 * (1 - step / steps)))
    losses = []
    for _ in range(steps):
        length = int(torch.randint(1, LONGEST + 1, (), generator=generator))
        shown = drawn(length, batch, generator)
        loss = binary_cross_entropy_with_logits(copier(shown), shown)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(copier.parameters(), 10.0)
        optimizer.step()
        falling.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def wrong_bits(copier: Copier, length: int) -> float:
    """The share of bits that are wrong, in %, of sequences that no training has seen."""
    shown = drawn(length, TESTED, torch.Generator().manual_seed(1_000_000 + length))
    return 100 * ((copier(shown) > 0) != (shown > 0.5)).float().mean().item()


def run(
    name: str, make: Callable[[], nn.Module], seed: int, arguments: argparse.Namespace
) -> dict[str, object]:
    """One memory, trained and tested once."""
    torch.manual_seed(seed)
    copier = Copier(make())
    copier(torch.zeros(LONGEST, arguments.batch, BITS)).sum().backward()  # builds the kernels
    start = time.process_time()
    losses = train(copier, arguments.steps, arguments.batch, seed)
    took = time.process_time() - start
    return {
        "memory": name,
        "seed": seed,
        "parameters": sum(p.numel() for p in copier.memory.parameters()),
        "milliseconds": 1e3 * took / arguments.steps,
        "losses": [statistics.fmean(losses[at : at + 100]) for at in range(0, len(losses), 100)],
        "wrong": {length: wrong_bits(copier, length) for length in arguments.lengths},
    }


def line(name: str, runs: Sequence[dict], lengths: Sequence[int]) -> str:
    """A row of the table."""
    cells = [name, f"{runs[0]['parameters']:,}", f"{statistics.median(r['milliseconds'] for r in runs):.0f}"]
    for length in lengths:
        wrong = [r["wrong"][length] for r in runs]
        cells.append(f"{statistics.fmean(wrong):.2f} ({min(wrong):.2f} to {max(wrong):.2f})")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = command_line.Parser(__doc__)
    parser.add_argument("--steps", type=command_line.whole(1), default=6000, help="batches of training")
    parser.add_argument("--batch", type=command_line.whole(1), default=16)
    parser.add_argument("--seeds", nargs="+", type=command_line.seed, default=[0, 1, 2])
    parser.add_argument(
        "--lengths", nargs="+", type=command_line.whole(1), default=[10, 20, 40, 80], help="what is tested"
    )
    parser.add_argument("--units", type=command_line.whole(1), default=100, help="of the NTM's controller")
    parser.add_argument("--slots", type=command_line.whole(1), default=128, help="of the NTM's memory")
    parser.add_argument("--slot-size", type=command_line.whole(1), default=20)
    parser.add_argument("--lstm-units", type=command_line.whole(1), default=256)
    parser.add_argument("--json", type=command_line.file_to_write, help="a file for every run's numbers")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    print("| wrong bits, % | parameters | ms a step |", *(f"length {n} |" for n in arguments.lengths))
    print("| --- | ---: | ---: |", *("---: |" for _ in arguments.lengths), flush=True)
    for name, make in memories(arguments).items():
        for seed in arguments.seeds:
            found.append(run(name, make, seed, arguments))
            if arguments.json:
                with atomic_write(arguments.json) as file:
                    json.dump(found, file, indent=1)
        print(line(name, found[-len(arguments.seeds) :], arguments.lengths), flush=True)


if __name__ == "__main__":
    command_line.run(main)
