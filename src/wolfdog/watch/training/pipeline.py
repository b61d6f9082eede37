"""Training of a watcher on labelled videos, in stages that resume after an interruption."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import InputError
from ..data.labelled_video import LabelledVideo, embed_video
from ..distributed import SINGLE, Processes
from ..model.config import WatcherConfig
from ..model.context import Context
from ..model.frame_classifier import FrameClassifier
from ..model.registry import NO_MEMORY
from ..model.watcher import Watcher
from ..progress import Done, Stages
from .frame_bags import resolve_bags
from .halves import halves
from .jobs import ContextJob, FrameClassifierJob, JointJob, calibrate_on
from .settings import ContextTraining, FrameClassifierTraining
from .trainer import Progress


@dataclass(frozen=True)
class WatcherTraining:
    """Training of a watcher on labelled videos, and the folder that it is written to.

    In two stages (the default), half of the videos train the frame classifier; on the other half it is calibrated, and
    the memory is trained. A frame classifier is more confident on its own training frames than on new ones, so a memory
    trained on those would rely on it too much. With fewer than four videos both are trained on all. In joint training,
    frame classifier and memory are trained on all videos together.

    Args:
        config: Of the watcher.
        frame_classifier: Settings of the frame classifier's training.
        context: Settings of the context's training.
        seed: Of the training.
        out: Folder of the watcher and, in `out`/training, of the checkpoints. After an interruption the same call
            resumes from these and gives the same weights.
        save_every: Steps between two checkpoints.
        joint: Whether training is joint.
        processes: Processes that train it together, on the same videos; the first one writes the files.

    Raises:
        InputError: Joint training without a memory, or a world of another frame rate.
    """

    config: WatcherConfig
    frame_classifier: FrameClassifierTraining
    context: ContextTraining
    seed: int
    out: Path
    save_every: int = 100
    joint: bool = False
    processes: Processes = SINGLE

    def __post_init__(self) -> None:
        if self.joint and self.config.memory == NO_MEMORY:
            raise InputError("joint training: memory is 'none', so there is nothing to join; use two stages")
        cut = self.context.cut
        if cut is not None and cut.fps != self.config.fps:
            raise InputError(
                f"the world {cut.name!r} has {cut.fps:g} frames a second and the watcher {self.config.fps:g}: "
                "its shots and gaps are counted in frames, so give the watcher the world's rate"
            )

    def run(self, footage: Sequence[LabelledVideo], stages: Stages) -> Watcher:
        """Watcher trained on videos of frames, and saved.

        Args:
            footage: Labelled videos.
            stages: Shows progress.

        Returns:
            The watcher.

        Raises:
            CheckpointError: `out` holds the checkpoints of another training.
            InputError: Some labels are for whole files, and training is joint, or on broadcasts made of the shots.
        """
        if (self.joint or self.context.cut is not None) and any(video.bags for video in footage):
            raise InputError(
                "labels of whole files or sequences: joint training and --world need spans, since the frames that show "
                "a label are found by the frame classifier first. Give starts and ends, or train in two stages."
            )
        watcher = self._jointly(footage, stages) if self.joint else self._in_two_stages(footage, stages)
        if self.processes.first:
            watcher.save(self.out)
        return watcher

    def _jointly(self, footage: Sequence[LabelledVideo], stages: Stages) -> Watcher:
        job = JointJob(
            self.config,
            footage,
            self.context,
            self.seed,
            checkpoint=self._checkpoint("joint"),
            save_every=self.save_every,
            processes=self.processes,
        )
        with stages("training frame classifier and memory", self.context.plan.steps) as done:
            watcher = job.run(reported(done))
        embedded = self._embedded(watcher.frame_classifier, footage, stages)
        calibrate_on(watcher.frame_classifier, embedded)
        return assembled(self._without(footage), watcher.frame_classifier, watcher.context)

    def _in_two_stages(self, footage: Sequence[LabelledVideo], stages: Stages) -> Watcher:
        first, second, _ = halves(footage)
        job = FrameClassifierJob(
            self.config,
            first,
            self.frame_classifier,
            self.seed,
            checkpoint=self._checkpoint("frame-classifier"),
            save_every=self.save_every,
            processes=self.processes,
        )
        classifier, embedded = train_and_calibrate(
            job, lambda classifier: self._embedded(classifier, second, stages), stages
        )
        context = None
        if self.config.memory != NO_MEMORY:
            memory_job = ContextJob(
                self.config,
                embedded,
                self.context,
                self.seed,
                checkpoint=self._checkpoint("memory"),
                save_every=self.save_every,
                processes=self.processes,
            )
            with stages(f"training the memory: {self.config.memory}", self.context.plan.steps) as done:
                context = memory_job.run(reported(done))
        return assembled(self._without(embedded), classifier, context)

    def _without(self, footage: Sequence[LabelledVideo]) -> WatcherConfig:
        """Configuration of a watcher whose memory was trained on this footage: classes that it lacks are named."""
        seen = {label for video in footage for label in video.classes}
        classes = self.config.classes
        unseen = tuple(name for label, name in enumerate(classes) if label not in seen)
        return replace(self.config, unremembered=unseen) if self.config.memory != NO_MEMORY else self.config

    def _embedded(
        self, classifier: FrameClassifier, footage: Sequence[LabelledVideo], stages: Stages
    ) -> list[LabelledVideo]:
        own = footage[self.processes.share(len(footage))]

        def embed() -> list[LabelledVideo]:
            embedded = []
            for number, video in enumerate(own):
                embedded.append(embed_video(classifier, video))
                done(number + 1, "")
            return embedded

        with stages("embedding the videos", len(own)) as done:
            by_process = self.processes.gather(embed)
        embedded = [video for of_one in by_process for video in of_one]
        return resolve_bags(classifier, embedded, self.config.classes, self.seed)

    def _checkpoint(self, stage: str) -> Path:
        return self.out / "training" / f"{stage}.safetensors"


def train_and_calibrate(
    job: FrameClassifierJob, embed: Callable[[FrameClassifier], list[LabelledVideo]], stages: Stages
) -> tuple[FrameClassifier, list[LabelledVideo]]:
    """First stage of the training: a frame classifier, calibrated on held-out videos.

    Args:
        job: Training of the frame classifier.
        embed: Function that gives the held-out videos as embeddings of the frame classifier.
        stages: Shows progress.

    Returns:
        The frame classifier, and the embedded videos for the memory.
    """
    with stages("training the frame classifier", job.training.plan.steps) as done:
        classifier = job.run(reported(done))
    embedded = embed(classifier)
    calibrate_on(classifier, embedded)
    return classifier, embedded


def assembled(config: WatcherConfig, classifier: FrameClassifier, context: Context | None) -> Watcher:
    """Watcher of a trained frame classifier and a trained context."""
    watcher = Watcher(config)
    watcher.frame_classifier.load_state_dict(classifier.state_dict())
    if watcher.context is not None and context is not None:
        watcher.context.load_state_dict(context.state_dict())
    return watcher.eval()


def reported(done: Done) -> Callable[[Progress], None]:
    """Callback that reports training steps to a stage."""
    return lambda made: done(made.step, f"loss {made.loss:.3f}")
