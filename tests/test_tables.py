"""The manual's tables: those of the zoo, and of what holds each part."""

import re
from pathlib import Path

import pytest

from tfnas import zoo
from tfnas.build.results import gained, markdown, trained
from tfnas.zoo import comparisons

DOCS = Path(__file__).parents[1] / "docs"


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def table(name, mark):
    """What stands on a page of the manual below <!-- mark -->."""
    found = re.search(rf"<!-- {mark} -->\n(.*?)\n<!-- -->", page(name), re.S)
    return found[1]


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


# === Exactness ===


def test_the_page_names_every_test_that_reads_a_record():
    named = {*re.findall(r"`(test_\w+\.py)`", page("exactness.md"))}
    paths = Path(__file__).parent.glob("test_*.py")
    tests = {path.name: path.read_text(encoding="utf-8") for path in paths}
    fixture = re.compile(r"def \w+\([^)]*\bgolden\b")
    reading = {name for name, code in tests.items() if fixture.search(code)}
    assert len(reading) > 8
    assert reading <= named <= tests.keys()
