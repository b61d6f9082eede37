"""What a step of attention costs, by window: python benchmarks/attention.py [--windows 16 64 ...] [--size 64]

One stream, one event at a time, one thread, float32, without gradients: the median time of a step in microseconds,
and the size of the state in kilobytes, beside a step of an LSTM of the same size. A time is printed only where steps
and the sequence agree to 1e-5 in the same run.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import command_line
import wolfdog as wd
from wolfdog.layers.cell.state import tensors

WINDOWS = (16, 64, 256, 1024, 4096)


def layers(size: int, window: int) -> dict[str, Callable[[], Any]]:
    """What is measured, by name."""
    m = wd.memory
    return {
        "additive": partial(m.AdditiveAttention, size, size, window=window),
        "multiplicative, general": partial(m.LuongAttention, size, window=window),
        "multiplicative, general, local-p": partial(
            m.LuongAttention, size, span=m.LocalP(8, size), window=window
        ),
        "multi-head, 4 heads": partial(m.MultiHeadAttention, size, 4, window=window),
        "multi-head, rotary": partial(m.MultiHeadAttention, size, 4, window=window, position=m.Rotary()),
        "LSTMN": lambda: wd.Recurrent(m.LSTMNCell(size, size, window=window)),
    }


def measured(layer: Any, size: int, events: int, repeats: int) -> tuple[float, float]:
    """Microseconds of a step after so many events, and kilobytes of the state."""
    x = torch.randn(events, 1, size)
    whole, _ = layer(x)
    state = None
    for t, event in enumerate(x):
        y, state = layer.step(event, state)
        torch.testing.assert_close(y, whole[t], rtol=0, atol=1e-5)
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        layer.step(x[0], state)
        took.append(time.perf_counter() - start)
    kilobytes = sum(part.numel() * part.element_size() for part in tensors(state)) / 1000
    return 1e6 * statistics.median(took), kilobytes


@torch.no_grad()
def main() -> None:
    parser = command_line.Parser(__doc__)
    parser.add_argument("--windows", nargs="+", type=command_line.whole(1), default=WINDOWS)
    parser.add_argument(
        "--size", type=command_line.whole(1), default=64, help="features of an event and of everything else"
    )
    parser.add_argument("--repeats", type=command_line.whole(1), default=300, help="steps that are timed")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    size, windows = arguments.size, arguments.windows
    print("| µs per step, kB of state |", *(f"W = {window} |" for window in windows))
    print("| --- |", *("---: |" for _ in windows))
    lstm, held = measured(wd.Recurrent(wd.cells.LSTMCell(size, size)), size, 20, arguments.repeats)
    print(f"| LSTM | {lstm:.0f}, {held:.1f} |", *("|" for _ in windows[1:]))
    for name in layers(size, 1):
        cells = []
        for window in windows:
            # a window that has been filled once, and gone over
            found = measured(layers(size, window)[name](), size, min(window, 256) + 20, arguments.repeats)
            cells.append("{:.0f}, {:.0f} |".format(*found))
        print(f"| {name} |", *cells, flush=True)


if __name__ == "__main__":
    command_line.run(main)
