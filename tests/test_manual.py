"""What the README and the manual say can be typed, found and read."""

import re
import shlex
import shutil
import sys
import tomllib

import preloaded
import pytest
from pages import (
    CONFIGS,
    FENCE,
    PLACEHOLDER,
    ROOT,
    Typed,
    accept,
    commands,
    flags,
    known,
    pages,
)

from tfnas import methods, zoo
from tfnas.compare.lookup import COLUMNS
from tfnas.devices.cluster import from_environment
from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.spaces import nasbench201

PAGES = pages()
MANUAL = {path: PAGES[path] for path in pages("README.md", "docs/**/*.md")}
COMMANDS = list(dict.fromkeys(x for t in PAGES.values() for x in commands(t)))
FLAGS = list(dict.fromkeys(x for t in MANUAL.values() for x in flags(t)))
PYTHON = re.compile(r"(?<!-->\n)```python\n(.*?)```", re.DOTALL)
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]


def named(path):
    return str(path.relative_to(ROOT))


def each(things):
    return pytest.mark.parametrize("page", things, ids=named)


# === Commands ===


@pytest.fixture
def furnished(tmp_path, monkeypatch):
    """A function that makes what a command reads, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def furnish(typed):
        given = dict(word.split("=", 1) for word in typed.words if "=" in word)
        for flag in ("--genotype", "--run"):
            if "/" in (folder := given.get(flag, "")):
                add_genotype(tmp_path / folder)
        if folder := given.get("--data_dir"):
            for name in ("train/cat", "train/dog", "test/cat", "test/dog"):
                place = tmp_path / folder / name
                place.mkdir(parents=True, exist_ok=True)
                (place / "1.png").touch()
        if table := given.get("--nasbench201_table"):
            # The rows are read when all runs have finished.
            (tmp_path / table).write_text(f"{','.join(COLUMNS)}\n")

    return furnish


def add_genotype(folder):
    """A run of the space that its name speaks of."""
    folder.mkdir(parents=True)
    if "bench" in folder.name:
        drawn = dict.fromkeys(nasbench201.SPACE.choices(), "skip_connect")
        text = nasbench201.SPACE.genotype(drawn).to_json()
        (folder / "genotype.json").write_text(text)
    else:
        found = ROOT / "zoo" / "genotypes" / "darts_digits.json"
        shutil.copy(found, folder / "genotype.json")


@pytest.mark.parametrize("typed", COMMANDS, ids=str)
def test_a_command_can_be_typed(typed, furnished):
    furnished(typed)
    accept(typed)
    for word in typed.words:
        flag, _, model = word.partition("=")
        if flag == "--model" and model != "NAME":
            assert model in zoo.list_models(weights=True)


def test_commands_are_found_on_every_kind_of_page():
    assert {typed.name for typed in COMMANDS} >= CONFIGS.keys() - {"demo"}
    text = """Type `tfnas search
--method=darts` or

    python -m tfnas.train --genotype=X \\
        --epochs=3 && echo

```bash
tfnas predict --run=DIR photo.jpg  # a comment
```
"""
    assert [*map(str, commands(text))] == [
        "predict --run=DIR photo.jpg",
        "train --genotype=X --epochs=3",
        "search --method=darts",
    ]


@pytest.mark.parametrize("words", FLAGS)
def test_a_flag_is_one_of_a_command(words, furnished):
    given = shlex.split(words)
    names = {word.split("=")[0] for word in given if word.startswith("--")}
    names -= {"--help", "--version"}
    homes = [name for name in CONFIGS if names <= known(name)]
    assert homes
    if all("=" not in word for word in given) or PLACEHOLDER.search(words):
        return
    refused = []
    for typed in typings(homes, given):
        try:
            furnished(typed)
            accept(typed)
            return
        except UserError as error:
            refused.append(str(error))
    pytest.fail("\n".join(refused))


def typings(homes, given):
    """Yields the commands that a sentence's flags may be meant for."""
    for name in homes:
        needed = {
            "predict": ["x.png"],
            "sweep": ["--seeds=0,1,2"] * ("--seeds" not in str(given)),
            "train": ["--genotype=DARTS_V2"],
        }
        yield Typed(name, (*given, *needed.get(name, ())))
        # A sentence on a method need not name it again.
        if name == "search" and "--method" not in str(given):
            for method in methods.names():
                yield Typed(name, (f"--method={method}", *given))


