"""The choices of tfnas.auto: one table, a row for each, with its evidence.

A topic has rows in order; the first whose bound holds is taken, and the last
has no bound. `docs/auto.md` shows the table.
"""

import dataclasses

# From so many hours on, a random and a published cell are trained alike.
COMPARED_FROM = 0.5
UNMEASURED = "not measured"
CELLS = "zoo/comparisons/nasbench201_v2.md"
RECIPE = "docs/recipe.md"


@dataclasses.dataclass(frozen=True)
class Row:
    """A choice and why.

    Attributes:
        topic: what is chosen.
        values: {name: value} of the choice.
        reason: why, in words.
        evidence: the page or table that shows it, or `UNMEASURED`.
        of: the field of `Case` that decides, or "" if the row always holds.
        below: the row holds where that field is below this.
    """

    topic: str
    values: dict
    reason: str
    evidence: str
    of: str = ""
    below: float = 0.0

    def holds(self, case):
        return not self.of or getattr(case, self.of) < self.below


@dataclasses.dataclass(frozen=True)
class Case:
    """What decides.

    Attributes:
        images: training images.
        seconds_per_image: of the whole time, for each training image.
        imbalance: images of the most frequent class for each of the rarest.
    """

    images: int
    seconds_per_image: float
    imbalance: float = 1.0


TABLE = (
    Row(
        "method",
        {"method": "darts", "warmup": 0.32, "beta_decay": 5.0},
        "DARTS with beta decay, whose alpha rests for a third of the epochs: "
        "in NAS-Bench-201's space it found the best cells of seven methods",
        CELLS,
    ),
    Row(
        "alpha's rate",
        {"alpha_learning_rate": 3e-3},
        "in so few steps the paper's rate would leave alpha where it began",
        UNMEASURED,
        "images",
        5_000,
    ),
    Row(
        "alpha's rate",
        {"alpha_learning_rate": 1e-3},
        "a short search has fewer steps than the paper's",
        UNMEASURED,
    ),
    Row(
        "largest image",
        {"image_size": 32},
        "little time for each image, so small ones",
        UNMEASURED,
        "seconds_per_image",
        1.0,
    ),
    Row(
        "largest image",
        {"image_size": 48},
        "some time for each image",
        UNMEASURED,
        "seconds_per_image",
        4,
    ),
    Row(
        "largest image",
        {"image_size": 64},
        "time for details",
        UNMEASURED,
        "seconds_per_image",
        15,
    ),
    Row("largest image", {"image_size": 96}, "time for details", UNMEASURED),
    Row(
        "batch",
        {"batch_size": 48, "learning_rate": 0.05},
        "few images need more steps; the rate is that of the preset fast, "
        "scaled by the batch",
        UNMEASURED,
        "images",
        5_000,
    ),
    Row(
        "batch",
        {"batch_size": 96, "learning_rate": 0.1},
        "half the batch of the preset fast, with half its rate",
        UNMEASURED,
        "images",
        20_000,
    ),
    Row(
        "batch",
        {"batch_size": 192, "learning_rate": 0.2},
        "the preset fast's own",
        UNMEASURED,
    ),
    Row(
        "growing images",
        {"sizes": (1.0,)},
        "smaller images first did not pay in the same time",
        RECIPE,
    ),
    Row(
        "largest networks",
        {"rung": 3, "search_epochs": 25, "epochs": 60},
        "few images: larger networks and more epochs only overfit",
        UNMEASURED,
        "images",
        5_000,
    ),
    Row(
        "largest networks",
        {"rung": 7, "search_epochs": 25, "epochs": 40},
        "the largest that the time allows; later epochs gain little",
        UNMEASURED,
    ),
    Row(
        "least epochs",
        {"least_search_epochs": 6, "search_images": 1_500, "least_epochs": 8},
        "below so many a smaller network gains more",
        UNMEASURED,
    ),
    Row(
        "class weights",
        {"class_weights": "none"},
        "the classes are about equally frequent",
        UNMEASURED,
        "imbalance",
        4,
    ),
    Row(
        "class weights",
        {"class_weights": "balanced"},
        "rare classes weigh more, so that they count as much as frequent ones",
        UNMEASURED,
    ),
    Row(
        "shares of the time",
        {"search_share": 0.3},
        "a quarter of the whole for the search, the rest for trainings",
        UNMEASURED,
    ),
)


@dataclasses.dataclass(frozen=True)
class Rung:
    """Sizes of a supernet and of a network.

    Attributes:
        search: (channels, cells) of the supernet.
        network: (channels, cells) of a network with the cell DARTS_V2; others
            are made wider or narrower to cost as much.
    """

    search: tuple[int, int]
    network: tuple[int, int]


# From small to large. The supernet's sizes: not measured.
LADDER = (
    Rung((4, 3), (8, 5)),
    Rung((4, 5), (8, 5)),
    Rung((8, 5), (12, 5)),
    Rung((8, 5), (16, 5)),
    Rung((12, 5), (16, 8)),
    Rung((16, 5), (24, 8)),
    Rung((16, 8), (36, 11)),
    Rung((16, 8), (36, 20)),
)


def topics():
    """The topics in order."""
    return list(dict.fromkeys(row.topic for row in TABLE))


def chosen(case):
    """{topic: the `Row` that holds} for a `Case`."""
    found = {}
    for row in TABLE:
        if row.topic not in found and row.holds(case):
            found[row.topic] = row
    return found


def values(case):
    """{name: value} of all rows that hold for a `Case`."""
    return {
        name: value
        for row in chosen(case).values()
        for name, value in row.values.items()
    }
