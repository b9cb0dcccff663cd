"""Pictures of genotypes: Graphviz DOT, Mermaid, SVG and PNG.

Every picture is made from the same small description, a list of panels with
boxes and links, so that all formats show the same. If Graphviz's `dot` is
installed, it does the layout; otherwise `plain_svg` draws.
"""

import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tfnas.errors import UserError
from tfnas.genotype import Cell, Genotype, plain_svg

# Colours of the operation families; dark enough for text on white.
_COLOURS = {
    "sep": "#2563a8",
    "dil": "#7b3fa0",
    "conv": "#0f766e",
    "nor": "#0f766e",
    "mb": "#2563a8",
    "max": "#b45309",
    "avg": "#b45309",
    "skip": "#4b5563",
    "none": "#9ca3af",
}
_ATTENTION = "#be185d"  # in an operation's place
_FILLS = {"input": "#dbeafe", "node": "#f3f4f6", "output": "#fde68a"}
_CHAIN_ROW = 7


@dataclass(frozen=True)
class Box:
    """A state, or a layer of a chain; `kind` is a key of its fill colour."""

    name: str
    label: str
    kind: str
    fill: str
    faint: bool = False


@dataclass(frozen=True)
class Link:
    """An arrow between two boxes; a faint one carries no data."""

    source: str
    to: str
    label: str
    colour: str
    faint: bool = False


@dataclass(frozen=True)
class Panel:
    """One cell or chain: boxes from left to right and the links."""

    title: str
    boxes: tuple[Box, ...]
    links: tuple[Link, ...]
    row: int | None = None


def to_dot(architecture: Cell | Genotype, title: str = "") -> str:
    """Returns the picture in Graphviz's DOT language.

    Args:
      architecture: one cell, or a genotype with all its parts.
      title: heading of the picture.

    Example:

    ```python
    cell = Cell((Edge("sep_conv_3x3", 0, 2), Edge("skip_connect", 1, 2)), (2,))
    print(to_dot(cell, "normal"))
    ```
    """
    lines = [
        "digraph genotype {",
        '  graph [rankdir=LR bgcolor=white nodesep=0.22 ranksep="0.35"'
        ' fontname="Helvetica,Arial,sans-serif" fontsize=15 pad=0.15'
        " labeljust=l]",
        '  node [shape=box style="rounded,filled" color="#6b7280"'
        ' fontname="Helvetica,Arial,sans-serif" fontsize=12'
        ' margin="0.12,0.06" height=0.35 width=0.35]',
        '  edge [fontname="Helvetica,Arial,sans-serif" fontsize=11'
        " arrowsize=0.6 penwidth=1.4]",
    ]
    # Graphviz stacks the clusters of a left-to-right graph from the bottom.
    for i, panel in reversed([*enumerate(_panels(architecture, title))]):
        lines += [
            f"  subgraph cluster_{i} {{",
            f"    label={_dot_text(panel.title)} color=none",
        ]
        lines += [f"    {_dot_box(box, i)}" for box in panel.boxes]
        lines += [f"    {_dot_link(link, i, panel)}" for link in panel.links]
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def to_mermaid(architecture: Cell | Genotype, title: str = "") -> str:
    """Returns the picture as a Mermaid flowchart, which GitHub shows.

    Args:
      architecture: one cell, or a genotype with all its parts.
      title: heading of the picture.

    Example:

    ```python
    print(to_mermaid(tfnas.zoo.genotype("DARTS_V2"), "DARTS_V2"))
    ```
    """
    lines, styles, arrows = ["flowchart LR"], [], 0
    for i, panel in enumerate(_panels(architecture, title)):
        lines.append(f'  subgraph p{i}["{_mermaid_text(panel.title) or " "}"]')
        for box in panel.boxes:
            lines.append(f'    p{i}_{box.name}("{_mermaid_text(box.label)}")')
            # Text on these fills stays dark in a page's dark theme.
            look = f"fill:{box.fill},color:#111827,stroke:#6b7280"
            styles.append(f"  style p{i}_{box.name} {look}")
        for link in panel.links:
            arrow = "-.->" if link.faint else "-->"
            label = f'|"{_mermaid_text(link.label)}"|' if link.label else ""
            lines.append(
                f"    p{i}_{link.source} {arrow}{label} p{i}_{link.to}"
            )
            styles.append(f"  linkStyle {arrows} stroke:{link.colour}")
            arrows += 1
        lines.append("  end")
    return "\n".join(lines + styles) + "\n"


def to_svg(architecture: Cell | Genotype, title: str = "") -> str:
    """Returns the picture as an `<svg>` element to embed in a page.

    Args:
      architecture: one cell, or a genotype with all its parts.
      title: heading of the picture.

    Example:

    ```python
    page = f"<h1>DARTS</h1>{to_svg(tfnas.zoo.genotype('DARTS_V2'))}"
    ```
    """
    laid_out = _laid_out(to_dot(architecture, title), "svg")
    if laid_out is None:
        return plain_svg.draw(_panels(architecture, title))
    svg = laid_out.decode()
    # A page's own prolog and doctype come first; a second is an error.
    return svg[svg.index("<svg") :]


