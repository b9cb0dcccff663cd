"""The manual's tables are those that `tfnas.build --table` prints."""

import re
from pathlib import Path

import pytest

from tfnas import zoo
from tfnas.build.results import gained, markdown, trained
from tfnas.zoo import comparisons

DOCS = Path(__file__).parents[1] / "docs"


def table(page, mark):
    """What stands on a page of the manual below <!-- mark -->."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.search(rf"<!-- {mark} -->\n(.*?)\n<!-- -->", text, re.DOTALL)[1]


@pytest.mark.parametrize(("mark", "place"), [("zoo", 0), ("papers", 1)])
def test_the_zoo_s_tables_are_those_of_the_index(mark, place):
    expected = markdown(zoo.entries()).split("\n\n")[place]
    assert table("zoo.md", mark) == expected, "see tfnas.build --table"


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ("bench gain", lambda: gained("nasbench201_v2")),
        ("survey", lambda: trained("cifar10_16px")),
        ("survey gain", lambda: gained("cifar10_16px")),
    ],
)
def test_the_tables_are_those_of_the_comparisons(mark, expected):
    assert table("comparison.md", mark) == expected(), "see tfnas.build --table"


@pytest.mark.parametrize("name", comparisons.names())
def test_gains_are_those_that_the_comparison_recorded(name):
    """`tfnas.compare` made its table from the runs, not from what is kept."""
    text = (comparisons.folder() / f"{name}.md").read_text(encoding="utf-8")
    start = text.index("**Gain over random search**")
    rows = text[start : text.index("p: two-sided")].splitlines()
    rows = [row.strip("| ").split(" | ") for row in rows if " | " in row][2:]
    recorded = {row[1]: (row[4], row[5]) for row in rows}
    rows = [row.strip("|` ").split(" | ") for row in gained(name).splitlines()]
    assert recorded == {row[0].strip("`"): (row[1], row[2]) for row in rows[2:]}
