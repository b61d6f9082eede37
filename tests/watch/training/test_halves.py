"""Division of labelled videos, classes that one of them shows, and classes that the memory never saw."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from watch_reels import painted, single
from wolfdog.labels.stratified import assign
from wolfdog.watch.data.labelled_video import embed_video
from wolfdog.watch.evaluation.observers import SNAPSHOT, observe
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.context import Context
from wolfdog.watch.model.frame_classifier import FrameClassifier
from wolfdog.watch.model.unremembered import left_to_snapshot
from wolfdog.watch.model.watcher import Watcher
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.progress import silent
from wolfdog.watch.training.context_method import ContextMethod, context_config
from wolfdog.watch.training.halves import class_warnings, halves
from wolfdog.watch.training.pipeline import WatcherTraining
from wolfdog.watch.training.settings import ContextTraining, FrameClassifierTraining
from wolfdog.watch.training.trainer import OptimizerSettings


@given(st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=4, max_size=14), st.integers(0, 99))
def test_every_class_of_two_videos_is_in_both_halves_or_in_a_video_of_both(shown, seed):
    footage = [single(sorted(labels), name=f"{seed} {n}.mp4") for n, labels in enumerate(shown)]
    first, second, alone = halves(footage)
    assert {video.name for video in first} | {video.name for video in second} == {v.name for v in footage}
    both = {video.name for video in first} & {video.name for video in second}
    assert both == set(alone.values())
    counts = {label: sum(label in labels for labels in shown) for label in set().union(*shown)}
    assert set(alone) == {label for label, count in counts.items() if count == 1}
    for label in alone:
        assert all(any(label in video.classes for video in half) for half in (first, second))


def test_a_rare_class_is_in_both_halves_and_sites_stay_together():
    footage = [single([0] if n > 1 else [0, 1], name=f"{n}.mp4") for n in range(12)]
    for half in halves(footage)[:2]:
        assert sum(1 in video.classes for video in half) == 1
    sites = [single([n % 2], name=f"{n}.mp4", site=f"site {n // 2}") for n in range(16)]
    first, second, _ = halves(sites)
    assert len(first) == len(second) == 8
    assert not {video.site for video in first} & {video.site for video in second}


@given(
    st.dictionaries(
        st.text(max_size=3), st.dictionaries(st.sampled_from("abc"), st.floats(0.1, 9)), min_size=2
    )
)
def test_no_part_is_empty(groups):
    assert set(assign(groups, {"one": 0.9, "other": 0.1}).values()) == {"one", "other"}


def test_classes_that_one_video_shows_are_said():
    footage = [single([0] if n else [0, 1], name=f"{n}.mp4") for n in range(5)]
    warnings = class_warnings(footage, ["dog", "fox", "bear"])
    assert [text[:35] for text in warnings] == [
        "fox: only 0.mp4 shows it, so that f",
        "bear: no frame that was looked at h",
    ]
    assert len(class_warnings(footage, ["dog", "fox", "bear"], joint=True)) == 1


def test_classes_that_the_memory_never_saw_keep_the_snapshot_s_probability():
    context, alone = torch.randn(7, 2, 4), torch.randn(7, 2, 4)
    unseen = torch.tensor([False, True, False, True])
    p, s, c = (logits.softmax(-1) for logits in (left_to_snapshot(context, alone, unseen), alone, context))
    torch.testing.assert_close(p[..., unseen], s[..., unseen])
    torch.testing.assert_close(p.sum(-1), torch.ones(7, 2))
    torch.testing.assert_close(p[..., 0] / p[..., 2], c[..., 0] / c[..., 2])
    assert left_to_snapshot(context, alone, torch.zeros(4, dtype=bool)) is context
    assert left_to_snapshot(context, alone, torch.ones(4, dtype=bool)) is alone


def test_a_watcher_keeps_its_unremembered_classes(tmp_path):
    config = WatcherConfig(
        ("red", "green", "blue"), 5.0, size=16, width=2, embedding=4, hidden=4, unremembered=("green",)
    )
    torch.manual_seed(0)
    watcher = Watcher(config).eval()
    with torch.no_grad():
        watcher.frame_classifier.snapshot.bias.copy_(torch.tensor([0.0, 9.0, 0.0]))
        watcher.context.head.bias.copy_(torch.tensor([9.0, -20.0, 0.0]))
    watcher.save(tmp_path)
    again = Watcher.load(tmp_path)
    assert again.config == config
    frames = torch.randint(0, 255, (3, 1, 16, 16, 3), dtype=torch.uint8)
    with torch.no_grad():
        for one in (watcher, again):
            snapshot, context, _ = one(frames)
            assert context.argmax(-1).flatten().tolist() == [1, 1, 1]
            torch.testing.assert_close(context.softmax(-1)[..., 1], snapshot.softmax(-1)[..., 1])


def colours(order, number, each=12):
    """A film that shows three colours one after the other, `each` frames long."""
    base = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200]])[np.repeat(order, each)]
    rng = np.random.default_rng(number)
    images = np.clip(base[:, None, None] + rng.normal(0, 15, (len(base), 16, 16, 3)), 0, 255).astype(np.uint8)
    video = painted(frames=len(base), size=16, name=f"film {number}.mp4")
    labels, spans = np.repeat(order, each), np.repeat(np.arange(len(order)), each)
    return type(video)(video.name, np.arange(len(base)) / 6, labels, spans, ("",) * len(order), images)


def test_a_class_that_one_of_twelve_films_shows_is_said_in_context(tmp_path):
    footage = [colours([0, 2, 1] if n == 3 else [0, 2, 0], n) for n in range(12)]
    config = WatcherConfig(
        ("red", "green", "blue"), 6.0, size=16, width=2, embedding=6, hidden=8, memory="gru"
    )
    training = WatcherTraining(
        config,
        FrameClassifierTraining(OptimizerSettings(60, 1e-2), batch=24),
        ContextTraining(OptimizerSettings(160, 2e-2), chunk=16, streams=12),
        0,
        tmp_path,
    )
    watcher = training.run(footage, silent)
    new = [colours([0, 2, 1], 100 + n) for n in range(3)]
    embedded = [embed_video(watcher.frame_classifier, video) for video in new]
    judged = observe(watcher.frame_classifier, {"gru": watcher.context}, embedded, config.classes, None)
    green = judged.truth == 1
    for name in (SNAPSHOT, "gru"):
        assert (judged.probabilities[name][green].argmax(-1) == 1).mean() > 0.9, name


def test_a_memory_that_never_saw_a_class_leaves_it_to_the_snapshot():
    footage = [single([0, 1, 2], name="a.mp4")]
    torch.manual_seed(0)
    classifier = FrameClassifier(3, width=2, embedding=1)
    context = Context.of(
        WatcherConfig(("a", "b", "c"), 5.0, size=16, embedding=1, hidden=4, memory="gru", unremembered=("c",))
    )
    judged = observe(classifier, {"gru": context.eval()}, footage, ("a", "b", "c"), None)
    np.testing.assert_allclose(
        judged.probabilities["gru"][:, 2], judged.probabilities[SNAPSHOT][:, 2], rtol=1e-6
    )
    assert (judged.probabilities["gru"][:, 0] != judged.probabilities[SNAPSHOT][:, 0]).all()


def test_a_memory_over_a_head_leaves_what_it_never_saw_to_the_head():
    config = context_config(("a", "b", "c"), 5.0, "gru", hidden=4, unremembered=("b",))
    torch.manual_seed(0)
    method = ContextMethod(config=config, context=Context.of(config).eval())
    p = np.random.default_rng(0).dirichlet(np.ones(3), 12)
    table = Predictions.from_columns(config.classes, p, time=np.arange(12) / 5)
    context = method.smooth(table).context
    np.testing.assert_allclose(context[:, 1], p[:, 1], atol=1e-5)
    assert (abs(context[:, 0] - p[:, 0]) > 1e-3).any()
