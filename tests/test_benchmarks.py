"""The benchmarks run at their smallest, without the peers that only a benchmark needs, and compares before it times."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tolerances import assert_agree

SPEED = Path(__file__).parents[1] / "benchmarks" / "speed.py"

# jax and onnxruntime as if they were not installed
WITHOUT = """
import runpy, sys
sys.modules |= {"jax": None, "onnxruntime": None}
sys.argv = ["speed.py", *sys.argv[1:]]
runpy.run_path(%r, run_name="__main__")
"""


def speed(*arguments: str) -> str:
    # as a script is run, with its own folder first
    program = f"import sys; sys.path.insert(0, {str(SPEED.parent)!r})" + WITHOUT % str(SPEED)
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
def test_the_smallest_run_measures_compares_and_tells_the_targets(tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    said = speed("--cells", "Elman", "PeepholeLSTM", "--only", "sequences", "stacks", "drop_ins", "steps",
                 "--shapes", "3,2,8", "--seconds", "0.001", "--json", str(file))  # fmt: skip
    results = json.loads(file.read_text(encoding="utf-8"))
    rows = results["sequences"]
    assert [(row["cell"], row["mode"]) for row in rows] == [
        (cell, mode) for cell in ("Elman", "PeepholeLSTM") for mode in ("inference", "training")
    ]
    assert set(rows[0]["milliseconds"]) == {"wolfdog", "eager loop", "torch.nn"}
    assert rows[2]["time_per_flop"] > 0
    assert [row["layer"] for row in results["stacks"]] == ["LSTM", "LSTM", "GRU", "GRU", "RNN", "RNN"]
    assert [row["layer"] for row in results["drop_ins"][::2]] == [
        "wolfdog.LSTM",
        "wolfdog.GRU",
        "wolfdog.RNN",
    ]
    assert "| wolfdog.GRU, training: worst part of the single layer's time | at most 1.05 |" in said
    assert results["steps"][0]["cell_ratio"] > 0
    assert "left out: jax.lax.scan: jax is not installed" in said
    assert "left out: onnxruntime: onnxruntime is not installed" in said
    assert "| one step of a stream, 8 units, against torch.nn.LSTMCell | at least 1 |" in said


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SPEED.parent)


@pytest.mark.usefixtures("benchmarks")
def test_gradients_that_vanish_are_timed_where_they_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    import vanishing

    row = vanishing.vanishing_row("GRU", 3, 0.001)
    assert min(row[name] for name in ("wolfdog", "torch.nn", "torch.nn, zeros")) > 0
    assert torch.tensor(1e-38).mul(0.5) > 0  # the mode of the last one ended with it
    monkeypatch.setattr(vanishing, "disagreement", lambda *found: 0.1)
    with pytest.raises(RuntimeError, match=r"GRU: gradients .* differ by 1\.0e-01"):
        vanishing.vanishing_row("GRU", 3, 0.001)


@pytest.mark.usefixtures("benchmarks")
def test_a_wrong_answer_has_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    import peers
    import sequences

    def nearly(case: object) -> object:
        right = peers.loops.eager_loop(case)
        return peers.Run(right.call, lambda found: [0.99 * tensor for tensor in right.read(found)])

    monkeypatch.setitem(peers.PEERS, "torch.nn", nearly)
    row, missing = sequences.row(
        "Elman", (3, 2, 8), False, "full", 0.0, ["wolfdog", "eager loop", "torch.nn"]
    )
    assert "torch.nn" not in row["milliseconds"]
    assert "differ" in missing["torch.nn"]
    monkeypatch.setitem(peers.PEERS, "wolfdog", nearly)
    with pytest.raises(RuntimeError, match="differ"):
        sequences.row("Elman", (3, 2, 8), False, "full", 0.0, ["wolfdog", "eager loop"])


@pytest.mark.usefixtures("benchmarks")
def test_ragged_lengths_are_measured_beside_full_ones() -> None:
    import sequences
    import summary

    row, _ = sequences.row("Elman", (6, 3, 8), False, "ragged", 0.0, ["wolfdog", "eager loop"])
    assert row["part_of_full"] > 0
    assert "of the time of full lengths" in sequences.line(row)
    table = summary.table({"sequences": [row | {"part_of_full": 0.5}]})
    assert "(6, 3, 8), part of the time of full lengths | at most 0.65 | 0.50 | met |" in table


@pytest.mark.usefixtures("benchmarks")
def test_resets_are_measured_beside_the_loop_with_resets() -> None:
    import sequences

    row, missing = sequences.row(
        "Elman", (6, 3, 8), False, "resets", 0.0, ["wolfdog", "eager loop", "torch.nn"]
    )
    assert row["part_of_full"] > 0
    assert missing == {"torch.nn": "torch.nn's layers have no resets in mid-sequence"}


@pytest.mark.usefixtures("benchmarks")
def test_steps_of_onnx_runtime_go_on_from_their_own_state() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from peers.onnx_sessions import lstm_steps

    cell, x, state = torch.nn.LSTMCell(8, 8), torch.randn(1, 8), (torch.randn(1, 8), torch.randn(1, 8))
    run, read = lstm_steps(cell, x, state)
    with torch.no_grad():
        for _ in range(3):
            state = cell(x, state)
            run()
            assert_agree(read(), state[0])


@pytest.mark.usefixtures("benchmarks")
def test_targets_are_met_or_missed() -> None:
    import summary

    row = {"cell": "GRU", "mode": "training", "ratio": 2.5, "form": "full", "steps": 3, "batch": 2, "units": 8,
           "milliseconds": {"wolfdog": 1.0, "torch.nn": 2.5}}  # fmt: skip
    table = summary.table({"sequences": [row], "starting": {"import_seconds": 0.2}})
    assert "| GRU, training: worst against the best peer | at least 1 | 2.50 | met |" in table
    assert "| GRU, training: mean against torch.nn | at least 3 | 2.50 | **missed** |" in table
    assert "| import, seconds | at most 0.15 | 0.20 | **missed** |" in table


@pytest.mark.usefixtures("benchmarks")
def test_flops_count_every_matrix_once() -> None:
    from cells import flops

    assert flops(torch.nn.LSTMCell(3, 5), 7, 2, False) == 2 * 20 * (3 + 5) * 7 * 2


@pytest.mark.slow
def test_attention_is_measured_where_steps_agree_with_the_sequence() -> None:
    script = SPEED.parent / "attention.py"
    command = [sys.executable, str(script), "--windows", "2", "5", "--size", "8", "--repeats", "3"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    rows = [line.split("|")[1].strip() for line in run.stdout.splitlines()[2:]]
    assert rows[:2] == ["LSTM", "additive"]
    assert "multi-head, rotary" in rows


@pytest.mark.slow
def test_banks_are_measured_where_reads_agree_with_attention() -> None:
    script = SPEED.parent / "bank.py"
    command = [sys.executable, str(script), "--days", "0.01", "--sizes", "4", "--repeats", "3"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[2].startswith("| 4 | 0 |")


@pytest.mark.slow
def test_copying_is_trained_and_tested(tmp_path: Path) -> None:
    script, file = SPEED.parent / "copy_task.py", tmp_path / "copy.json"
    command = [
        sys.executable,
        str(script),
        "--steps",
        "4",
        "--batch",
        "2",
        "--seeds",
        "0",
        "1",
        "--lengths",
        "2",
    ]
    small = ["--units", "4", "--slots", "5", "--slot-size", "3", "--lstm-units", "4", "--json", str(file)]
    loop = os.environ | {"WOLFDOG_BACKEND": "eager"}  # building kernels would take longer than this
    run = subprocess.run([*command, *small], capture_output=True, text=True, check=False, env=loop)
    assert run.returncode == 0, run.stderr
    rows = [line.split("|")[1].strip() for line in run.stdout.splitlines()[2:]]
    assert rows == ["NTM, 4 units, 5 slots of 3", "LSTM, 4 units"]
    runs = json.loads(file.read_text(encoding="utf-8"))
    assert [run["seed"] for run in runs] == [0, 1, 0, 1]
    assert all(30 < run["wrong"]["2"] < 70 for run in runs)
