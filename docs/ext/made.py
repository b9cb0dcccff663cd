"""What the code says already: pages have `<!-- made: NAME -->` in its place.

The flags come from the dataclasses that `--help` reads.
"""

import contextlib
import importlib
import inspect
import io
import itertools
import re
from pathlib import Path
from unittest import mock

from tfnas import methods
from tfnas.auto import rules
from tfnas.choice import fields
from tfnas.cli import command, commands
from tfnas.methods.method import Method

PLACE = re.compile(r"<!-- made: (\w+)(?: (.+?))? -->")
AXIS = re.compile(r"# === (.+?)(?: \(.*\))? ===")


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _fill(app, page, source):
    source[0] = PLACE.sub(_made, source[0])


def _made(place):
    kind, argument = place.groups()
    lines = MAKERS[kind](*filter(None, [argument]))
    return "\n".join(lines)


# === Commands ===


def _commands():
    for name in commands.names():
        purpose = commands.purpose(name)
        yield f"## tfnas {name}\n\n{purpose[:1].upper()}{purpose[1:]}\n"
        for text, config in helped(name):
            yield f"```text\n{text}\n```\n" if text else ""
            for field in fields(config) if config else ():
                yield _entry(field, getattr(config, field.name))


def helped(name):
    """What --help of a command prints, as (text, dataclass or None) in turn."""
    module = importlib.import_module(f"tfnas.{name}.__main__")
    shown, printed = [], io.StringIO()

    def note(config):
        shown.append(config)
        return ["\0"]

    with (
        mock.patch.object(command, "help_lines", note),
        contextlib.redirect_stdout(printed),
    ):
        module.main([name, "--help"])
    texts = [
        re.sub(r"^run:$", "", text, flags=re.MULTILINE).strip()
        for text in printed.getvalue().split("\0")
    ]
    return itertools.zip_longest(filter(None, texts), shown)


def _entry(field, value):
    """A flag with its default: its help, its options or bounds."""
    value = "" if value is None else f"={command.show(value)}"
    text = field.metadata["help"].replace("*", r"\*")
    text = re.sub(r"--\w+(=\w+)?", r"`\g<0>`", text)
    return f"`--{field.name}{value}`\n: {text}{_range(field)}\n"


def _range(field):
    options, least, most = (
        field.metadata[key] for key in ("options", "least", "most")
    )
    if options:
        return " (" + ", ".join(f"`{each}`" for each in options) + ")"
    if least is None:
        return ""
    return f" ({least} or more)" if most is None else f" ({least} to {most})"


# === Methods ===


def axes():
    """{axis: fields of `Method`}, as comments divide its source."""
    found, axis = {}, None
    by_name = {field.name: field for field in fields(Method)}
    for line in inspect.getsource(Method).splitlines():
        if match := AXIS.search(line):
            axis = match[1]
        name = line.strip().partition(":")[0]
        if axis and name in by_name:
            found.setdefault(axis, []).append(by_name.pop(name))
    return found


def _flags(axis):
    for field in axes()[axis]:
        yield _entry(field, field.default)


def _every():
    """The methods, that of the defaults first."""
    every = [methods.get(name) for name in methods.names()]
    return sorted(every, key=lambda method: method.name != "darts")


def _papers():
    yield "| method | flag | paper |\n|---|---|---|"
    for method in _every():
        paper = re.sub(
            r"arXiv:([\d.]+)",
            r"[\g<0>](https://arxiv.org/abs/\1)",
            method.paper,
        )
        yield f"| {method.title} | `--method={method.name}` | {paper} |"


def _methods():
    """Where the methods' own values differ from one another."""
    every = _every()
    yield f"| flag | {' | '.join(m.title for m in every)} |"
    yield "|---" * (len(every) + 1) + "|"
    for axis, members in axes().items():
        page = axis.lower().removeprefix("search ").removesuffix(" update")
        yield f"| **[{axis}]({page}.md)** |" + " |" * len(every)
        for field in members:
            row = [_short(getattr(method, field.name)) for method in every]
            if len({*row}) > 1:
                yield f"| `--{field.name}` | {' | '.join(row)} |"


def _short(value):
    """A value; of many names how many."""
    if value is None or value is False or value == ():
        return ""
    if isinstance(value, tuple) and isinstance(value[0], str):
        return str(len(value))
    return command.show(value)


# === The rules of tfnas.auto ===


def _rules():
    yield "| what | if | choice | why | evidence |"
    yield "|---|---|---|---|---|"
    for row in rules.TABLE:
        when = f"`{row.of}` below {row.below:,}" if row.of else ""
        values = ", ".join(
            f"`{name}` {_short(value)}" for name, value in row.values.items()
        )
        evidence = Path(row.evidence).stem
        if row.evidence.startswith("docs/"):
            evidence = f"[{evidence}]({evidence}.md)"
        yield f"| {row.topic} | {when} | {values} | {row.reason} | {evidence} |"


MAKERS = {
    "rules": _rules,
    "commands": _commands,
    "flags": _flags,
    "methods": _methods,
    "papers": _papers,
}
