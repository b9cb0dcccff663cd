"""The page of a search run: complete, safe, self-contained, true."""

import csv
import html.parser
import json
import re

import numpy as np
import pytest

from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.report import findings, markup, write_report
from tfnas.report.__main__ import main
from tfnas.runs.contents import SEARCH_COLUMNS

OPERATIONS = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
PAIRS = [(source, to) for to in range(2, 6) for source in range(to)]
VOID = {"meta", "wbr", "br", "hr", "img", "link", "input"}


# === A run as a search writes it ===


def genotype(normal, reduce=("max_pool_3x3",) * 8):
    """Two edges into each node, with the operations given."""
    kept = [pair for to in range(2, 6) for pair in ((0, to), (1, to))]

    def cell(names):
        edges = [
            {"op": op, "from": source, "to": to}
            for op, (source, to) in zip(names, kept, strict=True)
        ]
        return {"edges": edges, "concat": [2, 3, 4, 5]}

    return {
        "format": "tfnas-genotype/1",
        "space": "darts",
        "normal": cell(normal),
        "reduce": cell(reduce),
    }


SOUND = (
    ("sep_conv_3x3",) * 4
    + ("skip_connect",) * 2
    + (
        "max_pool_3x3",
        "dil_conv_5x5",
    )
)


def random_walk(rng, epochs, edges, operations):
    steps = rng.normal(0.0, 0.12, (epochs + 1, edges, operations))
    steps[0] *= 1e-2
    return np.cumsum(steps, axis=0)


def alphas_of_stage(rng, epochs, operations, arrays=()):
    """Random walks; fewer than all operations are drawn for each edge."""
    stage = {}
    for kind in ("normal", "reduce"):
        names = np.array(
            [
                sorted(
                    rng.choice(OPERATIONS, operations, replace=False),
                    key=OPERATIONS.index,
                )
                for _ in PAIRS
            ]
        )
        stage[f"operations_{kind}"] = names
        stage[f"alphas_{kind}"] = random_walk(rng, epochs, 14, operations)
        if "betas" in arrays:
            stage[f"betas_{kind}"] = random_walk(rng, epochs, 14, 6)
        if "gammas" in arrays:
            stage[f"gammas_{kind}"] = random_walk(rng, epochs, 1, 6)[:, 0]
        if "edges" in arrays:
            stage[f"edges_{kind}"] = random_walk(rng, epochs, 14, 1)[..., 0]
    return stage