@pytest.mark.parametrize(
    "typed", [typed for typed in COMMANDS if typed.is_light], ids=str
)
def test_a_command_that_only_prints_does(typed, tmp_path):
    words = [sys.executable, "-m", f"tfnas.{typed.name}", *typed.words]
    done = preloaded.run(words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 1


@each([path for path, text in MANUAL.items() if PYTHON.search(text)])
def test_the_python_of_a_page_runs(page, tmp_path):
    add_genotype(tmp_path / "runs" / "darts")
    code = "\n".join(PYTHON.findall(PAGES[page]))
    done = preloaded.run([sys.executable, "-c", code], cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_cluster_has_two_workers():
    texts = re.findall(r"export TF_CONFIG='(.*)'\n", "".join(PAGES.values()))
    assert texts
    for text in texts:
        assert len(from_environment({"TF_CONFIG": text}).workers) == 2


# === What pages name ===


@each(PAGES)
def test_extras_and_job_files_are_there(page):
    text = PAGES[page]
    for extras in re.findall(r"(?:tfnas|'\.|\"\.)\[([a-z,]+)\]", text):
        assert {*extras.split(",")} <= EXTRAS.keys()
    for name in re.findall(r"launch/\w+/[\w./-]+\.(?:sbatch|yaml)", text):
        assert (ROOT / name).is_file()


def test_every_extra_has_its_line():
    text = PAGES[ROOT / "docs" / "start.md"]
    table = text[text.index("| extra |") :].split("\n\n")[0]
    assert {*re.findall(r"^\| `([a-z]+)`", table, re.M)} == EXTRAS.keys()


def test_the_cells_in_the_picture_are_those_in_the_words():
    text = PAGES[ROOT / "docs" / "start.md"]
    picture = re.search(r"\(\.\./(zoo/genotypes/\w+)\.png\)", text)[1]
    assert (ROOT / f"{picture}.png").is_file()
    genotype = Genotype.from_json(ROOT / f"{picture}.json")
    counts = genotype.operation_counts()["normal"]
    convolutions = sum(n for op, n in counts.items() if "conv" in op)
    pools = sum(n for op, n in counts.items() if "pool" in op)
    words = f"{convolutions} convolutions and {pools} pools"
    assert words in " ".join(text.split())


# === Links ===


def anchors(path):
    """The places on a page that a link can name, as GitHub and MyST do."""
    text = path.read_text(encoding="utf-8")
    found = {*re.findall(r"^\(([\w-]+)\)=$", text, re.M)}
    for heading in re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.M):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-"))
    return found


@each(PAGES)
def test_a_link_leads_to_a_file_and_a_heading(page):
    text = FENCE.sub("", PAGES[page])
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, place = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{named(page)}: {link}"
        if place:
            assert place in anchors(target), f"{named(page)}: {link}"


# === Words ===

# Each has a plainer form, such as "its own", "apart" or "every".
BANNED = (
    r"is no number",
    r"(?:that|which) (?:is|are) (?-i:none)",
    r"lest",
    r"rounding away",
    r"written apart",
    r"all(?: \w+){0,3} alike",
    # A noun may follow, as in "of its own network".
    r"of its own(?=[^\w\s`]|\s\||\s(?:and|as|by|for|from|in|on|to|with)\b)",
)
READ = ("*.md", "docs/**/*.md", "tfnas/**/*.py", "launch/**/*.*", "zoo/**/*.md")


@pytest.mark.parametrize("place", READ)
def test_what_users_read_is_in_plain_words(place):
    found = []
    for path, text in pages(place).items():
        # Sentences go on in the next line, of a comment or a string too.
        text = re.sub(r'"\s*\n\s*f?"', "", text)
        text = re.sub(r"\s+(?:# )*", " ", text)
        for phrase in BANNED:
            for match in re.finditer(rf"\b{phrase}\b", text, re.IGNORECASE):
                around = text[max(0, match.start() - 30) : match.end() + 30]
                found.append(f"{named(path)}: {around}")
    assert not found, "\n".join(found)
