"""The libraries that an export needs, without TensorFlow."""

import importlib.util

from tfnas.errors import UserError

LIBRARIES = ("tf2onnx", "onnx", "onnxruntime")
# ONNX files besides float32.
KINDS = ("float16", "int8")


def check_libraries(what, otherwise=""):
    """Refuse to begin if a library is missing.

    Args:
        what: the flag or command that needs them.
        otherwise: the alternative, for the end of the message.

    Raises:
        UserError: says what to install.
    """
    for library in LIBRARIES:
        if importlib.util.find_spec(library) is None:
            raise UserError(
                f"{what}: needs {library}; pip install 'tfnas[export]'"
                + otherwise
            )
