"""Coverage-guided fuzzing of the readers of files, by atheris (libFuzzer).

    PYTHONPATH=src:tests/support python tests/support/coverage_fuzzing.py --seconds 180 [--parser boris] [--corpus DIR]
    PYTHONPATH=src:tests/support python tests/support/coverage_fuzzing.py --corpus DIR --table

Each parser is fuzzed in a process of its own, for so many seconds of its processor time. A reader may return or raise
one of wolfdog's errors. Another exception is a fault; it is noted once for each place in the code, and the fuzzing goes
on. A crash, more than 20 s for one file, or more than 2,500 MB end the process and are faults too.

With `--corpus DIR`, the files that reached new branches are kept in DIR, the next run begins with them, and the
processor time and the number of files of all runs are added up. Files with a fault are kept too, and read again by the
next run: those without one count as mended. `--table` prints the sums as a table in Markdown and fuzzes nothing.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

if "--within" in sys.argv:  # the process of one parser: all of wolfdog is instrumented while it is loaded
    import atheris

    with atheris.instrument_imports(include=["wolfdog", "tomllib"]):
        from fuzz_targets import TARGETS, reading, seeds
        from structured_mutations import mutate
else:
    from fuzz_targets import TARGETS, reading, seeds
    from structured_mutations import mutate

SECONDS, MEGABYTES, LONGEST = 20, 2500, 20_000
ENDED = "the process ended"
INTERRUPTED = "run interrupted"
MEMORY = Path("/dev/shm")
"""Place for the files that are read: in memory, where the system has it."""


@dataclass
class Tally:
    """Processor seconds, files read, and faults of a parser."""

    seconds: float = 0.0
    files: int = 0
    faults: list[str] | None = None

    @staticmethod
    def read(path):
        """Tally of the runs so far."""
        return Tally(**json.loads(path.read_text("utf-8"))) if path.exists() else Tally(faults=[])

    def write(self, path):
        """Replace the file."""
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        beside.replace(path)


def fuzz(parser, seconds, folder):
    """Fuzz one parser in this process, which ends with it."""
    place = Path(tempfile.mkdtemp(prefix="fuzz-", dir=os.environ.get("WOLFDOG_FUZZ_FILES")))
    with atheris.instrument_imports(include=["wolfdog", "tomllib"]):
        read = reading(parser, place)
        valid = seeds(parser, place / "seeds")
        for data in valid:
            read(data)  # loads everything that is to be instrumented
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(valid):
        (corpus / f"seed{number}").write_bytes(data)
    words = folder / "tokens"
    tokens = [one.replace("\\", "\\\\").replace('"', '\\"') for one in TARGETS[parser].tokens]
    words.write_text("".join(f'"{one}"\n' for one in tokens))
    tally = Tally.read(folder / "tally.json")
    tally.faults = still_open(folder, read) + [
        one for one in tally.faults if one.startswith(ENDED) and INTERRUPTED not in one
    ]
    seen = {_place(one) for one in tally.faults}
    before, began, files = tally.seconds, time.process_time(), 0

    def note():
        tally.seconds = before + time.process_time() - began
        tally.write(folder / "tally.json")

    def once(data):
        nonlocal files
        for fault in read(data):
            if fault is not None and (place := _place(fault)) not in seen:
                seen.add(place)
                (folder / f"fault {place.replace(':', ' ')}.bin").write_bytes(data)
                tally.faults.append(fault)
        files += 1
        tally.files += 1
        if files % 200 == 0:
            note()
        if time.process_time() - began > seconds:
            note()
            os._exit(0)

    several = len(TARGETS[parser].files) > 1

    def changed(data, most, seed):
        rng = random.Random(seed)
        if rng.random() < 0.3:
            return atheris.Mutate(data, most)
        head, rest = (data[:1], data[1:]) if several else (b"", data)
        return (head + mutate(rest, rng, valid))[:most]

    options = [f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}", f"-dict={words}", "-len_control=0"]
    options += [f"-artifact_prefix={folder}/", f"-max_len={LONGEST}"]
    atheris.Setup([sys.argv[0], str(corpus), *options], once, custom_mutator=changed)
    atheris.Fuzz()


def _place(fault):
    """Place in the code at which a fault shows."""
    return fault.partition(" ")[0]


def still_open(folder, read):
    """Faults of the kept files that had one; files without one any more are renamed to `mended ...`."""
    faults = []
    for path in sorted(folder.glob("fault *.bin")):
        found = [one for one in read(path.read_bytes()) if one is not None]
        faults += found[:1]
        if not found:
            path.rename(path.with_name(path.name.replace("fault", "mended", 1)))
    return faults


def table(corpus):
    """Sums of all runs with a corpus, as a table in Markdown."""
    lines = ["| parser | processor time | files read | kept files | faults mended | faults open |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    whole = [0.0, 0, 0, 0, 0]
    for name in TARGETS:
        folder, tally = corpus / name, Tally.read(corpus / name / "tally.json")
        kept = sum(1 for _ in (folder / "corpus").glob("*")) if folder.exists() else 0
        numbers = [
            tally.seconds,
            tally.files,
            kept,
            len(list(folder.glob("mended *.bin"))),
            len(tally.faults),
        ]
        whole = [one + more for one, more in zip(whole, numbers, strict=True)]
        lines.append(_row(name, numbers))
    return "\n".join([*lines, _row("all", whole)])


def _row(name, numbers):
    seconds, *others = numbers
    return f"| {name} | {seconds:,.0f} s | " + " | ".join(f"{one:,}" for one in others) + " |"


def campaign(parser, seconds, folder):
    """Fuzz one parser in a process of its own; the tally of all its runs in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, __file__, "--parser", parser, "--seconds", str(seconds), "--within", str(folder)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as place:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "WOLFDOG_FUZZ_FILES": place}
        ran = subprocess.run(command, capture_output=True, env=environment, check=False)
    tally = Tally.read(folder / "tally.json")
    told = ran.stderr.decode("utf-8", "replace")[-1500:]
    if ran.returncode != 0 and INTERRUPTED not in told:
        tally.faults.append(f"{ENDED} with status {ran.returncode}: {told}")
        tally.write(folder / "tally.json")
    return tally


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=int, default=180)
    arguments.add_argument("--parser", choices=TARGETS, action="append")
    arguments.add_argument("--corpus", type=Path)
    arguments.add_argument("--table", action="store_true")
    arguments.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.within is not None:
        fuzz(given.parser[0], given.seconds, given.within)
    if given.table:
        if given.corpus is None:
            arguments.error("--table needs --corpus")
        print(table(given.corpus))
        sys.exit()
    bad = 0
    with tempfile.TemporaryDirectory() as beside:
        for name in given.parser or TARGETS:
            tally = campaign(name, given.seconds, (given.corpus or Path(beside)) / name)
            bad += len(tally.faults)
            print(
                f"{name}: {tally.files:,} files read in {tally.seconds / 60:.1f} minutes of one processor, "
                f"{len(tally.faults)} faults",
                *tally.faults,
                sep="\n  ",
                flush=True,
            )
    sys.exit(bad > 0)
