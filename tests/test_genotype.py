"""The genotype file: nothing is lost, and every mistake is named."""

import json

import pytest

from tfnas.genotype import OPERATIONS, Cell, Edge, Genotype, GenotypeError


def pairs(text, concat="2345", nodes=None):
    """A cell from the authors' shorthand: "op input, op input, ..."."""
    items = [item.split() for item in text.split(",")]
    nodes = nodes or [2 + i // 2 for i in range(len(items))]
    edges = tuple(
        Edge(op, int(source), to, *attention)
        for (op, source, *attention), to in zip(items, nodes, strict=True)
    )
    return Cell(edges, tuple(int(state) for state in concat))


# https://github.com/quark0/darts, cnn/genotypes.py
DARTS_V2 = Genotype(
    "darts",
    normal=pairs(
        "sep_conv_3x3 0, sep_conv_3x3 1, sep_conv_3x3 0, sep_conv_3x3 1,"
        "sep_conv_3x3 1, skip_connect 0, skip_connect 0, dil_conv_3x3 2"
    ),
    reduce=pairs(
        "max_pool_3x3 0, max_pool_3x3 1, skip_connect 2, max_pool_3x3 1,"
        "max_pool_3x3 0, skip_connect 2, skip_connect 2, max_pool_3x3 1"
    ),
    provenance={"method": "darts", "seed": 0, "order": 2, "note": None},
)
# Same file: five nodes, one edge twice, and an output of three of the nodes.
NASNET = Genotype(
    "darts",
    normal=pairs(
        "sep_conv_5x5 1, sep_conv_3x3 0, sep_conv_5x5 0, sep_conv_3x3 0,"
        "avg_pool_3x3 1, skip_connect 0, avg_pool_3x3 0, avg_pool_3x3 0,"
        "sep_conv_3x3 1, skip_connect 1",
        concat="23456",
    ),
    reduce=pairs(
        "sep_conv_5x5 1, sep_conv_7x7 0, max_pool_3x3 1, sep_conv_7x7 0,"
        "avg_pool_3x3 1, sep_conv_5x5 0, skip_connect 3, avg_pool_3x3 2,"
        "sep_conv_3x3 2, max_pool_3x3 1",
        concat="456",
    ),
)
# https://github.com/xiaomi-automl/FairDARTS: node 3 is absent, yet node 5
# reads it.
FAIR_DARTS_C = Genotype(
    "darts",
    normal=pairs(
        "max_pool_3x3 0, sep_conv_5x5 1, dil_conv_3x3 0, dil_conv_5x5 2,"
        "skip_connect 3, sep_conv_3x3 0",
        concat="245",
        nodes=[2, 2, 4, 4, 5, 5],
    ),
    reduce=pairs(
        "dil_conv_3x3 1, dil_conv_5x5 0, dil_conv_3x3 0, sep_conv_3x3 1,"
        "sep_conv_5x5 0, sep_conv_5x5 3, sep_conv_5x5 0, skip_connect 1"
    ),
)
# https://github.com/chomin/Att-DARTS, genotypes.py
ATT_DARTS = Genotype(
    "darts",
    normal=pairs(
        "sep_conv_3x3 0 double_attention, sep_conv_3x3 1 cbam,"
        "sep_conv_3x3 0 cbam, skip_connect 2 cbam, skip_connect 0 cbam,"
        "sep_conv_3x3 1 cbam, skip_connect 0 cbam, skip_connect 2 cbam"
    ),
    reduce=pairs(
        "max_pool_3x3 0 bam, dil_conv_3x3 1 double_attention,"
        "avg_pool_3x3 0 bam, skip_connect 2 cbam, skip_connect 2 cbam,"
        "avg_pool_3x3 0 bam, skip_connect 2 cbam, avg_pool_3x3 0 bam"
    ),
)
MOBILE = Genotype("mobile", layers=("mb_3x3_e3", "skip", "mb_7x7_e6"))
BENCH = Genotype(
    "nasbench201",
    cell=Cell(
        (
            Edge("nor_conv_3x3", 0, 1),
            Edge("none", 0, 2),
            Edge("skip_connect", 1, 2),
            Edge("nor_conv_1x1", 0, 3),
            Edge("avg_pool_3x3", 2, 3),
        ),
        (3,),
    ),
)
PUBLISHED = {
    "DARTS_V2": DARTS_V2,
    "NASNet": NASNET,
    "FairDARTS_c": FAIR_DARTS_C,
    "Att_DARTS": ATT_DARTS,
    "mobile": MOBILE,
    "nasbench201": BENCH,
}
published = pytest.mark.parametrize(
    "genotype", PUBLISHED.values(), ids=PUBLISHED.keys()
)


# === Nothing is lost ===


@published
def test_json_round_trip(genotype):
    text = genotype.to_json()
    read = Genotype.from_json(text)
    assert read == genotype
    assert hash(read) == hash(genotype)
    assert read.to_json() == text


@published
def test_text_is_the_documented_json(genotype):
    assert json.loads(genotype.to_json()) == genotype.to_dict()


def test_dictionary_has_the_documented_fields():
    data = ATT_DARTS.to_dict()
    assert data["format"] == "tfnas-genotype/1"
    assert data["normal"]["concat"] == [2, 3, 4, 5]
    assert data["normal"]["edges"][0] == {
        "op": "sep_conv_3x3",
        "from": 0,
        "to": 2,
        "attention": "double_attention",
    }
    assert MOBILE.to_dict()["layers"][1] == {"op": "skip"}


@pytest.mark.parametrize("kind", [str, None], ids=["str", "PathLike"])
def test_reads_a_file(tmp_path, kind):
    path = tmp_path / "genotype.json"
    # Editors on Windows put a byte order mark in front.
    path.write_text(DARTS_V2.to_json(), encoding="utf-8-sig")
    assert Genotype.from_json(kind(path) if kind else path) == DARTS_V2


def test_one_edge_a_line():
    lines = ATT_DARTS.to_json().splitlines()
    assert sum('"op"' in line for line in lines) == 16
    assert all(line.count('"op"') <= 1 for line in lines)


def test_edge_order_is_kept():
    backwards = Cell(DARTS_V2.normal.edges[::-1], DARTS_V2.normal.concat)
    genotype = Genotype("darts", normal=backwards, reduce=DARTS_V2.reduce)
    assert Genotype.from_json(genotype.to_json()).normal == backwards


def test_several_operations_on_one_edge():
    edges = (Edge("sep_conv_3x3", 0, 2), Edge("skip_connect", 0, 2))
    cell = Cell(edges, (2,))
    genotype = Genotype("darts", normal=cell, reduce=cell)
    assert Genotype.from_json(genotype.to_json()) == genotype


# === What it tells ===


def test_operation_counts():
    assert NASNET.operation_counts()["normal"] == {
        "avg_pool_3x3": 3,
        "skip_connect": 2,
        "sep_conv_3x3": 3,
        "sep_conv_5x5": 2,
    }
    assert MOBILE.operation_counts() == {
        "layers": {"mb_3x3_e3": 1, "mb_7x7_e6": 1, "skip": 1}
    }


def test_states_without_data_are_not_live():
    assert FAIR_DARTS_C.normal.live_states() == (0, 1, 2, 4, 5)
    assert BENCH.cell.live_states(inputs=1) == (0, 1, 2, 3)


def test_summary_names_the_counts():
    assert "1 dil_conv_3x3" in str(DARTS_V2)


# === Every mistake is named ===


def complaint(text):
    with pytest.raises(GenotypeError) as error:
        Genotype.from_json(text)
    assert "\n" not in str(error.value)
    return str(error.value)


def changed(genotype, path, value):
    """The JSON of a genotype with one field set; no value deletes it."""
    data = json.loads(genotype.to_json())
    *parents, last = path
    where = data
    for key in parents:
        where = where[key]
    if value is DELETED:
        del where[last]
    else:
        where[last] = value
    return json.dumps(data)


DELETED = object()
EDGE = ("normal", "edges", 3)
CONCAT = ("normal", "concat")
MISTAKES = [
    ((*EDGE, "op"), "sep_conv_3x4", "did you mean 'sep_conv_3x3'?"),
    ((*EDGE, "op"), "mb_3x3_e6", "unknown operation"),
    ((*EDGE, "op"), 3, "unknown operation 3"),
    ((*EDGE, "op"), ["none"], "unknown operation"),
    ((*EDGE, "op"), "a\nb" * 1000, "unknown operation"),
    ((*EDGE, "op"), DELETED, "missing"),
    ((*EDGE, "form"), 0, "did you mean 'from'?"),
    ((*EDGE, "from"), 3, "does not come before node 3"),
    ((*EDGE, "from"), 4, "does not come before node 3"),
    ((*EDGE, "from"), -1, "states count from 0"),
    ((*EDGE, "from"), True, "must be an integer, not True"),
    ((*EDGE, "from"), 1.0, "must be an integer, not 1.0"),
    ((*EDGE, "from"), "1", "must be an integer, not '1'"),
    ((*EDGE, "from"), None, "must be an integer, not None"),
    ((*EDGE, "to"), 1, "nodes start at 2"),
    ((*EDGE, "attention"), "cbma", "did you mean 'cbam'?"),
    ((*EDGE, "attention"), True, "unknown attention True"),
    (EDGE, ["sep_conv_3x3", 0], "must be an object"),
    (("normal", "edges"), {}, "must be a list"),
    (("normal", "edges"), [], "empty"),
    (CONCAT, [], "empty"),
    (CONCAT, 2, "must be a list"),
    ((*CONCAT, 1), 6, "state 6 receives no edge"),
    ((*CONCAT, 1), 2, "state 2 is listed twice"),
    ((*CONCAT, 1), 1, "state 1 is not a node"),
    ((*CONCAT, 1), False, "must be an integer"),
    (CONCAT[:1], DELETED, "missing"),
    (("reduce",), DELETED, "missing"),
    (("reduce",), None, "must be an object"),
    (("cell",), {}, "unknown field 'cell'"),
    (("nromal",), {}, "did you mean 'normal'?"),
    (("format",), "tfnas-genotype/2", "unknown format"),
    (("format",), DELETED, "missing"),
    (("space",), "dart", "did you mean 'darts'?"),
    (("space",), {}, "unknown space"),
    (("space",), DELETED, "missing"),
    (("provenance",), [], "must be an object"),
    (("provenance", "seeds"), [1, 2], "must be text"),
    (("provenance", "config"), {"seed": 1}, "must be text"),
]


def field(path):
    """A path as the message writes it: normal.edges[3].op"""
    dotted = "".join(
        f"[{key}]" if isinstance(key, int) else f".{key}" for key in path
    )
    return dotted.removeprefix(".")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    MISTAKES,
    ids=[f"{field(path)}={str(v)[:20]!r}" for path, v, _ in MISTAKES],
)
def test_names_the_field(path, value, expected):
    message = complaint(changed(DARTS_V2, path, value))
    assert message.startswith(field(path) + ": ")
    assert expected in message
    assert len(message) < 250


