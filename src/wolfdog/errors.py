"""The exceptions that wolfdog raises on purpose.

    WolfdogError
    ├── InputError (ValueError)      an argument, a tensor or a file holds something that cannot be used
    │   ├── ShapeError               a tensor has the wrong shape, dtype or device
    │   ├── WorldError               a description of simulated television contradicts itself
    │   ├── LabelsError              a labels file cannot be understood
    │   └── ONNXError                an ONNX file cannot be used, or a layer not be expressed in ONNX
    ├── MediaError                   a video or picture cannot be read or written
    ├── CheckpointError              a saved model or training state cannot be used
    └── MissingPackageError (ImportError)    an optional package that is needed is not installed

    MediaWarning (UserWarning)       a video or picture is read, but not all of it or not as its header has it

Each message says what is wrong, where, what was expected, what was got, and what to do.
"""


class WolfdogError(Exception):
    """The root of every exception that wolfdog raises on purpose."""


class InputError(WolfdogError, ValueError):
    """An argument, a tensor or a file holds something that cannot be used."""


class ShapeError(InputError):
    """A tensor has the wrong shape, dtype or device."""


class WorldError(InputError):
    """A description of simulated television contradicts itself."""


class LabelsError(InputError):
    """A labels file cannot be understood."""


class ONNXError(InputError):
    """An ONNX file cannot be used, or a layer cannot be expressed in ONNX."""


class MediaError(WolfdogError):
    """A video or picture cannot be read or written."""


class MediaWarning(UserWarning):
    """A video or picture is read, but not all of it, or not as its header has it; or it is passed over."""


class CheckpointError(WolfdogError):
    """A saved model or training state cannot be used."""


class MissingPackageError(WolfdogError, ImportError):
    """An optional package that is needed is not installed."""
