"""The manual's tables: those of the zoo, and of what holds each part."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tfnas import zoo
from tfnas.build.results import gained, markdown, trained
from tfnas.compare import features
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
    recorded = {row[1]: (row[4].split()[0], row[5]) for row in rows}
    rows = [row.strip("|` ").split(" | ") for row in gained(name).splitlines()]
    assert recorded == {
        row[0].strip("`"): (row[1].split()[0], row[2]) for row in rows[2:]
    }


def claims(name):
    """{feature: row} of what a comparison says on the survey's claims."""
    text = (comparisons.folder() / f"{name}.md").read_text(encoding="utf-8")
    start = text.index("| feature | claim |")
    head, _, *rows = text[start : text.index("One rule for")].split("\n")
    names = head.strip("| ").split(" | ")
    rows = [row.strip("| ").split(" | ") for row in rows if row]
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


@pytest.mark.parametrize("name", comparisons.names())
def test_a_comparison_says_what_its_intervals_say(name):
    found = claims(name)
    assert list(found) == [row[0] for row in features.FEATURES]
    for row in found.values():
        effect = row["effect (95 % interval)"]
        if row["verdict"] in ("not measured", "withdrawn"):
            assert effect == row["n"] == "–"
            continue
        low, high = map(float, re.findall(r"\((\S+) to (\S+)\)", effect)[0])
        none = 1 if " times " in effect else 0
        assert (row["verdict"] == "undecided") == (low <= none <= high)
        assert all(int(n.replace(",", "")) > 1 for n in row["n"].split(", "))


def test_the_page_tells_the_effect_of_every_feature():
    part = page("comparison.md").partition("## Verdicts\n")[2]
    rows = re.findall(r"^\| (.*?) \|", part.partition("\n- ")[0], re.M)
    assert rows[1:] == [row[0] for row in features.FEATURES]


def sides(name, column, ours, theirs="darts"):
    runs = [run for run in comparisons.runs(name) if run["search_hours"]]
    return [
        [float(run[column]) for run in runs if match(run["method"])]
        for match in (lambda m: m.startswith(ours), lambda m: m == theirs)
    ]


@pytest.mark.parametrize(
    ("name", "feature", "column", "method"),
    [
        (name, f"P-DARTS: stages, {what}", column, "pdarts+")
        for name, column in (
            ("nasbench201", "cifar10"),
            ("nasbench201_v2", "cifar10"),
            ("cifar10_16px", "test_error_percent"),
        )
        for what, column in (("gain", column), ("time", "search_hours"))
    ]
    + [
        ("cifar10_16px", f"Att-DARTS: attention, {what}", column, "att_darts")
        for what, column in (
            ("gain", "test_error_percent"),
            ("time", "search_hours"),
            ("weights", "parameters"),
        )
    ],
)
def test_effects_follow_from_the_runs_that_are_kept(
    name, feature, column, method
):
    """SciPy computes them again from the comparison's table of runs."""
    row = claims(name)[feature]
    ours, theirs = sides(name, column, method)
    assert row["n"] == f"{len(ours)}, {len(theirs)}"
    is_ratio = column in ("search_hours", "parameters")
    if is_ratio:
        ours, theirs = np.log(ours), np.log(theirs)
    if column == "test_error_percent":
        ours, theirs = theirs, ours
    test = stats.ttest_ind(ours, theirs, equal_var=False)
    expected = [np.mean(ours) - np.mean(theirs), *test.confidence_interval()]
    if is_ratio:
        expected = np.exp(expected)
    effect = row["effect (95 % interval)"]
    written = re.search(r"(\S+) \w+ \((\S+) to (\S+)\)", effect).groups()
    assert [*map(float, written)] == pytest.approx(expected, abs=0.0051)


# === Exactness ===


def test_the_page_names_every_test_of_a_record_or_a_second_implementation():
    named = {*re.findall(r"`(\w+\.py)`", page("exactness.md"))}
    paths = Path(__file__).parent.glob("*.py")
    files = {path.name: path.read_text(encoding="utf-8") for path in paths}
    fixture = re.compile(r"def \w+\([^)]*\bgolden\b|^import reference", re.M)
    reading = {
        name
        for name, code in files.items()
        if name.startswith("test_") and fixture.search(code)
    }
    assert len(reading) > 11
    assert reading <= named <= files.keys()