def write_run(
    folder,
    *,
    normal=SOUND,
    epochs=6,
    stages=(8,),
    relaxation="softmax",
    arrays=(),
    classes=("cat", "dog"),
    command=("python", "-m", "tfnas.search", "--seed=3"),
    method="darts",
    attention="none",
):
    """Writes a run of `epochs` epochs a stage; `stages` counts operations."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    total = epochs * len(stages)
    rows, snapshots, alphas = [], [], {}
    for stage, operations in enumerate(stages):
        for name, array in alphas_of_stage(
            rng, epochs, operations, arrays
        ).items():
            alphas[f"stage{stage}/{name}"] = array
        for epoch in range(1, epochs + 1):
            t = (stage * epochs + epoch) / total
            noise = rng.normal(0, 0.02, 5)
            values = (
                stage,
                epoch,
                0.025 * (1 + np.cos(np.pi * t)) / 2,
                2.3 * np.exp(-1.6 * t) + noise[0],
                0.3 + 0.6 * t + noise[1],
                2.3 * np.exp(-1.2 * t) + noise[2],
                2.3 * np.exp(-1.1 * t) + noise[3],
                0.3 + 0.5 * t + noise[4],
                round(5 - 3 * t),
                round(3 * t),
                61.5 + 40 * noise[0],
            )
            rows.append(dict(zip(SEARCH_COLUMNS, values, strict=True)))
            changed = list(normal)
            for _ in range(int(6 * (1 - min(1, 1.3 * t)) + 0.5)):
                changed[rng.integers(8)] = str(rng.choice(OPERATIONS[1:]))
            snapshots.append(
                {"stage": stage, "epoch": epoch, "genotype": genotype(changed)}
            )
    config = {
        "command": list(command),
        "config": {"method": method, "seed": 3, "epochs": epochs},
        "method": {
            "relaxation": relaxation,
            "order": 1,
            "attention": attention,
        },
        "data": {
            "name": "cifar10",
            "image_shape": [32, 32, 3],
            "classes": list(classes),
            "train": 25_000,
            "valid": 24_999,
        },
        "versions": {"tfnas": "0.1.0", "tensorflow": "2.21.0"},
    }
    summary = {
        "seconds": 4325.0,
        "peak_memory_mb": 2811.0,
        "supernet_parameters": 1_930_618,
        "supernet_multiply_adds": 287_654_321,
        "network": {
            "channels": 36,
            "cells": 20,
            "parameters": 3_349_342,
            "multiply_adds": 528_123_456,
        },
        "next_command": "python -m tfnas.train --genotype=genotype.json",
    }
    for name, content in (
        ("config.json", config),
        ("summary.json", summary),
        ("genotypes.json", snapshots),
        ("genotype.json", genotype(normal)),
    ):
        (folder / name).write_text(json.dumps(content))
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, SEARCH_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    np.savez(folder / "alphas.npz", **alphas)
    return folder


# === The page, parsed ===


class Page(html.parser.HTMLParser):
    """Text, tags and ids of a page; fails on an element left open."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.labels = [], [], "", []
        self.ids = []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [v for k, v in attributes if k == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> out of place"
        if tag in ("td", "th"):
            self.text += "\n"

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """From options to the folder of such a run and its page, to be read."""
    folders = {}

    def make(**options):
        key = repr(sorted(options.items()))
        if key not in folders:
            folders[key] = tmp_path_factory.mktemp("written") / "run"
            write_report(write_run(folders[key], **options))
        return folders[key]

    return make


@pytest.fixture
def report(written):
    """From options to the parsed page of such a run."""

    def page(**options):
        path = written(**options) / "report.html"
        return Page(path.read_text(encoding="utf-8"))

    return page


VARIANTS = {
    "plain": {},
    "one epoch": {"epochs": 1},
    "stages": {"stages": (8, 5, 3), "method": "pdarts"},
    "sigmoid": {"relaxation": "sigmoid", "stages": (7,)},
    "attention": {"arrays": ("betas", "gammas", "edges")},
    "one operation": {"stages": (1,)},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_page_stands_alone(report, name):
    page = report(**VARIANTS[name])
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "image"}
    for tag, attributes in page.tags:
        for attribute in ("src", "href", "xlink:href", "data"):
            target = attributes.get(attribute) or ""
            assert tag == "a" or not target
            assert "//" not in target
        assert "url(" not in (attributes.get("style") or "")
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize("name", VARIANTS)
def test_figures_and_tables_are_accessible(report, name):
    page = report(**VARIANTS[name])
    assert len(page.named("h1")) == 1
    assert all(svg.get("aria-label") for svg in page.named("svg"))
    assert all(th.get("scope") for th in page.named("th"))
    drawn = [svg["aria-label"] for svg in page.named("svg")]
    stages = len(VARIANTS[name].get("stages", (8,)))
    panels = [label for label in drawn if " leads with " in label]
    # Of one epoch there is no course, of one operation no choice.
    still = name in ("one epoch", "one operation")
    assert len(panels) == (0 if still else 2 * 14 * stages)


def test_the_style_sheet_is_balanced(tmp_path):
    text = write_report(write_run(tmp_path / "run")).read_text()
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.S)
    rules = re.sub(r"[^{}]*\{[^{};@]*:[^{}]*\}", "", style)
    # What is left when every rule is gone are empty media blocks.
    assert not re.sub(r"@media[^{}]*\{\s*\}", "", rules).strip()
    used = set(re.findall(r"var\((--c[0-9a-f]{6})\)", text))
    assert used
    assert all(f"{name}:" in style for name in used)


def test_a_long_search_makes_a_page_that_opens_at_once(tmp_path):
    page = write_report(write_run(tmp_path / "run", epochs=50))
    assert page.stat().st_size < 1_500_000


