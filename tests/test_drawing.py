"""Every format shows every state, operation and attention of a genotype."""

import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest
from PIL import Image

from tfnas.errors import UserError
from tfnas.genotype import ATTENTIONS, Cell, Edge, Genotype, drawing

# Two operations on one edge, a repeated edge, attention, and an edge from
# state 4, which nothing reaches.
CELL = Cell(
    (
        Edge("sep_conv_3x3", 0, 2, "cbam"),
        Edge("max_pool_3x3", 1, 2),
        Edge("skip_connect", 1, 2),
        Edge("dil_conv_5x5", 0, 3),
        Edge("dil_conv_5x5", 0, 3),
        Edge("skip_connect", 2, 5, "double_attention"),
        Edge("avg_pool_3x3", 4, 5),
    ),
    (2, 3, 5),
)
GENOTYPES = {
    "darts": Genotype("darts", normal=CELL, reduce=CELL),
    "mobile": Genotype("mobile", layers=("mb_3x3_e3", "skip") * 5),
    "nasbench201": Genotype(
        "nasbench201",
        cell=Cell((Edge("nor_conv_3x3", 0, 1), Edge("none", 1, 3)), (3,)),
    ),
}
needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="Graphviz is not installed"
)
ways = pytest.mark.parametrize(
    "way", [pytest.param("graphviz", marks=needs_dot), "plain"]
)
genotypes = pytest.mark.parametrize("space", GENOTYPES)


@pytest.fixture
def way_is_set(way, monkeypatch):
    if way == "plain":
        monkeypatch.setenv("PATH", "")


def words(svg):
    """How often each word stands in the text of a picture."""
    root = ElementTree.fromstring(svg)
    texts = [
        "".join(element.itertext())
        for element in root.iter("{http://www.w3.org/2000/svg}text")
    ]
    return Counter(" ".join(texts).split())


def operations(genotype):
    counts = Counter()
    for part in genotype.operation_counts().values():
        counts += Counter(part)
    return counts


# === Text ===


def test_dot_has_one_arrow_an_edge():
    arrows = re.findall(r"p0_s(\d) -> p0_s(\d)", drawing.to_dot(CELL))
    assert Counter(arrows) == Counter(
        (str(edge.source), str(edge.to)) for edge in CELL.edges
    )
    outputs = re.findall(r"p0_s(\d) -> p0_out", drawing.to_dot(CELL))
    assert outputs == ["2", "3", "5"]


def test_mermaid_has_one_arrow_an_edge():
    text = drawing.to_mermaid(CELL, "normal")
    arrows = re.findall(r'p0_s(\d) \S+>\|"([^"]+)"\| p0_s(\d)', text)
    assert arrows == [
        (
            str(edge.source),
            edge.op + (f"<br>+ {edge.attention}" if edge.attention else ""),
            str(edge.to),
        )
        for edge in CELL.edges
    ]
    assert text.startswith("flowchart LR\n")


def test_edges_without_data_are_dashed():
    dashed = [
        line
        for line in drawing.to_dot(CELL).splitlines()
        if "->" in line and "dashed" in line
    ]
    assert len(dashed) == 1
    assert "avg_pool_3x3" in dashed[0]


@pytest.mark.parametrize("write", [drawing.to_dot, drawing.to_mermaid])
def test_titles_may_hold_quotes(write):
    text = write(CELL, 'the "best" cell')
    line = next(line for line in text.splitlines() if "best" in line)
    assert len(re.findall(r'(?<!\\)"', line)) == 2


@needs_dot
def test_graphviz_accepts_a_quoted_title():
    words_drawn = words(drawing.to_svg(CELL, 'the "best" \\cell'))
    assert words_drawn['"best"'] == words_drawn["\\cell"] == 1


# === Pictures ===


