"""Image classifiers that PyTorch runs."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .classifier import Classification, Classifier, softmax
from .preprocessing import Images, Preprocessing


class TorchClassifier(Classifier):
    """PyTorch network as a `Classifier`.

    Args:
        name: See `Classifier`.
        network: Function from images uint8 [n, height, width, 3] to features [n, F] and logits [n, K].
        identity: See `Classifier`.
        preprocessing: See `Classifier`.
        classes: See `Classifier`.
        feature_size: See `Classifier`.
        threads: Threads of one call; None keeps PyTorch's setting. PyTorch has one setting for the process, which is
            restored after each call.
        batch_size: Images in one call.
    """

    def __init__(
        self,
        name: str,
        network: Callable[[Tensor], tuple[Tensor, Tensor]],
        *,
        identity: str,
        preprocessing: Preprocessing,
        classes: tuple[str, ...],
        feature_size: int,
        threads: int | None = None,
        batch_size: int = 16,
    ) -> None:
        super().__init__(
            name,
            identity=identity,
            preprocessing=preprocessing,
            classes=classes,
            feature_size=feature_size,
            batch_size=batch_size,
        )
        self._network, self._threads = network, threads

    def infer(self, images: Images) -> Classification:
        """One batch through the network; see `Classifier`."""
        # A copy: PyTorch warns of arrays that cannot be written to, such as those of a frame read from disk.
        with torch.inference_mode(), torch_threads(self._threads):
            features, logits = self._network(torch.tensor(images))
        return Classification(features.float().numpy(), softmax(logits.float().numpy()))


def weights_digest(network: nn.Module) -> str:
    """SHA-256 over all parameters and buffers, with their names, in their order."""
    digest = hashlib.sha256()
    for key, tensor in network.state_dict().items():
        digest.update(key.encode())
        digest.update(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


@contextmanager
def torch_threads(n: int | None) -> Iterator[None]:
    """Context with another number of threads of PyTorch; None keeps it."""
    before = torch.get_num_threads()
    if n is None or n == before:
        yield
        return
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
