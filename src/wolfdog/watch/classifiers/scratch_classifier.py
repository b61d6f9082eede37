"""Classifier of the small network of a trained watcher."""

from os import PathLike

from ..model.watcher import Watcher
from .classifier import Classifier
from .preprocessing import Preprocessing
from .torch_classifier import TorchClassifier, weights_digest


def scratch_classifier(
    path: str | PathLike[str], *, threads: int | None = None, batch_size: int = 32
) -> Classifier:
    """Frame classifier of a watcher that `wolfdog train` has trained, as a `Classifier`.

    It gets frames as in its training: whole, and squeezed to its size.

    Args:
        path: Folder of the watcher.
        threads: Threads of one call; None keeps PyTorch's setting.
        batch_size: Images in one call.

    Returns:
        The classifier.

    Raises:
        CheckpointError: The folder has no watcher that can be read.
    """
    watcher = Watcher.load(path).eval()
    size = watcher.config.size
    return TorchClassifier(
        f"scratch:{path}",
        watcher.frame_classifier,
        identity=f"scratch {weights_digest(watcher.frame_classifier)} {watcher.config.classes}",
        preprocessing=Preprocessing(size, size, "squeeze"),
        classes=watcher.config.classes,
        feature_size=watcher.config.embedding,
        threads=threads,
        batch_size=batch_size,
    )
