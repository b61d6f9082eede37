"""What a month of one camera costs in a memory bank: python benchmarks/bank.py [--days 30] [--sizes 32 64 ...]

One entry a minute, float32: megabytes of the saved file, and medians in milliseconds of a read by one query (the bank
alone, and by a reader of four heads that looks at times), of an observation that is not kept by Strided, and of one
that is compared with all that is held, by Novel. A read is printed only where it agrees with attention in float64.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import command_line
from wolfdog import memory as m


def median(call: Callable[[], object], repeats: int) -> float:
    """Milliseconds."""
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return 1e3 * statistics.median(took)


def row(size: int, minutes: int, repeats: int) -> list[float]:
    """What is measured of banks full of entries of a size."""
    bank = m.MemoryBank(size, minutes, keep=m.Strided(60.0))
    novel = m.MemoryBank(size, minutes, keep=m.Novel(0.0))
    for minute, entry in enumerate(torch.randn(minutes, size)):
        bank.write(entry, 60.0 * minute)
        novel._entries[minute], novel._norms[minute] = entry, entry.norm()  # without comparing each with each
    novel.kept = minutes
    query, now = torch.randn(1, size), 60.0 * minutes
    exact = torch.softmax(query.double() @ bank.entries.double().T / size**0.5, -1) @ bank.entries.double()
    torch.testing.assert_close(bank.read(query)[0].double(), exact, rtol=1e-4, atol=1e-5)
    reader = m.BankReader(size, size, heads=4, position=m.RelativeTime(longest=30 * 86_400.0))
    with tempfile.TemporaryDirectory() as folder:
        bank.save(Path(folder) / "bank.safetensors")
        megabytes = (Path(folder) / "bank.safetensors").stat().st_size / 1e6
    return [
        megabytes,
        median(lambda: bank.read(query), repeats),
        median(lambda: reader(query, bank, time=now), repeats),
        median(lambda: bank.write(query[0], now - 30.0), repeats),
        median(lambda: novel.cosine_similarity(query[0]).max(), repeats),
    ]


@torch.no_grad()
def main() -> None:
    parser = command_line.Parser(__doc__)
    parser.add_argument("--days", type=command_line.positive, default=30)
    parser.add_argument("--sizes", nargs="+", type=command_line.whole(1), default=(32, 64, 128, 256, 1024))
    parser.add_argument("--repeats", type=command_line.whole(1), default=50)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    print(
        "| entry | file, MB | read, ms | reader of 4 heads with times, ms | not kept, ms | compared by Novel, ms |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in arguments.sizes:
        found = row(size, int(arguments.days * 24 * 60), arguments.repeats)
        print(f"| {size} | {found[0]:.0f} |", *(f"{value:.3f} |" for value in found[1:]), flush=True)


if __name__ == "__main__":
    command_line.run(main)
