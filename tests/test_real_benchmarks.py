"""The benchmarks on photographs and clips, on made-up ones: what is spliced, judged and printed."""

import argparse
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from wolfdog.cells import Chrono
from wolfdog.tv.video import write_video
from wolfdog.watch.smoothing import AnyClass, Mean, Method
from wolfdog.watch.smoothing.any_class_network import AnyClassConfig, AnyClassNetwork
from wolfdog.watch.smoothing.method import Floats, Stream
from wolfdog.watch.world_memory.method import WorldMemory
from wolfdog.watch.world_memory.network import WorldNetwork, WorldNetworkConfig
from wolfdog.watch.world_memory.posterior import CalibratedPosterior
from wolfdog.watch.world_memory.training import WorldTraining
from world_banks import CLASSES, AnimalClassifier, small_bank, write_animals


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    colours = AnimalClassifier.COLOURS
    for name, colour in zip(
        ("wolf_pack", "dog.2", "bear-zoo", "goldfish", "kelp_fish"), colours, strict=True
    ):
        frames = [np.full((32, 32, 3), colour + k % 3, np.uint8) for k in range(30)]
        write_video(tmp_path / f"{name}.mp4", frames, 10.0, 32)
    return tmp_path


def test_clips_are_labelled_by_name_and_seen_in_each_kind(clips: Path) -> None:
    from clip_streams import KINDS, load_clips, read_clips, save_clips

    seen = read_clips(clips, AnimalClassifier(), lambda line: None)
    save_clips(clips / "seen.npz", seen)
    for kept, clip in zip(load_clips(clips / "seen.npz"), seen, strict=True):
        assert kept.name == clip.name
        assert np.array_equal(kept.probabilities, clip.probabilities)
        assert np.array_equal(kept.clarity, clip.clarity)
        assert np.array_equal(kept.labels, clip.labels)
    read = {clip.name: clip for clip in seen}
    assert {name: CLASSES[clip.labels[0]] for name, clip in read.items()} == {
        "wolf_pack.mp4": "wolf",
        "dog.2.mp4": "dog",
        "bear-zoo.mp4": "bear",
        "goldfish.mp4": "goldfish",
        "kelp_fish.mp4": "unknown",
    }
    for clip in read.values():
        assert clip.probabilities.shape == (len(KINDS), 15, 5)  # 3 seconds at 5 frames a second
        assert (clip.probabilities[0].argmax(-1) == clip.labels).all()
    assert (read["wolf_pack.mp4"].probabilities[list(KINDS).index("sixteenth")].argmax(-1) == 0).all()


def test_labels_of_a_file_come_before_names(clips: Path) -> None:
    from clip_streams import read_clips

    (clips / "labels.csv").write_text(
        "video,start,end,label\nwolf_pack.mp4,1,2,bear\nwolf_pack.mp4,2,3,cow\n"
    )
    read = {clip.name: clip for clip in read_clips(clips, AnimalClassifier(), lambda line: None)}
    assert read["wolf_pack.mp4"].labels.tolist() == [-1] * 5 + [2] * 5 + [4] * 5
    assert (read["goldfish.mp4"].labels == -1).all()
    whole = clips / "whole.csv"
    whole.write_text("file,label\nwolf_pack.mp4,bear\n")
    read = {clip.name: clip for clip in read_clips(clips, AnimalClassifier(), lambda line: None, whole)}
    assert (read["wolf_pack.mp4"].labels == 2).all()
    assert (read["goldfish.mp4"].labels == -1).all()


