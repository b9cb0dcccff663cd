"""Genotypes as the authors print them, against the recorded cells."""

import pytest
from published import COUNTS, published

from tfnas import zoo
from tfnas.errors import UserError
from tfnas.genotype import Genotype, GenotypeError, authors_text


def printed(name, form="pairs"):
    """The text of a recorded genotype, in one of the authors' forms."""
    parts = []
    for kind in ("normal", "reduce"):
        edges = COUNTS[name][kind]["edges"]
        if form == "triples":
            entries = [(op, to, source) for op, source, to in edges]
        else:
            entries = [(op, source) for op, source, _ in edges]
        if form == "nodes":
            entries = [entries[i : i + 2] for i in range(0, len(entries), 2)]
        concat = COUNTS[name][kind]["concat"]
        shown = "range(2, 6)" if form != "pairs" else concat
        parts.append(f"{kind}={entries}, {kind}_concat={shown}")
    return f"Genotype({', '.join(parts)})"


@pytest.mark.parametrize("name", ["DARTS_V1", "DARTS_V2", "PDARTS", "NASNet"])
def test_pairs_are_two_edges_a_node(name):
    assert Genotype.from_json(printed(name)) == published(name)


def test_nodes_may_have_lists_of_their_own():
    assert Genotype.from_json(printed("PDARTS", "nodes")) == published("PDARTS")


@pytest.mark.parametrize("letter", "abcdefg")
def test_triples_name_the_node(letter):
    """And the concat names nodes that no edge reaches."""
    name = f"FairDARTS_{letter}"
    assert Genotype.from_json(printed(name, "triples")) == published(name)


def test_a_file_may_hold_it_with_a_name(tmp_path):
    path = tmp_path / "genotypes.py"
    text = printed("DARTS_V2").replace("), (", "),\n    (")
    path.write_text(f"\n  DARTS_V2 = {text}\n")
    assert Genotype.from_json(path) == published("DARTS_V2")
    assert zoo.genotype(path) == zoo.genotype(printed("DARTS_V2"))


def test_a_flag_takes_it():
    from tfnas import train

    given = {"genotype": printed("DARTS_V2")}
    config, _, genotype = train.resolve(given)
    assert genotype == published("DARTS_V2")
    assert config.out == "runs/text_digits_trained_seed0"


WHOLE = printed("DARTS_V2")
CALL = "__import__('os').system('touch ran')"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WHOLE[:-1], "not a whole Genotype"),
        (f"{WHOLE}; {CALL}", "not a whole Genotype"),
        (WHOLE.replace("normal_concat", "concat"), "normal_concat: missing"),
        (WHOLE.replace("[2, 3, 4, 5]", CALL), "normal_concat: not a plain"),
        (WHOLE.replace("[2, 3, 4, 5]", "range(10**9)"), "normal_concat: "),
        (WHOLE.replace("[2, 3, 4, 5]", "range(2, 200)"), "normal_concat: "),
        (WHOLE.replace("[2, 3, 4, 5]", "7"), "normal_concat: not a list"),
        (WHOLE.replace("('sep_conv_3x3', 0)", CALL, 1), "normal: not a plain"),
        (WHOLE.replace("'sep_conv_3x3'", "'sep_conv'", 1), "did you mean"),
        (WHOLE.replace("'sep_conv_3x3', 0", "'sep_conv_3x3', 4", 1), "from"),
        (WHOLE.replace("('sep_conv_3x3', 0)", "'x'", 1), "normal[0]: not"),
        ("Genotype()", "normal: missing"),
        ("Genotype(" + "(" * 5000, "not a whole Genotype"),
    ],
)
def test_other_text_is_refused_and_never_run(
    text, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GenotypeError) as error:
        Genotype.from_json(text)
    assert words in str(error.value)
    with pytest.raises(UserError, match="--genotype="):
        zoo.genotype(text)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["Genotypes/a.json", "my_Genotype", "{}"])
def test_a_path_is_not_taken_for_text(text):
    assert not authors_text.is_call(text)
