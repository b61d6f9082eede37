"""Random programs against the eager loop, for as long as is asked: python benchmarks/differential.py [--seconds N]

Each program is a random cell of PyTorch's modules and operations, called a few times with a random change in between:
weights, masks, numbers, ties, hooks, methods, modes. Every call is compared with the loop's. A difference is printed
with its seed.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from differential import differences  # its folder was just named


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long (default: an hour)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    arguments = parser.parse_args()
    end, seed, compiled, wrong = time.monotonic() + arguments.seconds, arguments.first, 0, 0
    while time.monotonic() < end:
        found, kernels = differences(seed)
        for line in found:
            print(line, flush=True)
        wrong, compiled, seed = wrong + bool(found), compiled + kernels, seed + 1
    print(f"{seed - arguments.first} programs, {compiled} calls by kernels, {wrong} programs differ")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
