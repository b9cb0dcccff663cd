"""The one exception that a command shows as a line instead of a traceback."""


class UserError(ValueError):
    """Something that the user typed or supplied cannot be used.

    The message is one line. It names the file, field or flag at fault and
    says what to do about it; commands print it and exit with code 1.

    Example:

    ```python
    raise UserError("--epochs=0: use at least 1 epoch")
    ```
    """
