"""The zoo's cards and pictures, read as a visitor reads them."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tfnas import build
from tfnas.errors import UserError

ROOT = Path(__file__).parents[1]
ZOO = ROOT / "zoo"
CARDS = sorted((ZOO / "cards").glob("*.md"))
LICENCES = {
    "digits": "CC BY 4.0",
    "fashion_mnist": "MIT licence",
    "cifar10": "states no licence",
}
HEADINGS = (
    "Good for",
    "Limits",
    "How it was judged",
    "How it was made",
    "Licence",
)


@pytest.fixture(scope="module")
def index():
    lines = json.loads((ZOO / "index.json").read_text())["models"]
    return {line["name"]: line for line in lines}


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_a_card_says_what_for_how_judged_and_whose_data(path, index):
    text, entry = path.read_text(encoding="utf-8"), index[path.stem]
    assert tuple(re.findall("^## (.*)", text, re.M)) == HEADINGS
    assert LICENCES[entry["dataset"]] in text.split("## Licence")[1]
    test = entry["test"]
    share = f"{100 * test['correct'] / test['images']:.2f}"
    assert f"\n{share} % of the {test['images']:,} test images" in text


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_a_card_s_picture_shows_the_cells_that_were_trained(path):
    shown = re.search(r"!\[[^]]*\]\((.*)\)", path.read_text())[1]
    picture = (path.parent / shown).resolve()
    genotype = json.loads(picture.with_suffix(".json").read_text())
    edges = [e for c in ("normal", "reduce") for e in genotype[c]["edges"]]
    wanted = Counter(edge["op"] for edge in edges)
    wanted.update(f"+ {e['attention']}" for e in edges if "attention" in e)
    texts = Counter(
        "".join(node.itertext()).strip()
        for node in ElementTree.parse(picture).iter()
        if node.tag.endswith("}text")
    )
    assert {name: texts[name] for name in wanted} == wanted


def test_a_missing_or_stray_picture_is_found(tmp_path, capsys):
    zoo = shutil.copytree(ZOO, tmp_path / "zoo")
    pictures = zoo / "genotypes"
    (pictures / "darts_digits.svg").rename(pictures / "stray.svg")
    with pytest.raises(UserError, match="faults found: 2; restore the files"):
        build.main(["build", "--verify", f"--zoo={zoo}"])
    said = capsys.readouterr().out
    assert "stray.svg: no entry has this file" in said
    assert "darts_digits.svg: is missing, and the card shows it" in said