def test_spliced_streams_keep_to_their_channels(clips: Path) -> None:
    from clip_streams import KINDS, read_clips, splice

    read = read_clips(clips, AnimalClassifier(), lambda line: None)
    mix = [1.0] * len(KINDS)
    streams = splice(read, CLASSES, streams=6, minutes=4, seed=1, mix=mix)
    assert streams.labels.shape == (1200, 6)
    assert np.allclose(np.exp(streams.log_p).sum(-1), 1, atol=1e-3)
    unlabelled = (streams.labels < 0).mean()
    assert 0.15 < unlabelled < 0.6
    clean = streams.degradations == 0
    known = clean & (streams.labels >= 0)
    assert (streams.log_p.argmax(-1)[known] == streams.labels[known]).all()
    for n in range(6):
        told = -1
        for label in streams.labels[:, n]:
            told = label if label in (2, 3) else told
            assert label not in (0, 1) or told == {0: 2, 1: 3}[label]
        starts = np.flatnonzero(streams.cuts[:, n])
        assert all(len(set(streams.degradations[a:b, n])) == 1 for a, b in pairwise(starts))
    again = splice(read, CLASSES, streams=6, minutes=4, seed=1, mix=mix)
    assert np.array_equal(again.log_p, streams.log_p)
    assert not splice(read, CLASSES, streams=2, minutes=1, seed=1, mix=[1.0] + [0.0] * 4).degradations.any()


