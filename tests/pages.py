"""The pages that a reader opens, and the commands and flags on them."""

import dataclasses
import re
import shlex
from pathlib import Path

from tfnas import auto, baseline, compare, predict, search, sweep, train
from tfnas.baseline.config import BaselineConfig
from tfnas.benchmark import BenchmarkConfig
from tfnas.build import BuildConfig
from tfnas.choice import fields
from tfnas.cli import command
from tfnas.convert import ConvertConfig
from tfnas.demo import DemoConfig
from tfnas.export import ExportConfig
from tfnas.methods.method import Method
from tfnas.predict.config import split
from tfnas.train.recipe import Recipe

ROOT = Path(__file__).parents[1]
PLACES = ("*.md", "docs/**/*.md", "launch/**/*.md", "zoo/*.md")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CONFIGS = {
    "auto": (auto.AutoConfig,),
    "baseline": (BaselineConfig, Recipe),
    "benchmark": (BenchmarkConfig,),
    "build": (BuildConfig,),
    "compare": (search.SearchConfig, Method, compare.CompareConfig),
    "convert": (ConvertConfig,),
    "demo": (DemoConfig,),
    "export": (ExportConfig,),
    "predict": (predict.PredictConfig,),
    "search": (search.SearchConfig, Method),
    "sweep": (search.SearchConfig, Method, sweep.config.SweepConfig),
    "train": (train.TrainConfig, Recipe),
}
# Those that know whether flags fit together without looking at images.
RESOLVE = {
    "baseline": baseline.resolve,
    "compare": compare.resolve,
    "search": search.resolve,
    "sweep": sweep.config.resolve,
    "train": train.resolve,
}
COMMAND = re.compile(
    rf"(?:python3? -m tfnas\.|(?<![\w/.=])tfnas[ .])({'|'.join(CONFIGS)})"
    r"( +[^\s#].*)"
)
# What ends a command in a shell.
ENDS = {"&&", "||", "|", ";", "&", ">", "2>&1"}
# Values that stand for others.
PLACEHOLDER = re.compile(r"=(NAME|DIR|FILE|FOLDER|METHOD|RUN|N)$|\.\.\.")
# Flags whose commands print and leave at once.
LIGHT = {"--help", "--plan", "--table"}


@dataclasses.dataclass(frozen=True)
class Typed:
    """A command on a page: its name and what comes after it."""

    name: str
    words: tuple[str, ...]

    def __str__(self):
        return f"{self.name} {shlex.join(self.words)}"

    @property
    def is_light(self):
        return bool(LIGHT & {*self.words})

    @property
    def is_whole(self):
        """Whether every value is one that can be typed."""
        return not any(map(PLACEHOLDER.search, self.words))


def pages(*places):
    """{path: text} of Markdown pages, by default of all that users read."""
    found = sorted({p for place in places or PLACES for p in ROOT.glob(place)})
    return {path: path.read_text(encoding="utf-8") for path in found}


def code(text):
    """Yields the code on a page: lines of blocks, and spans of sentences."""
    for block in FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    rest = FENCE.sub("", text)
    indented = re.findall(r"^ {4}(\S(?:.*\\\n)*.*)$", rest, re.MULTILINE)
    yield from (line.replace("\\\n", " ") for line in indented)
    for span in re.findall(r"`([^`]+)`", rest):
        yield " ".join(span.split())


def commands(text):
    """The commands of tfnas on a page, in order, each once.

    Those of a method or a space that the page's own code adds are left out.
    """
    found, added = {}, re.findall(r'^    name="(\w+)",$', text, re.MULTILINE)
    for line in code(text):
        for name, rest in COMMAND.findall(line):
            words = []
            for word in shlex.split(rest, comments=True):
                if word in ENDS:
                    break
                words.append(word)
            values = {word.partition("=")[2] for word in words}
            is_flagged = any(word.startswith("--") for word in words)
            if is_flagged and not values & {*added}:
                found[Typed(name, tuple(words))] = None
    return list(found)


def flags(text):
    """The flags in a page's sentences and tables, in order, each once."""
    spans = (span for span in code(text) if span.startswith("--"))
    return list(dict.fromkeys(spans))


def known(name):
    """The flags of a command."""
    return {f"--{f.name}" for config in CONFIGS[name] for f in fields(config)}


def accept(typed):
    """Parse a command as it would be; a flag that is wrong is a `UserError`.

    What stands for another value is only checked by its flag's name.
    """
    paths, words = [], [word for word in typed.words if word != "--help"]
    if typed.name == "predict":
        (_, *words), paths = split(["predict", *words])
        assert paths or not typed.is_whole or "--help" in typed.words
    for word in filter(PLACEHOLDER.search, words):
        assert word.split("=")[0] in {*known(typed.name), "..."}, word
    words = [word for word in words if not PLACEHOLDER.search(word)]
    given = command.parse([typed.name, *words], *CONFIGS[typed.name])
    if typed.is_whole and "--help" not in typed.words:
        resolve = RESOLVE.get(typed.name)
        return (
            resolve(given)
            if resolve
            else command.made(CONFIGS[typed.name][0], given)
        )
    return None
