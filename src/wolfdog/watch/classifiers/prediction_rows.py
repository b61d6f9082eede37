"""Rows of the predictions table from looks at a video."""

from ..predictions.table import Predictions
from .classifier import Classifier
from .looks import Looks


def as_predictions(
    looks: Looks, classifier: Classifier, *, media: str, deployment: str = "", blank: str | None = None
) -> Predictions:
    """Rows of the predictions table for looks at one video or image.

    Args:
        looks: Looks as `classify_video` yields them.
        classifier: Classifier that made them.
        media: Name of the video or image.
        deployment: Name of the camera at its place.
        blank: Name of the class for empty pictures; None if there is none.

    Returns:
        The table.

    Raises:
        InputError: The classifier has no classes.
    """
    return Predictions.from_columns(
        classifier.classes,
        looks.probabilities,
        time=looks.time,
        deployment=deployment,
        media=media,
        blank=blank,
        frame=looks.frame,
        duration=looks.duration,
        detection=looks.detection,
        box=looks.box,
        confidence=looks.confidence,
        clarity=looks.clarity,
        classifier=classifier.name,
    )