def test_clips_are_compared_and_printed(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import clips as benchmark
    from clip_streams import read_clips

    chosen = {
        "mean": Mean(),
        benchmark.MEMORIES[0]: Mean(frames=1),
        benchmark.MEMORIES[1]: WorldMemory(network=_idle()),
    }
    monkeypatch.setattr(benchmark, "methods", lambda: chosen)
    read = read_clips(clips, AnimalClassifier(), lambda line: None)
    runs = [benchmark.run(read, CLASSES, seed, streams=2, minutes=2)["clean streams"] for seed in (0, 1)]
    assert runs[0]["classifier alone"].by_degradation["clean"].balanced == 1.0
    assert runs[0]["mean"].by_degradation["clean"].balanced < 1.0
    lines = benchmark.table(runs, ["clean"])
    assert lines[2].startswith("| classifier alone | 100.0 ± 0.0 (100.0)")
    [verdict] = benchmark.verdicts(runs, ["clean"])
    assert (
        verdict
        == "clean: best baseline classifier alone 100.0; any-class memory +0.0, world memory +0.0 points"
    )


def test_clips_are_judged_by_class(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import clips as benchmark
    from clip_streams import Clip, read_clips

    monkeypatch.setattr(benchmark, "memories", lambda: {benchmark.MEMORIES[0]: FirstClass()})
    read = read_clips(clips, AnimalClassifier(), lambda line: None)
    bears = [
        Clip(clip.name, np.roll(clip.probabilities, 1, -1), clip.clarity, clip.labels)
        if (clip.labels == 2).all()
        else clip
        for clip in read
    ]
    lines = benchmark.class_table(bears, CLASSES, [0, 1], streams=2, minutes=2, prudence=[1e9])
    assert lines[0] == "| | wolf | dog | bear | goldfish | unknown | mean of classes | all frames |"
    assert lines[2].startswith("| classifier alone | 100.0 | 100.0 | 0.0 | 100.0 | 100.0 | 80.0 | ")
    assert lines[3].startswith("| any-class memory | 100.0 | 0.0 | 0.0 | 0.0 | 0.0 | 20.0 | ")
    name = "any-class memory, prudence 1e+09"  # holds every label of the classifier
    assert lines[4] == lines[2].replace("classifier alone", name)
    others = benchmark.others_table(bears, CLASSES, [0], streams=1, minutes=1)
    named = [clip.name for clip in bears if (clip.labels == CLASSES.index("unknown")).all()]
    assert [line.split(" | ")[0] for line in others[2:]] == [f"| {name}" for name in named]
    assert {line.split(" | ", 1)[1] for line in others[2:]} == {"100.0 | 0.0 (wolf 100) | 0.0 (wolf 100) |"}


class FirstClass(Method):
    """Method whose label is always that of the first class."""

    name = "first"

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        return np.eye(stream.p.shape[1])[np.zeros(len(stream.p), int)]


def _idle() -> WorldNetwork:
    """A network that corrects nothing."""
    return WorldNetwork(WorldNetworkConfig(classes=CLASSES, width=2)).eval()


def test_every_causal_method_is_among_those_of_the_clips() -> None:
    import clips as benchmark

    names = set(benchmark.methods())
    assert {
        "hmm",
        "ema",
        "mean",
        "majority",
        "median10",
        "animl",
        "megadetector",
        *benchmark.MEMORIES,
    } <= names


def test_photographs_are_judged_beside_the_ideal_observer(monkeypatch: pytest.MonkeyPatch) -> None:
    import photographs as benchmark

    monkeypatch.setattr(benchmark, "STREAMS", 3)
    monkeypatch.setattr(benchmark, "FRAMES", 300)
    bank = small_bank(30, sharpness=2.0)
    run, gaps = benchmark.judge(bank, 0, {"idle": WorldMemory(network=_idle())}, CalibratedPosterior(bank))
    for kind, idle in run["idle"].by_degradation.items():
        alone = run["classifier alone"].by_degradation[kind]
        assert (idle.balanced, idle.canines, idle.accuracy) == (alone.balanced, alone.canines, alone.accuracy)
    assert run["ideal observer"].by_degradation["all"].balanced > run["idle"].by_degradation["all"].balanced
    assert sum(gaps["night"].counts) > 0
    lines = benchmark.table([run, run], ["all", "night"], canines=True)
    assert len(lines) == 2 + len(run)
    assert " ± 0.0 (" in lines[2]


def test_photographs_go_through_the_whole_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import photographs as benchmark

    monkeypatch.setattr(benchmark, "STREAMS", 2)
    monkeypatch.setattr(benchmark, "FRAMES", 200)
    quick = partial(WorldTraining, streams=4, frames=128)
    monkeypatch.setattr(benchmark, "WorldTraining", quick)
    monkeypatch.setattr(benchmark, "load_classifier", lambda name, classes: AnimalClassifier())
    write_animals(tmp_path / "animals", count=10)
    options = argparse.Namespace(images=tmp_path / "animals", classifier="", most=10, bank=tmp_path / "kept")
    bank = benchmark.bank_of(options, "head")
    assert (tmp_path / "kept-head.npz").exists()
    forget = Chrono(1000, spread="log")
    run = benchmark.head_run(benchmark.bank_of(options, "head"), 0, 1, ["gru"], forget)
    assert bank.features is not None
    assert {"gru", "ideal observer", "classifier alone"} <= set(run)
    assert run["classifier alone"].by_degradation["all"].balanced > 0.9
    degraded, gaps, seconds = benchmark.degraded_run(benchmark.bank_of(options, "degraded"), 0, 1)
    assert set(degraded["memory"].by_degradation) == {"all", *benchmark.FOUR}
    assert seconds > 0
    assert set(gaps) == set(benchmark.FOUR)
    assert set(gaps["night"].accuracy) == {"classifier alone", "mean of 5 frames", "memory", "ideal observer"}


def test_harm_of_the_memory_is_measured_against_the_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    import memory_harm as benchmark

    monkeypatch.setattr(benchmark, "STREAMS", 2)
    monkeypatch.setattr(benchmark, "FRAMES", 60)
    bank = small_bank(20, sharpness=2.0)
    fresh = AnyClass(network=AnyClassNetwork(AnyClassConfig(width=4)))  # leaves the classifier as it is
    alone, *remembered = benchmark.row(bank, benchmark.PACES["short shots"], {"fresh": fresh})
    assert len(remembered) == 2  # causal, and looking ahead
    assert {cell.split()[0] for cell in remembered} == {alone.split()[0]}
    kept = benchmark.clear(bank)
    right = kept.probabilities[:, 0].argmax(-1) == kept.labels[:, None]
    assert len(kept) < len(bank)
    assert right.mean() > (bank.probabilities[:, 0].argmax(-1) == bank.labels[:, None]).mean()