def test_output_without_data_is_refused():
    text = changed(FAIR_DARTS_C, ("normal", "edges", 5, "from"), 3)
    assert "normal.concat[2]: state 5 is not reached" in complaint(text)


@pytest.mark.parametrize(
    ("genotype", "path", "value", "expected"),
    [
        (MOBILE, ("layers", 1, "op"), "mb_3x3_e4", "mb_3x3_e"),
        (MOBILE, ("layers", 1, "to"), 2, "unknown field"),
        (MOBILE, ("layers",), [], "empty"),
        (BENCH, ("cell", "edges", 0, "to"), 0, "nodes start at 1"),
        (BENCH, ("cell", "edges", 0, "attention"), "se", "space 'darts'"),
        (BENCH, ("cell", "concat"), [2], "must be [3]"),
    ],
)
def test_names_the_field_in_other_spaces(genotype, path, value, expected):
    message = complaint(changed(genotype, path, value))
    assert message.startswith(field(path) + ": ")
    assert expected in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"format": \n "tfnas-genotype/1",,}', "line 2: not JSON"),
        ('{"format": 1, "format": 1}', "format: duplicate key"),
        ('{"format": NaN}', "NaN"),
        ('{"format": -Infinity}', "-Infinity"),
        ('{"format": ' + "9" * 5000 + "}", "too large"),
        ("[" * 100_000, "too large"),
        ("[]", "genotype: must be an object"),
        ("{" + " " * 1_000_000 + "}", "over 1,000,000"),
    ],
)
def test_text_that_is_no_genotype(text, expected):
    assert expected in complaint(text)