def render(architecture: Cell | Genotype, path: str | os.PathLike) -> None:
    """Writes one picture with all cells.

    Args:
      architecture: one cell, or a genotype with all its parts.
      path: file to write; its suffix .svg, .png, .dot or .mmd decides.

    Raises:
      UserError: if the suffix is another one, or for a PNG without Graphviz.

    Example:

    ```python
    render(tfnas.zoo.genotype("DARTS_V2"), "darts_v2.svg")
    ```
    """
    path = Path(path)
    writers = {
        ".svg": lambda: to_svg(architecture).encode(),
        ".png": lambda: _png(architecture, path),
        ".dot": lambda: to_dot(architecture).encode(),
        ".mmd": lambda: to_mermaid(architecture).encode(),
    }
    write = writers.get(path.suffix.lower())
    if write is None:
        raise UserError(
            f"{path}: unknown kind of picture; use {', '.join(writers)}"
        )
    path.write_bytes(write())


def _png(architecture, path):
    dot = to_dot(architecture).replace("graph [", "graph [dpi=144 ", 1)
    png = _laid_out(dot, "png")
    if png is None:
        raise UserError(
            f"{path}: a PNG needs Graphviz; apt-get install graphviz, or use "
            ".svg"
        )
    return png


def _laid_out(dot, kind):
    """The picture as bytes, or None without Graphviz."""
    import graphviz

    try:
        return graphviz.Source(dot).pipe(format=kind)
    except (graphviz.ExecutableNotFound, graphviz.CalledProcessError):
        return None


# === What is drawn ===


def _panels(architecture, title):
    if isinstance(architecture, Cell):
        return [_cell_panel(architecture, title)]
    prefix = f"{title}: " if title else ""
    names = {"normal": "normal cell", "reduce": "reduction cell"}
    panels = [
        _cell_panel(
            cell,
            prefix + names.get(name, name),
            inputs=1 if name == "cell" else 2,
        )
        for name, cell in architecture.cells.items()
    ]
    if architecture.layers is not None:
        panels.append(_chain_panel(architecture.layers, prefix + "layers"))
    return panels


def _cell_panel(cell, title, inputs=2):
    live = cell.live_states(inputs)
    ends = {end for edge in cell.edges for end in (edge.source, edge.to)}
    labels = ("cell k-2", "cell k-1") if inputs == 2 else ("input",)
    boxes = [
        Box(f"s{i}", f"{i}: {label}", "input", _FILLS["input"])
        for i, label in enumerate(labels)
    ]
    for state in sorted(ends - set(range(inputs))):
        absent = state not in live
        label = f"{state}: absent" if absent else str(state)
        fill = "#ffffff" if absent else _FILLS["node"]
        boxes.append(Box(f"s{state}", label, "node", fill, absent))
    output = "concat" if len(cell.concat) > 1 else "output"
    output = _attended(output, cell.attention)
    boxes.append(Box("out", output, "output", _FILLS["output"]))
    links = [
        Link(
            f"s{edge.source}",
            f"s{edge.to}",
            _attended(edge.op, edge.attention),
            _colour(edge.op),
            edge.source not in live or edge.op == "none",
        )
        for edge in cell.edges
    ]
    links += [Link(f"s{state}", "out", "", "#c4a24a") for state in cell.concat]
    return Panel(title, tuple(boxes), tuple(links))


def _chain_panel(layers, title):
    boxes = tuple(
        Box(f"l{i}", f"{i + 1}\n{op}", "layer", _layer_fill(op))
        for i, op in enumerate(layers)
    )
    links = tuple(
        Link(a.name, b.name, "", "#6b7280") for a, b in pairwise(boxes)
    )
    return Panel(title, boxes, links, row=_CHAIN_ROW)


def _layer_fill(op):
    """Larger kernels and expansions are darker."""
    shades = {
        "skip": "#f3f4f6",
        "mb_3x3_e3": "#e0f2fe",
        "mb_5x5_e3": "#bae6fd",
        "mb_7x7_e3": "#7dd3fc",
        "mb_3x3_e6": "#ede9fe",
        "mb_5x5_e6": "#ddd6fe",
        "mb_7x7_e6": "#c4b5fd",
    }
    return shades[op]


def _attended(label, attention):
    return f"{label}\n+ {attention}" if attention else label


def _colour(op):
    return _COLOURS.get(op.split("_")[0], _ATTENTION)


# === DOT and Mermaid ===


def _dot_text(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n") + '"'


def _dot_box(box, panel):
    dashed = ' style="rounded,dashed" fontcolor="#6b7280"' if box.faint else ""
    return (
        f"p{panel}_{box.name} [label={_dot_text(box.label)}"
        f' fillcolor="{box.fill}"{dashed}]'
    )


def _dot_link(link, panel, drawn):
    label = f" label={_dot_text(link.label)}" if link.label else ""
    dashed = " style=dashed" if link.faint else ""
    return (
        f"p{panel}_{link.source} -> p{panel}_{link.to}"
        f' [color="{link.colour}" fontcolor="{link.colour}"{label}{dashed}'
        f"{_row_break(link, drawn)}]"
    )


def _row_break(link, panel):
    """A long chain continues in a new row, below the first box."""
    if panel.row is None or int(link.to[1:]) % panel.row:
        return ""
    return " constraint=false"


def _mermaid_text(text):
    return text.replace('"', "#quot;").replace("\n", "<br>")
