"""The papers' figures, with their sources.

Sizes, costs and GPU days are those of the zoo's published entries; errors are
here, as the zoo has them in the authors' words.
"""

import dataclasses

from tfnas.zoo import index

CIFAR10, CIFAR100, IMAGENET = "cifar10", "cifar100", "imagenet"


@dataclasses.dataclass(frozen=True)
class Result:
    """A row of one of the survey's tables.

    Attributes:
        method: our name of the method.
        entry: the zoo's name of the cell, or None if it is not published.
        error: test error in percent, with its deviation, or None.
        note: a remark that the number needs.
    """

    method: str
    entry: str | None
    error: str | None
    note: str = ""

    def figures(self, table):
        """{column: text} of the paper's size and cost, if known."""
        entry = self.entry and index.entry(self.entry)
        if not entry:
            return {}
        paper = entry.paper
        found = {}
        if "gpu_days" in paper:
            found["hours"] = f"{24 * paper['gpu_days']:.1f}"
        if table == IMAGENET:
            for name, key in (
                ("parameters", "imagenet_parameters_millions"),
                ("multiply_adds", "imagenet_multiply_adds_millions"),
            ):
                if key in paper:
                    found[name] = f"{paper[key]} M"
        else:
            found["parameters"] = f"{entry.parameters / 1e6:.2f} M"
            found["multiply_adds"] = f"{entry.multiply_adds / 1e6:.0f} M"
        return found


# Errors from the papers and the authors' repositories. If the survey differs,
# the note says how.
RESULTS = {
    CIFAR10: (
        Result("darts", "DARTS_V2", "2.76 ± 0.09", "second order"),
        Result(
            "pdarts",
            "PDARTS",
            "2.50",
            "36 channels; the survey's 2.25 is of a network of 64 channels "
            "and 10.5 M parameters",
        ),
        Result(
            "fair_darts",
            "FairDARTS_a",
            "2.54",
            "the paper's 2.83 M parameters include the auxiliary head",
        ),
        Result("att_darts", "Att_DARTS", "2.54 ± 0.10"),
        Result("pc_darts", "PC_DARTS_cifar", "2.57", "not in the survey"),
    ),
    CIFAR100: (
        Result("darts", "DARTS_V2", "17.54", "as measured by P-DARTS"),
        Result(
            "pdarts",
            "PDARTS",
            "16.55",
            "36 channels; the survey's 14.64 is of 64 channels, 11.0 M",
        ),
        Result(
            "fair_darts",
            "FairDARTS_a",
            None,
            "no such result was published: the survey's 22.8 is an error on "
            "ImageNet",
        ),
        Result("att_darts", "Att_DARTS", "16.54 ± 0.40"),
    ),
    IMAGENET: (
        Result("darts", "DARTS_V2", "26.7"),
        Result("pdarts", "PDARTS", "24.4"),
        Result(
            "fair_darts",
            None,
            "22.8",
            "a cell of another space, 5.3 M parameters, which the survey "
            "lists under CIFAR-100",
        ),
        Result("att_darts", "Att_DARTS", "26.0"),
        Result("pc_darts", "PC_DARTS_image", "24.2", "not in the survey"),
    ),
}
# Test accuracies in NAS-Bench-201, percent: CIFAR-10, CIFAR-100,
# ImageNet16-120, of the first order of DARTS. As the paper of DrNAS lists them
# (Chen et al., arXiv:2006.10355).
NASBENCH201 = {
    "darts": (54.30, 38.97, 18.41),
    "pc_darts": (93.41, 67.48, 41.31),
    "gdas": (93.61, 70.70, 41.71),
    "drnas": (94.36, 73.51, 46.34),
}
