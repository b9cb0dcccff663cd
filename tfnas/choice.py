"""Fields of a frozen dataclass that a person may choose by a flag."""

import dataclasses


def choice(default, text, options=None, least=None):
    """A dataclass field that is a flag of a command.

    Args:
        default: its default.
        text: its help.
        options: the values it may take, or None for any.
        least: the smallest value it may take, or None.

    Example: `epochs: int = choice(50, "epochs of a stage", least=1)`.
    """
    return dataclasses.field(
        default=default,
        metadata={"help": text, "options": options, "least": least},
    )


def fields(config):
    """The fields of a dataclass, or of its instance, that are flags."""
    return [f for f in dataclasses.fields(config) if "help" in f.metadata]
