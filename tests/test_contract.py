"""The names that others build on: typed, and nothing else is."""

import ast
import inspect
import operator
import tomllib

import pytest
from test_house import HOUSE, ROOT

import tfnas

NAMES = """
    Genotype.from_json Genotype.to_json Genotype.from_dict Genotype.to_dict
    Genotype.validate Genotype.cells Genotype.operation_counts
    genotype.Cell.live_states
    build_network Supernet.__init__ Supernet.architecture Supernet.derive
    bilevel.architecture_gradients
    convert.load_authors_weights convert.from_authors convert.to_authors
    cost.network_cost cost.built_cost cost.supernet_cost
    cost.candidate_multiply_adds cost.smallest_multiply_adds
    cost.search_memory cost.training_memory cost.edge_outputs
    data.load load list_models export_network
    drawing.to_dot drawing.to_mermaid drawing.to_svg drawing.render
"""
CONTRACT = NAMES.split()


def function(name):
    """A public name's function; a property's is its getter."""
    found = operator.attrgetter(name)(tfnas)
    return inspect.unwrap(getattr(found, "fget", found))


def home(name):
    """Where a public name's function stands: module.qualified_name."""
    found = function(name)
    return f"{found.__module__}.{found.__qualname__}"


def annotated(house):
    """Yields every function with an annotation in or at it; or a module.

    Fields of classes are left out.
    """
    for module, source in house.items():
        yield from _annotated(ast.parse(source), module)


def _annotated(node, place):
    for child in ast.iter_child_nodes(node):
        inner = place
        if isinstance(child, ast.ClassDef):
            inner = f"{place}.{child.name}"
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{place}.{child.name}"
            if child.returns or any(
                isinstance(each, ast.arg) and each.annotation
                for each in ast.walk(child.args)
            ):
                yield inner
        elif isinstance(child, ast.AnnAssign) and not isinstance(
            node, ast.ClassDef
        ):
            yield place
        yield from _annotated(child, inner)


@pytest.mark.parametrize("name", CONTRACT)
def test_a_public_name_is_typed(name):
    signature = inspect.signature(function(name))
    parameters = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.name not in ("self", "cls")
    ]
    for each in parameters:
        assert each.annotation is not each.empty, each.name
    assert signature.return_annotation is not signature.empty


def test_nothing_else_is():
    assert set(annotated(HOUSE)) == set(map(home, CONTRACT))


def test_the_checker_reads_their_files():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    files = {inspect.getsourcefile(function(name)) for name in CONTRACT}
    checked = {str(ROOT / name) for name in project["tool"]["mypy"]["files"]}
    assert checked == files


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("def f(x: int): pass", ["tfnas.x.f"]),
        ("def f(*, x: int = 0): pass", ["tfnas.x.f"]),
        ("def f(*x: int): pass", ["tfnas.x.f"]),
        ("def f() -> None: pass", ["tfnas.x.f"]),
        ("class C:\n    def f(self) -> None: pass", ["tfnas.x.C.f"]),
        ("def f():\n    def g(x: int): pass", ["tfnas.x.f.g"]),
        ("x: int = 0", ["tfnas.x"]),
        ("def f():\n    x: int = 0", ["tfnas.x.f"]),
        ("class C:\n    x: int = 0", []),
        ("def f(x=0): pass", []),
    ],
)
def test_an_annotation_is_seen(source, places):
    assert list(annotated({"tfnas.x": source})) == places


@pytest.mark.parametrize("name", CONTRACT)
def test_a_public_name_has_an_example(name):
    """Its own, or its class's."""
    owner = operator.attrgetter(name.rpartition(".")[0] or name)(tfnas)
    docs = [inspect.getdoc(function(name)), inspect.getdoc(owner)]
    assert any("```python" in (text or "") for text in docs)