def test_infinite_number():
    text = changed(DARTS_V2, ("provenance", "seed"), 0)
    text = text.replace('"seed": 0', '"seed": 1e999')
    assert complaint(text) == "provenance.seed: must be a finite number"


def test_unreadable_files_are_named(tmp_path):
    missing = tmp_path / "missing.json"
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    large = tmp_path / "large.json"
    large.write_bytes(b"{" * 2_000_000)
    empty = tmp_path / "empty.json"
    empty.touch()
    wrong = tmp_path / "wrong.json"
    wrong.write_text(changed(DARTS_V2, (*EDGE, "op"), "conv"))
    for path, expected in [
        (missing, "No such file"),
        (tmp_path, "Is a directory"),
        (binary, "not a UTF-8 text file"),
        (large, "over 1,000,000"),
        (empty, "line 1: not JSON"),
        (wrong, "normal.edges[3].op: unknown operation 'conv'"),
    ]:
        message = complaint(path)
        assert message.startswith(f"{path}: ")
        assert expected in message


@pytest.mark.parametrize("text", ["", "a\0b", "x" * 5000, "a\nb"])
def test_text_that_is_neither_path_nor_json(text):
    assert len(complaint(text)) < 300


def test_only_legal_genotypes_are_written():
    cell = Cell((Edge("conv", 0, 2),), (2,))
    with pytest.raises(GenotypeError, match=r"normal\.edges\[0\]\.op"):
        Genotype("darts", normal=cell, reduce=cell).to_json()


def test_a_part_of_another_space_is_refused():
    with pytest.raises(GenotypeError, match="layers: does not belong"):
        Genotype(
            "darts",
            normal=DARTS_V2.normal,
            reduce=DARTS_V2.reduce,
            layers=("skip",),
        ).validate()


def test_operations_are_unique():
    for names in OPERATIONS.values():
        assert len(set(names)) == len(names)
