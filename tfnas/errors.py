"""The one exception that a command shows as a line instead of a traceback."""

import difflib
import re

# A name's first letters.
SHORTEST = 3


class UserError(ValueError):
    """Something that the user typed or supplied cannot be used.

    The message is one line that names the file, field or flag at fault and
    the remedy; commands print it and exit with code 1.

    Example:

    ```python
    def check(epochs):
        if epochs < 1:
            raise UserError(f"--epochs={epochs}: use at least 1 epoch")
    ```
    """


def nearest(name, known, otherwise, mark=""):
    """The hint about an unknown name: the nearest known one, as a question.

    Args:
        name: what was given.
        known: the known names.
        otherwise: the hint if none is near.
        mark: the text before a name.

    Returns:
        The remedy of a message.
    """
    by_letters = {_letters(other): other for other in known}
    typed = _letters(str(name))
    near = [each for each in by_letters if each.startswith(typed)]
    if len(typed) < SHORTEST or not near:
        near = difflib.get_close_matches(typed, by_letters, 1, 0.5)
    return f"did you mean {mark}{by_letters[near[0]]}?" if near else otherwise


def _letters(name):
    return re.sub(r"[\W_]", "", name.lower())
