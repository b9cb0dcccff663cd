"""The one exception that a command shows as a line instead of a traceback."""

import difflib
import re

# Letters that say how a name begins.
SHORTEST = 3


class UserError(ValueError):
    """Something that the user typed or supplied cannot be used.

    The message is one line. It names the file, field or flag at fault and
    says what to do about it; commands print it and exit with code 1.

    Example:

    ```python
    def check(epochs):
        if epochs < 1:
            raise UserError(f"--epochs={epochs}: use at least 1 epoch")
    ```
    """


def nearest(name, known, otherwise, mark=""):
    """What to say of a name that is not known: the nearest one, as a question.

    Args:
        name: what was given.
        known: the names that there are.
        otherwise: what to say where none is near.
        mark: what is written before a name.

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
