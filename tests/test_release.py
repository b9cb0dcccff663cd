"""What a release says of itself, in all the places that say it."""

import re
import tomllib
from pathlib import Path

import tfnas

ROOT = Path(__file__).parents[1]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_version_and_date_are_the_same_everywhere():
    released = re.findall(r"^## \[(.*)\] - (.*)$", text("CHANGELOG.md"), re.M)
    cited = re.findall(
        r"^(version|date-released): (.*)$", text("CITATION.cff"), re.M
    )
    assert released[0] == (tfnas.__version__, dict(cited)["date-released"])
    assert dict(cited)["version"] == tfnas.__version__
    assert [date for _, date in released] == sorted(
        (date for _, date in released), reverse=True
    )


def test_the_pythons_of_the_metadata_are_those_that_may_install_it():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    start = "Programming Language :: Python :: 3."
    named = [c[len(start) :] for c in project["classifiers"] if start in c]
    assert named == [str(minor) for minor in range(11, 14)]
    assert project["requires-python"] == f">=3.{named[0]}"
