"""The zoo's genotypes by name."""

import json
import shutil
from pathlib import Path

import pytest
from published import COUNTS, published

from tfnas import cost, zoo
from tfnas.errors import UserError

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", COUNTS)
def test_a_published_genotype_has_its_cells_and_its_exact_cost(name):
    genotype = zoo.genotype(name)
    assert genotype.cells == published(name).cells
    counts = COUNTS[name]["counts"]["cifar10_C36_L20"]
    found = cost.network_cost(genotype)
    assert found.parameters == counts["parameters"]
    assert found.multiply_adds == counts["multiply_adds"]


def test_fair_darts_is_known_by_its_method():
    assert zoo.genotype("FairDARTS_a").provenance["method"] == "fair_darts"
    assert zoo.genotype("PDARTS").provenance["method"] == "pdarts"


def test_a_name_a_file_and_a_run_s_folder_are_the_same(tmp_path):
    path = ROOT / "zoo" / "genotypes" / "darts_digits.json"
    shutil.copy(path, tmp_path / "genotype.json")
    named = zoo.genotype("darts_digits")
    assert named == zoo.genotype(path) == zoo.genotype(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("darts_v2", "--genotype=darts_v2: no such file, nor in the zoo; did "),
        ("darts_v2", "did you mean DARTS_V2?"),
        ("qqqqqq", "see --help"),
        ("no/such.json", "no/such.json"),
    ],
)
def test_an_unknown_name_is_one_line(name, message):
    with pytest.raises(UserError) as caught:
        zoo.genotype(name)
    assert message in str(caught.value)


def test_an_unknown_operation_is_refused_by_its_field(tmp_path):
    data = json.loads((ROOT / "zoo/published/PDARTS.json").read_text())
    data["normal"]["edges"][0]["op"] = "conv_9x9"
    (tmp_path / "mine.json").write_text(json.dumps(data))
    with pytest.raises(UserError, match=r"normal.edges\[0\].op"):
        zoo.genotype(tmp_path / "mine.json")