def test_the_numbers_are_those_of_the_files(report, written):
    text = report().text
    for number in ("3,349,342", "528,123,456", "1,930,618", "287,654,321"):
        assert number in text
    for words in ("DARTS on cifar10, seed 3", "1 h 12 min", "25,000", "24,999"):
        assert words in text
    with (written() / "history.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert f"{100 * float(last['valid_accuracy']):.1f} %" in text
    assert "python -m tfnas.train --genotype=genotype.json" in text
    assert "python -m tfnas.search --seed=3" in text


@pytest.mark.parametrize(
    ("method", "attention", "title"),
    [
        ("pdarts", "none", "P-DARTS on"),
        ("pdarts", "after_every", "P-DARTS with attention on"),
        ("att_darts", "after_every", "Att-DARTS on"),
    ],
)
def test_the_title_says_what_was_searched(report, method, attention, title):
    assert title in report(method=method, attention=attention).text


@pytest.mark.parametrize("relaxation", ["softmax", "sigmoid", "dirichlet"])
def test_the_weights_are_the_relaxed_alphas(report, written, relaxation):
    page = report(relaxation=relaxation)
    alphas = np.load(written(relaxation=relaxation) / "alphas.npz")
    alphas = alphas["stage0/alphas_normal"]
    exponential = np.exp(alphas[-1].astype(np.longdouble))
    beta = np.where(alphas[-1] > 0, alphas[-1] + 1, exponential)
    expected = {
        "softmax": exponential / exponential.sum(axis=1, keepdims=True),
        "sigmoid": exponential / (1 + exponential),
        "dirichlet": beta / beta.sum(axis=1, keepdims=True),
    }[relaxation]
    shown = re.findall(r"\b0\.\d{3}\b", page.text)
    assert all(f"{w:.3f}" in shown for w in expected.ravel())


def test_files_are_linked_beside_the_page(report, written):
    targets = [link["href"] for link in report().named("a")]
    assert {"genotype.json", "alphas.npz", "history.csv"} <= set(targets)
    assert all((written() / target).is_file() for target in targets)


# === What it says ===


def test_the_verdict_counts_families(report):
    assert (
        "The normal cell keeps 4 separable convolutions, 1 dilated "
        "convolution, 2 skips, 1 pool; the reduction cell keeps 8 pools."
    ) in report().text


def test_a_fallback_of_the_derivation_is_told(tmp_path):
    run = tmp_path / "run"
    write_run(run)
    path = run / "genotype.json"
    data = json.loads(path.read_text())
    data["provenance"] = {"fallback_reduce": "none reach <0.85>: took others"}
    path.write_text(json.dumps(data))
    text = write_report(run).read_text(encoding="utf-8")
    assert "Reduce: not derived as requested." in text
    assert "none reach &lt;0.85&gt;: took others." in text


@pytest.mark.parametrize(
    ("skips", "pools", "collapsed"),
    [(0, 0, False), (3, 4, False), (4, 0, True), (8, 0, True), (3, 5, True)],
)
def test_a_warning_appears_if_and_only_if_the_cell_collapsed(
    report, skips, pools, collapsed
):
    normal = ["skip_connect"] * skips + ["avg_pool_3x3"] * pools
    normal += ["sep_conv_3x3"] * (8 - len(normal))
    page = report(normal=normal)
    assert ("The cell has collapsed" in page.text) == collapsed
    assert ("--seed=4" in page.text) == collapsed


def test_a_warning_does_not_propose_the_method_that_failed(report):
    text = report(normal=["skip_connect"] * 8, method="pdarts").text
    assert "--method=pdarts" not in text
    assert "--method=fair_darts" in text


def test_stability_counts_the_epochs_without_a_change(tmp_path):
    run = write_run(tmp_path / "run", epochs=5)
    other = ("sep_conv_5x5", *SOUND[1:])
    history = [SOUND, SOUND, other, SOUND, SOUND]
    (run / "genotypes.json").write_text(
        json.dumps(
            [
                {"stage": 0, "epoch": epoch, "genotype": genotype(normal)}
                for epoch, normal in enumerate(history, 1)
            ]
        )
    )
    text = Page(write_report(run).read_text()).text
    assert "has not changed for the last 2 of 5 epochs" in text
    assert "2 changes" in text
    assert "normal 0→2 sep_conv_5x5" in text


def test_a_final_derivation_that_changed_the_genotype_is_told(tmp_path):
    run = write_run(tmp_path / "run")
    final = genotype(("sep_conv_5x5", *SOUND[1:]))
    (run / "genotype.json").write_text(json.dumps(final))
    assert "replaced 1 choice" in Page(write_report(run).read_text()).text


def test_none_never_leads():
    lead = findings.margin(np.array([0.9, 0.06, 0.04]), OPERATIONS[:3])
    assert (lead.best, lead.second) == ("max_pool_3x3", "avg_pool_3x3")
    assert lead.margin == pytest.approx(0.02)


def test_edges_are_named_in_the_authors_order():
    names = [f"{source}→{to}" for source, to in PAIRS]
    assert findings.edge_names("normal", 14) == names
    assert findings.edge_names("cell", 6)[:3] == ["0→1", "0→2", "1→2"]
    assert findings.edge_names("layers", 21)[20] == "layer 20"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (999, "999"),
        (1000, "1.00 k"),
        (3_349_342, "3.35 M"),
        (528_123_456, "528 M"),
        (999_600, "1.00 M"),
        (27e9, "27.0 G"),
    ],
)
def test_counts_have_three_digits(number, shown):
    assert markup.count(number) == shown


