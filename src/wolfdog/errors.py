"""Exceptions that wolfdog raises on purpose.

    WolfdogError
    ├── InputError (ValueError)      an argument, a tensor or a file holds something that cannot be used
    │   ├── ShapeError               a tensor has the wrong shape, dtype or device
    │   ├── WorldError               a description of simulated television contradicts itself
    │   ├── LabelsError              a labels file cannot be understood
    │   └── ONNXError                an ONNX file cannot be used, or a layer not be expressed in ONNX
    ├── MediaError                   a video or picture cannot be read or written
    ├── StorageError                 an object storage cannot be reached, or refuses
    ├── CheckpointError              a saved model or training state cannot be used
    └── MissingPackageError (ImportError)    an optional package that is needed is not installed

    MediaWarning (UserWarning)       a video or picture is read, but not all of it or not as its header has it

Each message says what is wrong, where, what was expected, what was found, and what to do.
"""


class WolfdogError(Exception):
    """Base class of all exceptions that wolfdog raises on purpose."""


class InputError(WolfdogError, ValueError):
    """Unusable argument, tensor or file content."""


class ShapeError(InputError):
    """Wrong shape, type or device of a tensor."""


class WorldError(InputError):
    """Contradiction in a description of simulated television."""


class LabelsError(InputError):
    """Invalid labels file."""


class ONNXError(InputError):
    """Unusable ONNX file, or layer that ONNX cannot express."""


class MediaError(WolfdogError):
    """Video or picture that cannot be read or written."""


class StorageError(WolfdogError):
    """Object storage that cannot be reached, or refuses."""


class MediaWarning(UserWarning):
    """Video or picture that is read in part, or not as its header has it, or passed over."""


class CheckpointError(WolfdogError):
    """Unusable saved model or training state."""


class MissingPackageError(WolfdogError, ImportError):
    """Missing optional package."""