@ways
@genotypes
def test_svg_shows_everything(space, way, way_is_set):
    genotype = GENOTYPES[space]
    drawn = words(drawing.to_svg(genotype))
    for operation, count in operations(genotype).items():
        assert drawn[operation] == count
    if space == "darts":
        assert drawn["cbam"] == drawn["double_attention"] == 2
        assert drawn["normal"] == drawn["reduction"] == 1
        assert drawn["concat"] == drawn["absent"] == 2


@ways
def test_svg_shows_attentions_in_every_place(way, way_is_set):
    """In an operation's place, after one, and at the end of the cell."""
    for name in ATTENTIONS[1:]:
        edges = (Edge(name, 0, 2), Edge("skip_connect", 1, 2, name))
        drawn = words(drawing.to_svg(Cell(edges, (2,), attention=name)))
        assert drawn[name] == 3


@ways
def test_svg_is_an_element(way, way_is_set):
    svg = drawing.to_svg(CELL, "normal")
    assert svg.startswith("<svg")
    assert svg.rstrip().endswith("</svg>")
    assert words(svg)["normal"] == 1


@ways
def test_svg_is_the_same_each_time(way, way_is_set):
    assert drawing.to_svg(CELL) == drawing.to_svg(CELL)


@ways
@genotypes
@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        (".svg", b"<svg"),
        (".dot", b"digraph"),
        (".mmd", b"flowchart"),
    ],
)
def test_render(space, suffix, start, way, way_is_set, tmp_path):
    path = tmp_path / f"picture{suffix}"
    drawing.render(GENOTYPES[space], path)
    assert path.read_bytes().startswith(start)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"picture\.gif: .*\.svg"):
        drawing.render(CELL, tmp_path / "picture.gif")


@needs_dot
@genotypes
def test_graphviz_paints_pixels(space, tmp_path):
    drawing.render(GENOTYPES[space], tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as image:
        assert min(image.size) > 100


def test_pixels_take_graphviz(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"picture\.png: a PNG needs Graphviz"):
        drawing.render(CELL, tmp_path / "picture.png")


# === Without Graphviz ===


def elements(name, svg):
    root = ElementTree.fromstring(svg)
    return list(root.iter(f"{{http://www.w3.org/2000/svg}}{name}"))


def test_every_arrow_goes_from_its_state_to_its_node(monkeypatch):
    monkeypatch.setenv("PATH", "")
    svg = drawing.to_svg(CELL)
    states = {
        element.text.split(":")[0]: element.get("x")
        for element in elements("text", svg)
        if re.match(r"\d", element.text)
    }
    arrows = [
        found.groups()
        for element in elements("path", svg)
        if (found := re.match(r"M(\d+) \d+H(\d+)$", element.get("d")))
    ]
    assert arrows[: len(CELL.edges)] == [
        (states[str(edge.source)], states[str(edge.to)]) for edge in CELL.edges
    ]
    assert len(arrows) == len(CELL.edges) + len(CELL.concat)


def test_labels_do_not_overlap(monkeypatch):
    monkeypatch.setenv("PATH", "")
    cell = Cell(
        tuple(
            Edge(op, source, to, "double_attention")
            for to in range(2, 6)
            for source in range(to)
            for op in ("sep_conv_3x3", "skip_connect")
        ),
        (2, 3, 4, 5),
    )
    svg = drawing.to_svg(cell)
    right = float(elements("svg", svg)[0].get("width"))
    labels = [e for e in elements("text", svg) if e.get("text-anchor")]
    assert len(labels) == len(cell.edges) + 7  # states and the output
    boxes = []
    for label in labels:
        middle, width = float(label.get("x")), 0.6 * 11 * len(label.text)
        ends = middle - width / 2, middle + width / 2
        assert ends[0] >= 0 and ends[1] <= right
        boxes.append((*ends, float(label.get("y"))))
    for i, (left, right, y) in enumerate(boxes):
        for other_left, other_right, other_y in boxes[:i]:
            apart = left >= other_right or right <= other_left
            assert apart or abs(y - other_y) >= 11