NASBENCH = {
    "format": "tfnas-genotype/1",
    "space": "nasbench201",
    "cell": {
        "edges": [
            {"op": "nor_conv_3x3", "from": source, "to": to}
            for to in (1, 2, 3)
            for source in range(to)
        ],
        "concat": [3],
    },
}
MOBILE = {
    "format": "tfnas-genotype/1",
    "space": "mobile",
    "layers": [{"op": "mb_3x3_e6"}, {"op": "skip"}, {"op": "skip"}],
}


@pytest.mark.parametrize(
    ("found", "kind", "rows", "words"),
    [
        (NASBENCH, "cell", 6, "The cell keeps 6 plain convolutions"),
        (MOBILE, "layers", 3, "The network keeps 1 inverted bottleneck, 2"),
    ],
)
def test_other_search_spaces_have_a_page(tmp_path, found, kind, rows, words):
    run = write_run(tmp_path / "run", epochs=1)
    snapshot = {"stage": 0, "epoch": 1, "genotype": found}
    (run / "genotype.json").write_text(json.dumps(found))
    (run / "genotypes.json").write_text(json.dumps([snapshot]))
    names = ("nor_conv_3x3",) if kind == "cell" else ("mb_3x3_e6", "skip")
    arrays = {
        f"stage0/alphas_{kind}": np.zeros((2, rows, len(names))),
        f"stage0/operations_{kind}": np.array([names] * rows),
    }
    np.savez(run / "alphas.npz", **arrays)
    page = Page(write_report(run).read_text(encoding="utf-8"))
    assert words in page.text
    assert "collapsed" not in page.text


# === When to stop ===


def with_proxy(run, values, eigenvalue=None, **provenance):
    """The page of a run with more columns and a provenance."""
    add_proxy(run, values, eigenvalue, **provenance)
    return Page(write_report(run).read_text(encoding="utf-8"))


def add_proxy(run, values, eigenvalue=None, **provenance):
    """Add columns to a run's history, and to its genotype a provenance."""
    path = run / "history.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, value in zip(rows, values, strict=True):
        row["proxy_accuracy"] = value
    for row, value in zip(rows, eigenvalue or [], strict=bool(eigenvalue)):
        row["eigenvalue"] = value
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    data = json.loads((run / "genotype.json").read_text())
    data["provenance"] = provenance
    (run / "genotype.json").write_text(json.dumps(data))


def test_a_run_without_the_proxy_says_nothing_of_it(report):
    assert "When to stop" not in report().text


def test_the_best_epoch_stands_beside_the_last(tmp_path):
    run = write_run(tmp_path / "run", epochs=6)
    page = with_proxy(
        run, [0.1, 0.2, 0.625, 0.4, 0.625, 0.5], select="last", epoch=6
    )
    assert "3: best by the proxy\n" in page.text
    assert "6: last, taken\n" in page.text
    assert "takes that of epoch 3, 12.5 points more" in page.text
    assert "62.5 %" in page.text and "50.0 %" in page.text
    (accuracy,) = [
        svg["aria-label"]
        for svg in page.named("svg")
        if svg["aria-label"].startswith("Accuracy over")
    ]
    assert accuracy.endswith("best derived cell: epoch 3")
    # The margins of both epochs, by hand.
    alphas = np.load(run / "alphas.npz")["stage0/alphas_normal"]
    names = np.load(run / "alphas.npz")["stage0/operations_normal"]
    for epoch in (3, 6):
        leads = []
        for row, edge in zip(np.exp(alphas[epoch]), names, strict=True):
            second, first = np.sort((row / row.sum())[edge != "none"])[-2:]
            leads.append(first - second)
        assert f"{np.mean(leads):.3f}, {min(leads):.3f}" in page.text


