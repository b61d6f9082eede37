"""Labels for video that remember what came before: sources, classifiers, the predictions table, memories, results.

Every public name of the watcher is offered here and loaded when it is first used, so that importing this package
loads no library for video, networks or pictures.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..extras import needs_extra

if TYPE_CHECKING:
    from .classifiers.array_cache import ArrayCache as ArrayCache
    from .classifiers.chosen_frames import LookOptions as LookOptions
    from .classifiers.clarity import clarity as clarity
    from .classifiers.classes import ClassGroups as ClassGroups
    from .classifiers.classes import GroupedClassifier as GroupedClassifier
    from .classifiers.classes import read_groups as read_groups
    from .classifiers.classifier import Classification as Classification
    from .classifiers.classifier import Classifier as Classifier
    from .classifiers.detections import MegaDetectorResults as MegaDetectorResults
    from .classifiers.detector import YoloDetector as YoloDetector
    from .classifiers.imagenet import imagenet_classes as imagenet_classes
    from .classifiers.linear_head import HeadClassifier as HeadClassifier
    from .classifiers.linear_head import LinearHead as LinearHead
    from .classifiers.linear_head import fit_linear_head as fit_linear_head
    from .classifiers.motion import MotionOptions as MotionOptions
    from .classifiers.normalisation import NORMALISATIONS as NORMALISATIONS
    from .classifiers.normalisation import Normalisation as Normalisation
    from .classifiers.onnx_classifier import OnnxClassifier as OnnxClassifier
    from .classifiers.onnx_settings import OnnxOptions as OnnxOptions
    from .classifiers.prediction_rows import as_predictions as as_predictions
    from .classifiers.registry import CLASSIFIERS as CLASSIFIERS
    from .classifiers.registry import load_classifier as load_classifier
    from .classifiers.video_classification import classify_video as classify_video
    from .evaluation.evaluation import Evaluation as Evaluation
    from .evaluation.evaluation import evaluate_predictions as evaluate_predictions
    from .explanation.gradients import gradient_contributions as gradient_contributions
    from .explanation.leave_one_out import Run as Run
    from .explanation.leave_one_out import leave_one_out as leave_one_out
    from .explanation.leave_one_out import leave_runs_out as leave_runs_out
    from .explanation.leave_one_out import nearest_first as nearest_first
    from .export.exports import export_results as export_results
    from .formats import read_results as read_results
    from .formats.verified_labels import VerifiedLabels as VerifiedLabels
    from .formats.verified_labels import read_verified as read_verified
    from .labelling.classifier_labeller import ClassifierLabeller as ClassifierLabeller
    from .labelling.labeller import Labeller as Labeller
    from .labelling.labeller import Labels as Labels
    from .labelling.loading import LabelOptions as LabelOptions
    from .labelling.loading import load_labeller as load_labeller
    from .labelling.loading import load_model_labeller as load_model_labeller
    from .labelling.methods import load_method as load_method
    from .labelling.moments_table import moments_of as moments_of
    from .labelling.moments_table import table_of as table_of
    from .labelling.trained_model import TrainedModel as TrainedModel
    from .labelling.trained_model import load_trained_model as load_trained_model
    from .labelling.watcher_labeller import WatcherLabeller as WatcherLabeller
    from .model.config import WatcherConfig as WatcherConfig
    from .model.context import Context as Context
    from .model.cost import Cost as Cost
    from .model.cost import cost_of as cost_of
    from .model.frame_classifier import FrameClassifier as FrameClassifier
    from .model.onnx import export_watcher as export_watcher
    from .model.watcher import Watcher as Watcher
    from .moments import Event as Event
    from .moments import Evidence as Evidence
    from .moments import Moment as Moment
    from .moments import events as events
    from .output.annotate import annotate as annotate
    from .output.sinks import EventsCSV as EventsCSV
    from .output.sinks import EvidenceCSV as EvidenceCSV
    from .output.sinks import MomentsCSV as MomentsCSV
    from .output.sinks import WebVTT as WebVTT
    from .output.timeline import draw_timeline as draw_timeline
    from .output.timeline import timeline_figure as timeline_figure
    from .predictions import Predictions as Predictions
    from .predictions import PredictionsWriter as PredictionsWriter
    from .predictions import read_predictions as read_predictions
    from .predictions import write_predictions as write_predictions
    from .recorder import Recorder as Recorder
    from .recorder import Watched as Watched
    from .report.page import Report as Report
    from .report.page import write_report as write_report
    from .review.answers import smooth_with_answers as smooth_with_answers
    from .review.calibration import Calibration as Calibration
    from .review.calibration import fit_calibration as fit_calibration
    from .review.calibration_file import load_calibration as load_calibration
    from .review.calibration_file import save_calibration as save_calibration
    from .review.expected_gain import review_queue as review_queue
    from .smoothing import METHODS as METHODS
    from .smoothing import AnyClass as AnyClass
    from .smoothing import AnyClassMemory as AnyClassMemory
    from .smoothing import Method as Method
    from .smoothing.fit import Fitting as Fitting
    from .smoothing.fit import fit_memory as fit_memory
    from .smoothing.method import Stream as Stream
    from .video.camera_dates import DateOptions as DateOptions
    from .video.discover import find_videos as find_videos
    from .video.discover import named_videos as named_videos
    from .video.listing import ListOptions as ListOptions
    from .video.listing import list_media as list_media
    from .video.live import LiveSource as LiveSource
    from .video.live_address import LiveOptions as LiveOptions
    from .video.media import Medium as Medium
    from .video.media import all_utc as all_utc
    from .video.media import by_deployment as by_deployment
    from .video.moving import Moving as Moving
    from .video.sampling import AllFrames as AllFrames
    from .video.sampling import Every as Every
    from .video.sampling import Rate as Rate
    from .video.source import Frame as Frame
    from .video.source import VideoSource as VideoSource
    from .world_memory.method import WorldMemory as WorldMemory
    from .world_memory.method import WorldMemoryStream as WorldMemoryStream

_PUBLIC = {
    "evaluation.evaluation": (
        "Evaluation",
        "evaluate_predictions",
    ),
    "explanation.gradients": ("gradient_contributions",),
    "explanation.leave_one_out": (
        "Run",
        "leave_one_out",
        "leave_runs_out",
        "nearest_first",
    ),
    "export.exports": ("export_results",),
    "formats.verified_labels": (
        "VerifiedLabels",
        "read_verified",
    ),
    "review.answers": ("smooth_with_answers",),
    "review.calibration": (
        "Calibration",
        "fit_calibration",
    ),
    "review.calibration_file": (
        "load_calibration",
        "save_calibration",
    ),
    "review.expected_gain": ("review_queue",),
    "smoothing.method": ("Stream",),
    "classifiers.array_cache": ("ArrayCache",),
    "classifiers.chosen_frames": ("LookOptions",),
    "classifiers.clarity": ("clarity",),
    "classifiers.classes": (
        "ClassGroups",
        "GroupedClassifier",
        "read_groups",
    ),
    "classifiers.classifier": (
        "Classification",
        "Classifier",
    ),
    "classifiers.detections": ("MegaDetectorResults",),
    "classifiers.detector": ("YoloDetector",),
    "classifiers.imagenet": ("imagenet_classes",),
    "classifiers.linear_head": (
        "HeadClassifier",
        "LinearHead",
        "fit_linear_head",
    ),
    "classifiers.motion": ("MotionOptions",),
    "classifiers.normalisation": (
        "NORMALISATIONS",
        "Normalisation",
    ),
    "classifiers.onnx_classifier": ("OnnxClassifier",),
    "classifiers.onnx_settings": ("OnnxOptions",),
    "classifiers.prediction_rows": ("as_predictions",),
    "classifiers.registry": ("CLASSIFIERS", "load_classifier"),
    "classifiers.video_classification": ("classify_video",),
    "formats": ("read_results",),
    "labelling.classifier_labeller": ("ClassifierLabeller",),
    "labelling.labeller": (
        "Labeller",
        "Labels",
    ),
    "labelling.loading": (
        "LabelOptions",
        "load_labeller",
        "load_model_labeller",
    ),
    "labelling.methods": ("load_method",),
    "labelling.moments_table": (
        "moments_of",
        "table_of",
    ),
    "labelling.trained_model": (
        "TrainedModel",
        "load_trained_model",
    ),
    "labelling.watcher_labeller": ("WatcherLabeller",),
    "model.config": ("WatcherConfig",),
    "model.context": ("Context",),
    "model.cost": (
        "Cost",
        "cost_of",
    ),
    "model.frame_classifier": ("FrameClassifier",),
    "model.onnx": ("export_watcher",),
    "model.watcher": ("Watcher",),
    "moments": (
        "Event",
        "Evidence",
        "Moment",
        "events",
    ),
    "output.annotate": ("annotate",),
    "output.sinks": (
        "EventsCSV",
        "EvidenceCSV",
        "MomentsCSV",
        "WebVTT",
    ),
    "output.timeline": (
        "draw_timeline",
        "timeline_figure",
    ),
    "predictions": (
        "Predictions",
        "PredictionsWriter",
        "read_predictions",
        "write_predictions",
    ),
    "recorder": (
        "Recorder",
        "Watched",
    ),
    "report.page": (
        "Report",
        "write_report",
    ),
    "smoothing": (
        "METHODS",
        "AnyClass",
        "AnyClassMemory",
        "Method",
    ),
    "smoothing.fit": (
        "Fitting",
        "fit_memory",
    ),
    "video.camera_dates": ("DateOptions",),
    "video.discover": (
        "find_videos",
        "named_videos",
    ),
    "video.listing": (
        "ListOptions",
        "list_media",
    ),
    "video.live": ("LiveSource",),
    "video.live_address": ("LiveOptions",),
    "video.media": (
        "Medium",
        "all_utc",
        "by_deployment",
    ),
    "video.moving": ("Moving",),
    "video.sampling": (
        "AllFrames",
        "Every",
        "Rate",
    ),
    "video.source": (
        "Frame",
        "VideoSource",
    ),
    "world_memory.method": (
        "WorldMemory",
        "WorldMemoryStream",
    ),
}
"""Public names by the module that holds them."""

_MODULES = {name: module for module, names in _PUBLIC.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needs_extra("watch", f"wolfdog.watch.{name}"):
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
