"""One colour and one line style per operation, in every figure and table.

The hue shows the family and the dash its member (5x5 or 3x3, average or
maximum), so that lines can be told apart without colours.
"""

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
NORMAL = Ink("#374151", "#d1d5dc")
REDUCE = Ink("#374152", "#d1d5dd", dashed=True)

# The hues of `tfnas.genotype.drawing`, so that a cell's arrows and the curves
# agree.
OPERATIONS = {
    "none": Ink("#b3b8c1", "#6b7280"),
    "max_pool_3x3": Ink("#b45309", "#f0994a"),
    "avg_pool_3x3": Ink("#b4530a", "#f0994b", dashed=True),
    "skip_connect": Ink("#4b5563", "#d5d9e0"),
    "skip": Ink("#4b5564", "#d5d9e1"),
    "sep_conv_3x3": Ink("#2563a8", "#6ba4ea"),
    "sep_conv_5x5": Ink("#2563a9", "#6ba4eb", dashed=True),
    "sep_conv_7x7": Ink("#14365e", "#b3cdf8", dashed=True),
    "dil_conv_3x3": Ink("#7b3fa0", "#c08fe4"),
    "dil_conv_5x5": Ink("#7b3fa1", "#c08fe5", dashed=True),
    "conv_7x1_1x7": Ink("#0f766e", "#4dc0b5"),
    "nor_conv_1x1": Ink("#0f766f", "#4dc0b6", dashed=True),
    "nor_conv_3x3": Ink("#0f7670", "#4dc0b7"),
    "mb_3x3_e3": Ink("#3a9bb8", "#74c8e0", dashed=True),
    "mb_3x3_e6": Ink("#3a9bb9", "#74c8e1"),
    "mb_5x5_e3": Ink("#2563aa", "#6ba4ec", dashed=True),
    "mb_5x5_e6": Ink("#2563ab", "#6ba4ed"),
    "mb_7x7_e3": Ink("#7b3fa2", "#c08fe6", dashed=True),
    "mb_7x7_e6": Ink("#7b3fa3", "#c08fe7"),
}
OTHER = Ink("#be185d", "#f08cb4")
# The page's colours, as in style.css.
PAPER = Ink("#ffffff", "#14161a")
# Black or white letters, for light and for dark paper: on some colours only one
# of them is readable.
LETTERS = {
    (True, True): Ink("#000002", "#000000"),
    (True, False): Ink("#000001", "#ffffff"),
    (False, True): Ink("#fffffe", "#000000"),
    (False, False): Ink("#fffffd", "#ffffff"),
}


def of(operation):
    """The operation's ink; unknown operations share one."""
    return OPERATIONS.get(operation, OTHER)


def all_inks():
    """Every ink, each with its own light colour."""
    fixed = (INK, MUTED, RULE, TRAIN, ALPHA, VALID, NORMAL, REDUCE, OTHER)
    return (*fixed, *LETTERS.values(), *OPERATIONS.values())


def letters_on(ink, opacity):
    """The ink for text on an area of another ink, in both themes."""
    light = _mixed(PAPER.light, ink.light, opacity)
    dark = _mixed(PAPER.dark, ink.dark, opacity)
    # sqrt(1.05 x 0.05) - 0.05: black and white have the same contrast.
    return LETTERS[luminance(light) > 0.179, luminance(dark) > 0.179]


def luminance(rgb):
    """The relative luminance, 0 to 1, of red, green and blue in 0..1.

    Source: WCAG 2.1, where the contrast of two colours, the larger one first,
    is (a + 0.05) / (b + 0.05).
    """
    linear = [
        x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in rgb
    ]
    return sum(
        w * x for w, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )


def _mixed(paper, colour, opacity):
    """Red, green and blue in 0..1 of a translucent colour on paper."""
    one, two = (
        [int(x[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        for x in (paper, colour)
    )
    return [
        (1 - opacity) * a + opacity * b for a, b in zip(one, two, strict=True)
    ]


def variable(ink):
    """The CSS variable with the ink's colour in the current theme."""
    return f"var(--c{ink.light.removeprefix('#')})"


def style_sheet():
    """CSS that defines every variable for light and for dark paper."""

    def rules(shade):
        return "".join(
            f"--c{ink.light[1:]}:{getattr(ink, shade)};" for ink in all_inks()
        )

    return (
        f":root{{{rules('light')}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{rules('dark')}}}}}"
    )