def test_eigenvalues_of_every_second_epoch_are_drawn_as_one_line(tmp_path):
    run = write_run(tmp_path / "run", epochs=6)
    page = with_proxy(run, [0.5] * 6, eigenvalue=[0.25, "", 0.5, "", 1.75, ""])
    assert any(
        svg["aria-label"].startswith("Largest eigenvalue")
        and svg["aria-label"].endswith("at the end: value 1.75")
        for svg in page.named("svg")
    )
    assert "Eigenvalue" in page.text and "0.25" in page.text
    text = (run / "report.html").read_text(encoding="utf-8")
    (drawn,) = re.findall(
        r"aria-label=\"Largest eigenvalue.*?</svg>", text, re.S
    )
    # From the first to the fifth epoch, without a break.
    paths = re.findall(r' d="M [^"]*"', drawn)
    assert any(path.count("L") == 4 and path.count("M") == 1 for path in paths)


def test_only_the_last_stage_has_epochs_to_take(tmp_path):
    run = write_run(tmp_path / "run", epochs=2, stages=(8, 5))
    page = with_proxy(run, [0.9, 0.9, 0.3, 0.2], select="best_proxy", epoch=1)
    assert "1: best by the proxy, taken\n" in page.text
    assert "2: last\n" in page.text
    assert "The cell is epoch 1's" in page.text


# === Hostile, damaged and other unusual runs ===


def test_nothing_in_the_files_becomes_markup(report):
    attack = "\"><script>alert(1)</script><img src=x onerror=a>'"
    page = report(classes=(attack,), command=("a b", attack), method=attack)
    assert attack in page.text
    assert {"script", "img"}.isdisjoint(tag for tag, _ in page.tags)
    assert not any("onerror" in attributes for _, attributes in page.tags)


def test_hostile_operation_names_are_only_text(tmp_path):
    run = write_run(tmp_path / "run")
    with np.load(run / "alphas.npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    names = arrays["stage0/operations_normal"].astype("U40")
    names[0, 4] = '"><script>alert(1)</script>'
    arrays["stage0/alphas_normal"][:, 0, 4] = 9.0
    np.savez(run / "alphas.npz", **arrays | {"stage0/operations_normal": names})
    page = Page(write_report(run).read_text())
    assert not page.named("script")
    assert '"><script>alert(1)</script>' in page.text


def test_a_search_that_diverged_still_has_a_page(tmp_path):
    run = write_run(tmp_path / "run")
    text = (run / "history.csv").read_text().splitlines()
    rows = [line.split(",") for line in text[1:]]
    for row in rows:
        row[3:8] = ["nan", "", "inf", "nan", "nan"]
    lines = [text[0], *(",".join(row) for row in rows)]
    (run / "history.csv").write_text("\n".join(lines))
    with np.load(run / "alphas.npz") as archive:
        arrays = {
            key: archive[key] * 1 if "alphas" in key else archive[key]
            for key in archive.files
        }
    arrays["stage0/alphas_normal"][2:] = np.nan
    np.savez(run / "alphas.npz", **arrays)
    assert "–" in Page(write_report(run).read_text()).text


FILES = (
    "config.json",
    "history.csv",
    "alphas.npz",
    "genotypes.json",
    "genotype.json",
    "summary.json",
)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path, name):
    run = write_run(tmp_path / "run")
    (run / name).unlink()
    with pytest.raises(UserError, match=re.escape(name)):
        write_report(run)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\x00"])
def test_a_damaged_file_is_named_in_one_line(tmp_path, name, content):
    run = write_run(tmp_path / "run")
    (run / name).write_bytes(content)
    with pytest.raises(UserError, match=re.escape(name)) as caught:
        write_report(run)
    assert "\n" not in str(caught.value)


def test_a_missing_field_is_named(tmp_path):
    run = write_run(tmp_path / "run")
    summary = json.loads((run / "summary.json").read_text())
    del summary["network"]["parameters"]
    (run / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(UserError, match=r"summary.json.*network.parameters"):
        write_report(run)


# === The command ===


def test_the_command_writes_the_page(tmp_path, capsys):
    run = write_run(tmp_path / "run")
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out.strip() == str(run / "report.html")


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--x"], ["nowhere"]])
def test_a_mistake_in_the_command_is_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        command.run(main, ["report", *arguments])
    assert left.value.code == 1
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.count("\n") == 1
