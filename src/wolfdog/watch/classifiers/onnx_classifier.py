"""Image classifiers and encoders in ONNX files, run by ONNX Runtime."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import ONNXError

from .classifier import Classification, Classifier, softmax
from .imagenet import imagenet_classes
from .onnx_features import FEATURES, with_features
from .onnx_session import metadata_of, open_session
from .onnx_settings import InputFormat, OnnxOptions, class_names, input_format
from .preprocessing import Crop, Images, Preprocessing


class OnnxClassifier(Classifier):
    """ONNX image network as a `Classifier`.

    For a network with one output of class scores, the features are the input of its last linear layer, if the package
    onnx is installed and can find it, and otherwise the scores themselves. Scores that are no probabilities are taken
    for logits. A network of 1,000 classes without names has those of ImageNet.

    Args:
        model: A file, or the bytes of one.
        name: Name of the network in messages; the file's name by default.
        options: Facts that the file does not state.
        crop: See `Preprocessing`.
        part: See `Preprocessing`.
        threads: Threads of one call.
        batch_size: Images in one call, unless the file fixes it.

    Raises:
        ONNXError: The file cannot be used, or lacks information; the message names the option that is missing.
        MissingPackageError: ONNX Runtime is not installed.
    """

    def __init__(
        self,
        model: Path | bytes,
        *,
        name: str | None = None,
        options: OnnxOptions | None = None,
        crop: Crop = "squeeze",
        part: float = 1.0,
        threads: int = 1,
        batch_size: int = 16,
    ) -> None:
        options = options or OnnxOptions()
        self._path = name or str(model if isinstance(model, Path) else "ONNX network")
        self._session = open_session(model, self._path, threads=threads)
        metadata: Mapping[str, str] = metadata_of(self._session, self._path)
        self.input: InputFormat = input_format(self._session, metadata, options, self._path)
        names = class_names(metadata, options, self._path)
        self._scores, self._features = self._outputs(metadata, options, names)
        if self._features is None:
            content = model if isinstance(model, bytes) else model.read_bytes()
            more = with_features(content, self._scores or "")
            if more is not None:
                try:
                    self._session = open_session(more, self._path, threads=threads)
                    self._features = FEATURES
                except ONNXError:
                    self._features = None  # weights in a file beside it, which only a path leads to
        noise = np.random.default_rng(0).integers(0, 256, (1, *self.input.size, 3), np.uint8)
        features, scores = self._run(noise)
        # Not negative and of sum one: no logits are. An encoder has no scores, and no softmax of them.
        adds_up = bool((scores >= 0).all()) and bool(np.allclose(scores.sum(axis=1), 1, atol=1e-3))
        self._gives_probabilities = adds_up or self._scores is None
        names = self._checked_names(names, scores)
        height, width = self.input.size
        digest = hashlib.sha256(model if isinstance(model, bytes) else model.read_bytes()).hexdigest()
        super().__init__(
            self._path,
            identity=f"onnx {digest} {self.input} {self._scores} {self._features} {options.classes}",
            preprocessing=Preprocessing(height, width, crop, part),
            classes=names,
            feature_size=features.shape[1],
            batch_size=self.input.batch or batch_size,
        )

    def infer(self, images: Images) -> Classification:
        """One batch through ONNX Runtime; see `Classifier`."""
        features, scores = self._run(images)
        return Classification(features, scores if self._gives_probabilities else softmax(scores))

    def _run(self, images: Images) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features [n, F] and scores [n, K], K = 0 for an encoder."""
        n, fixed = len(images), self.input.batch
        if fixed is not None and n < fixed:
            images = np.concatenate([images, np.repeat(images[-1:], fixed - n, axis=0)])
        wanted = [output for output in (self._features, self._scores) if output is not None]
        try:
            results = self._session.run(wanted, {self.input.name: self.input.tensor(images)})
        except Exception as error:  # ONNX Runtime's exceptions have no common class but this one
            reason = str(error).split("\n", 1)[0]
            raise ONNXError(
                f"{self._path}: ONNX Runtime failed on images of {self.input.size} ({reason})."
            ) from error
        arrays = {name: self._rows(name, r, n) for name, r in zip(wanted, results, strict=True)}
        scores = arrays[self._scores] if self._scores else np.empty((n, 0), np.float32)
        return arrays[self._features] if self._features else scores, scores

    def _rows(self, output: str, result: Any, n: int) -> NDArray[np.float32]:
        """Output as [n, columns]; axes of length 1 at the end, as pooling leaves them, are dropped."""
        array = np.asarray(result, np.float32)
        array = array[:n] if array.ndim else array
        if array.ndim < 2 or array.shape[0] != n or any(axis != 1 for axis in array.shape[2:]):
            raise ONNXError(
                f"{self._path}: its output {output!r} must have one row of numbers for each image, got the shape "
                f"{list(array.shape)} for {n}. Name another as classes_output or features_output."
            )
        return array.reshape(array.shape[:2])

    def _outputs(
        self, metadata: Mapping[str, str], options: OnnxOptions, names: tuple[str, ...] | None
    ) -> tuple[str | None, str | None]:
        """Names of the outputs with class scores and with features; None for one that the network lacks."""
        outputs = {output.name: output.shape for output in self._session.get_outputs()}
        scores = options.classes_output or metadata.get("classes_output")
        features = options.features_output or metadata.get("features_output")
        for name in (scores, features):
            if name is not None and name not in outputs:
                raise ONNXError(f"{self._path}: it has no output {name!r}; it has {', '.join(outputs)}.")
        if options.encoder:
            rest = [name for name, shape in outputs.items() if len(shape) == 2] or list(outputs)
            return None, features or rest[0]
        if scores is None:
            rest = [name for name in outputs if name != features]
            fitting = [name for name in rest if names is not None and outputs[name][-1:] == [len(names)]]
            if not rest:
                raise ONNXError(f"{self._path}: it has no output of class scores. Use it as an encoder.")
            scores = (fitting or rest)[0]
        return scores, features

    def _checked_names(self, names: tuple[str, ...] | None, scores: NDArray[np.float32]) -> tuple[str, ...]:
        k = scores.shape[1]
        if self._scores is None:
            return ()
        if names is None and k == 1000:
            return imagenet_classes()
        if names is None or len(names) != k:
            known = "no names" if names is None else f"{len(names)} names"
            raise ONNXError(
                f"{self._path}: its output {self._scores!r} has {k} classes and there are {known} for them. Give "
                "as many class names, or use the network as an encoder if these are features."
            )
        return names
