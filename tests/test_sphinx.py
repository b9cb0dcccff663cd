"""The manual as Sphinx builds it: what the code says in it, what it loads."""

import html.parser
import importlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from test_contract import CONTRACT
from test_flags import COMMANDS, names_of
from test_house import ROOT, STOREYS

import tfnas
from tfnas import methods
from tfnas.methods.method import Method

DOCS = ROOT / "docs"
PICTURES = sorted((DOCS / "pictures").glob("*.svg"))


@pytest.fixture
def made(monkeypatch):
    """The Sphinx extension that writes what the code says."""
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("ext.made")


# === Python reference ===

DIRECTIVE = re.compile(
    r"^\.\. auto\w+:: tfnas\.(\S+)\n(?:   :members: (.+(?:\n      .+)*))?", re.M
)


def documented(text):
    """The names that a page takes from docstrings, without `tfnas.`."""
    for name, members in DIRECTIVE.findall(text):
        yield name
        for member in re.findall(r"\w+", members):
            yield f"{name}.{member}"


def test_every_public_name_is_in_the_python_reference():
    found = set(documented((DOCS / "python.md").read_text()))
    public = {name.removesuffix(".__init__") for name in CONTRACT}
    assert {name.partition(".")[0] for name in found} >= set(tfnas._MODULES)
    assert found >= public | set(tfnas._HOMES)


def test_members_are_read_off_a_directive():
    text = """.. autoclass:: tfnas.Genotype
   :members: cells,
      to_json

.. autofunction:: tfnas.load
"""
    names = ["Genotype", "Genotype.cells", "Genotype.to_json", "load"]
    assert list(documented(text)) == names


def test_markdown_in_docstrings_becomes_restructuredtext(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    docstrings = importlib.import_module("ext.docstrings")
    text = "Of `x`, --y=1.\n\n```python\nf(`y`)\n\ng()\n```\n\n``z``."
    assert docstrings.restructured(text) == (
        "Of ``x``, ``--y=1``.\n\n.. code-block:: python\n\n    f(`y`)\n\n"
        "    g()\n\n\n``z``."
    )


# === What is made from the code ===


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_s_page_has_its_flags_as_its_help_has(made, name):
    from tfnas.cli import command

    parts = [config for _, config in made.helped(name) if config]
    assert [getattr(p, "__name__", type(p).__name__) for p in parts] == [
        c.__name__ for c in COMMANDS[name]
    ]
    text = "\n".join(made._commands())
    section = text.partition(f"## tfnas {name}\n")[2].partition("\n## ")[0]
    shown = re.findall(r"^`--(\w+)", section, re.M)
    assert sorted(shown) == sorted(names_of(*COMMANDS[name]))
    for line in command.help_lines(parts[0])[:3]:
        assert f"`{line.split()[0].rstrip('=')}`" in section


def test_a_flag_has_its_bounds_and_options(made):
    text = "\n".join(made._flags("Bilevel update"))
    assert "`--order=1`\n: order of the gradient in alpha (`1`, `2`)" in text
    assert "SGD (0 or more)" in text


def test_every_value_of_a_method_is_on_the_page_of_its_axis(made):
    pages = "".join(p.read_text() for p in (DOCS / "methods").glob("*.md"))
    placed = re.findall(r"<!-- made: flags (.+) -->", pages)
    assert sorted(placed) == sorted(made.axes())
    found = [field.name for axis in made.axes().values() for field in axis]
    assert sorted(found) == sorted(names_of(Method))


def test_the_table_of_methods_has_where_they_differ(made):
    head, _, *rows = made._methods()
    assert [made.title for made in made._every()][0] == "DARTS"
    assert all(methods.get(name).title in head for name in methods.names())
    row = "| `--relaxation` | softmax | softmax | dirichlet | sigmoid |"
    assert row in "\n".join(rows)
    assert not any("`--momentum`" in row for row in rows)


# === Pictures ===


def test_the_picture_of_the_house_has_its_rooms():
    tree = ElementTree.parse(DOCS / "pictures" / "house.svg")
    rooms = [e.text for e in tree.iter() if e.get("class") == "room"]
    assert sorted(rooms) == sorted(sum(STOREYS, []))
    plan = (ROOT / "CONTRIBUTING.md").read_text().partition("## The house")[2]
    assert set(rooms) <= set(re.findall(r"\w+", plan.partition("`tests/")[0]))


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_picture_follows_the_theme_and_has_a_title(path):
    root = ElementTree.parse(path).getroot()
    assert root.get("fill") == "currentColor"
    assert root.find("{*}title").text
    colours = set(re.findall(r"#[0-9a-f]{6}\b", path.read_text()))
    assert colours <= {"#3b82c4", "#d9822b", "#3f9b63", "#8a8f98"}


# === What a page loads ===

LOADING = {"audio", "embed", "iframe", "img", "input", "link", "script"}
LOADING |= {"object", "source", "use", "video"}


class Loads(html.parser.HTMLParser):
    """Collects in `found` what a page loads; links are followed, not loaded."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag in LOADING and attributes.get("rel") not in ("next", "prev"):
            for name in ("src", "href", "data", "srcset"):
                self.found.append(attributes.get(name) or "")
        self.found += styled(attributes.get("style") or "")

    def handle_data(self, data):
        self.found += styled(data) if self.lasttag == "style" else []


def styled(text):
    """What a style sheet loads."""
    pattern = r"url\(\s*['\"]?([^)'\"]+)|@import\s+['\"]([^'\"]+)"
    return [a or b for a, b in re.findall(pattern, text)]


def outside(places):
    return [p for p in places if re.match(r"(https?:)?//", p.strip())]


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://a.b/c.js"></script>',
        '<link rel="stylesheet" href="//a.b/c.css">',
        "<style>@import 'http://a.b';</style>",
        '<p style="background: url(http://a.b/c.png)">',
    ],
)
def test_what_comes_from_the_network_is_seen(text):
    assert outside(Loads(text).found)
    assert not outside(Loads('<a href="https://a.b">c</a>').found)


def test_no_page_loads_anything_from_the_network(tmp_path):
    """Without the Python reference, which imports TensorFlow."""
    pytest.importorskip("sphinx")
    words = [sys.executable, "-m", "sphinx", "-q", "-E", DOCS, tmp_path]
    words += ["-D", "exclude_patterns=python.md", "-d", tmp_path / "trees"]
    subprocess.run(words, check=True, capture_output=True)
    pages, sheets = (list(tmp_path.rglob(f"*.{e}")) for e in ("html", "css"))
    assert len(pages) > 15 and sheets
    for page in pages:
        assert not outside(Loads(page.read_text()).found), page.name
    for sheet in sheets:
        assert not outside(styled(sheet.read_text())), sheet.name
    axis = (tmp_path / "methods" / "bilevel.html").read_text()
    assert "<math" in axis and "<svg" in axis and "--alpha_clip" in axis
    assert (tmp_path / "searchindex.js").exists()
