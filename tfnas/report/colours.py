"""One colour and one line style per operation, on every figure and table.

The hue tells the family and the dash tells the kernel, so that lines can be
told apart without seeing colours. Skips are red: they are what to watch.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Ink:
    """A colour for light and one for dark paper, and a line style."""

    light: str
    dark: str
    dashed: bool = False


INK = Ink("#1d2129", "#e8e9ec")
MUTED = Ink("#6a707c", "#9aa0ac")
RULE = Ink("#d9dce1", "#3a3f49")
TRAIN = Ink("#3f6fb5", "#7fa8e6")
ALPHA = Ink("#b8862b", "#dcb266")
VALID = Ink("#1f8a70", "#56c2a6")
NORMAL = Ink("#c5384b", "#f07583")
REDUCE = Ink("#8d5a63", "#c99aa2", dashed=True)

OPERATIONS = {
    "none": Ink("#a9adb5", "#757b87"),
    "max_pool_3x3": Ink("#4f9d69", "#79c592"),
    "avg_pool_3x3": Ink("#4f9d6a", "#79c593", dashed=True),
    "skip_connect": Ink("#d33f49", "#f5737c"),
    "skip": Ink("#d33f4a", "#f5737d"),
    "sep_conv_3x3": Ink("#2b66c4", "#6ea2f2"),
    "sep_conv_5x5": Ink("#2b66c5", "#6ea2f3", dashed=True),
    "sep_conv_7x7": Ink("#16386e", "#b3cdf8", dashed=True),
    "dil_conv_3x3": Ink("#8a4bb3", "#c08fe4"),
    "dil_conv_5x5": Ink("#8a4bb4", "#c08fe5", dashed=True),
    "conv_7x1_1x7": Ink("#b5651d", "#e59a58"),
    "nor_conv_1x1": Ink("#2b66c6", "#6ea2f4", dashed=True),
    "nor_conv_3x3": Ink("#2b66c7", "#6ea2f5"),
    "mb_3x3_e3": Ink("#3a9bb8", "#74c8e0", dashed=True),
    "mb_3x3_e6": Ink("#3a9bb9", "#74c8e1"),
    "mb_5x5_e3": Ink("#2b66c8", "#6ea2f6", dashed=True),
    "mb_5x5_e6": Ink("#2b66c9", "#6ea2f7"),
    "mb_7x7_e3": Ink("#8a4bb5", "#c08fe6", dashed=True),
    "mb_7x7_e6": Ink("#8a4bb6", "#c08fe7"),
}
OTHER = Ink("#b5651e", "#e59a59")


def of(operation: str) -> Ink:
    """The operation's ink; unknown operations share one.

    Example:

    ```python
    of("sep_conv_5x5").dashed  # True
    ```
    """
    return OPERATIONS.get(operation, OTHER)


def all_inks() -> tuple[Ink, ...]:
    """Every ink, each with a light colour of its own."""
    fixed = (INK, MUTED, RULE, TRAIN, ALPHA, VALID, NORMAL, REDUCE, OTHER)
    return fixed + tuple(OPERATIONS.values())


def variable(ink: Ink) -> str:
    """The CSS variable that holds the colour of the present theme."""
    return f"var(--c{ink.light.removeprefix('#')})"


def style_sheet() -> str:
    """CSS that defines every variable for light and for dark paper."""

    def rules(shade: str) -> str:
        return "".join(
            f"--c{ink.light[1:]}:{getattr(ink, shade)};" for ink in all_inks()
        )

    return (
        f":root{{{rules('light')}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{rules('dark')}}}}}"
    )
