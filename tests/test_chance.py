"""A choice that noise made is called one, in the terminal and on the page."""

import json

import numpy as np
import pytest
from scipy import stats
from small_runs import search_here
from test_report import (
    MOBILE,
    NASBENCH,
    OPERATIONS,
    PAIRS,
    Page,
    add_proxy,
    genotype,
    write_run,
)

from tfnas import report
from tfnas.report import chance, course, overview, stopping
from tfnas.report.interval import wilson
from tfnas.runs import reading
from tfnas.spaces import nasbench201

NAMES = np.array([OPERATIONS] * len(PAIRS))
# What may not be said of a genotype that chance has decided.
STABILITY = ("the same after all", "has not changed", "still changed")
STABILITY += ("stable", "never changed", "collapsed")


def noise(seed=0, deviation=1e-3, shape=(14, 8)):
    return np.random.default_rng(seed).normal(0, deviation, shape)


def edge(start, end, names=NAMES):
    """A stage of one kind of cell that begins and ends so."""
    raw = np.array([start, start, end], float)
    return {"alphas_normal": raw, "operations_normal": names}


def winner(size, column=4, seed=0):
    """Alphas with one so much larger than the others that it decides."""
    alphas = noise(seed, 0.0)
    alphas[:, column] = size
    return alphas


def rewrite(run, *stages, found=None, **method):
    """Give a run other alphas, and perhaps another genotype."""
    arrays = {
        f"stage{number}/{name}": array
        for number, stage in enumerate(stages)
        for name, array in stage.items()
    }
    np.savez(run / "alphas.npz", **arrays)
    config = json.loads((run / "config.json").read_text())
    config["method"] |= method
    (run / "config.json").write_text(json.dumps(config))
    if found is not None:
        (run / "genotype.json").write_text(json.dumps(found))
    return run


def page_of(run):
    """The words of a page, without its figures, which take seconds."""
    run = reading.read_run(run)
    parts = (overview.header(run), course.changes(run), stopping.table(run))
    return Page("".join(parts)).text


# === The evidence ===


def test_an_untrained_alpha_has_no_lead_and_has_not_moved():
    start = noise()
    found = chance.operations(edge(start, start + noise(1, 1e-8)), "softmax")
    assert found.lead < 1e-3 and found.moved < 1e-7
    assert found.enough == pytest.approx(3e-3, rel=0.2)


@pytest.mark.parametrize("deviation", [0.0, 1e-4, 1e-3, 0.1])
def test_the_way_to_go_is_three_initial_deviations(deviation):
    start = noise(0, deviation, (14, 2000))
    names = np.array([[f"op{i}" for i in range(2000)]] * 14)
    found = chance.operations(edge(start, start, names), "softmax")
    assert found.enough == pytest.approx(3 * max(deviation, 1e-3), rel=0.02)


def test_a_large_initial_lead_is_chance_too():
    """What counts is what the search did."""
    start = noise(0, 2.0)
    found = chance.operations(edge(start, start + 1e-4 * noise()), "softmax")
    assert found.lead > 0.05 and found.moved < found.enough


@pytest.mark.parametrize("relaxation", ["softmax", "sigmoid", "dirichlet"])
def test_leads_and_ways_by_hand(relaxation):
    end = np.zeros((3, 3))
    end[:, 2] = (1.0, 2.0, 30.0)
    names = np.array([["none", "skip_connect", "sep_conv_3x3"]] * 3)
    found = chance.operations(edge(np.zeros((3, 3)), end, names), relaxation)
    power = np.exp(2.0)
    lead = {
        "softmax": (power - 1) / (power + 2),
        "sigmoid": power / (1 + power) - 0.5,
        "dirichlet": (3 - 1) / (3 + 1 + 1),
    }[relaxation]
    assert found.lead == pytest.approx(lead)  # of the edge in the middle
    # Half of a lead each, up and down, where only the difference is seen.
    squares = np.mean(np.square([0, 0, 0, 1, 2, 30]))
    half = np.mean(np.square([0.5, 0.5, 1, 1, 15, 15]))
    moved = half if relaxation == "softmax" else squares
    assert found.moved == pytest.approx(np.sqrt(moved))


def test_what_a_softmax_does_not_see_is_no_way():
    start = noise()
    shifted = edge(start, start + 5.0)
    assert chance.operations(shifted, "softmax").moved < 1e-9
    assert chance.operations(shifted, "sigmoid").moved == pytest.approx(5.0)


def test_none_counts_where_it_can_be_kept():
    end = winner(3.0, column=0)
    found = chance.operations(edge(noise(), end), "softmax")
    assert found.lead < 0.01 and found.moved < found.enough
    bench = {"alphas_cell": np.array([noise(), end])}
    bench["operations_cell"] = NAMES
    found = chance.operations(bench, "softmax")
    assert found.lead > 0.5 and found.moved > found.enough


def test_an_edge_without_a_choice_has_no_evidence():
    names = np.array([["none", "sep_conv_3x3"]] * 3)
    stage = edge(np.zeros((3, 2)), np.zeros((3, 2)), names)
    assert chance.operations(stage, "softmax") is None


def test_a_search_that_diverged_is_no_matter_of_chance():
    found = chance.operations(edge(noise(), noise() * np.nan), "softmax")
    assert np.isnan(found.lead) and np.isnan(found.moved)


# === What is said ===


@pytest.fixture
def run(tmp_path):
    """A run whose genotype never changed, collapsed, of two epochs."""
    normal = ("skip_connect",) * 8
    folder = write_run(tmp_path / "run", normal=normal, epochs=2)
    same = [
        {"stage": 0, "epoch": epoch, "genotype": genotype(normal)}
        for epoch in (1, 2)
    ]
    (folder / "genotypes.json").write_text(json.dumps(same))
    return folder


UNDECIDED = {
    "alpha as it was": (edge(noise(), noise()), {}),
    "no lead": (edge(noise(), winner(0.05) + noise()), {}),
    "no way": (edge(noise(0, 2.0), noise(0, 2.0)), {}),
    "sigmoids": (edge(noise(0, 0.0), noise()), {"relaxation": "sigmoid"}),
    "edge weights": (
        {
            **edge(noise(), noise()),
            "edges_normal": np.array([np.zeros(14), np.arange(14.0)] * 2)[:3],
        },
        {"edge_normalization": True},
    ),
}


@pytest.mark.parametrize("name", UNDECIDED)
def test_chance_is_named_and_nothing_of_stability(run, name):
    stage, method = UNDECIDED[name]
    text = page_of(rewrite(run, stage, **method))
    (said,) = report.remarks(run)
    assert "decided by chance" in said and said in text
    assert not [words for words in STABILITY if words in text]


def test_a_decision_has_its_verdict_as_before(run):
    text = page_of(rewrite(run, edge(noise(), winner(0.5))))
    assert "by chance" not in text
    assert report.remarks(run) == []
    for words in (
        "The genotype was the same after all 2 epochs",
        "The cell has collapsed",
        "Genotype stable for",
        "The genotype never changed",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("size", "by_chance"), [(0.07, True), (0.1, False)], ids=str
)
def test_the_lead_that_is_needed(run, size, by_chance):
    """Shares of 1/8 and a lead of 0.0090, or of 0.0129."""
    said = report.remarks(rewrite(run, edge(noise(0, 0.0), winner(size))))
    assert bool(said) == by_chance


def test_every_stage_has_to_move_and_the_last_one_to_lead(tmp_path):
    folder = write_run(tmp_path / "run", epochs=2, stages=(8, 8))
    still, far = edge(noise(), noise()), edge(noise(), winner(0.5))
    weak = edge(noise(), winner(0.05))
    assert report.remarks(rewrite(folder, weak, far)) == []
    (said,) = report.remarks(rewrite(folder, still, far))
    assert "in stage 1 alpha has moved" in said and "leads" not in said
    (said,) = report.remarks(rewrite(folder, far, still))
    assert "in stage 2 alpha has moved" in said and "leads" in said
    assert "has not changed" not in page_of(folder)


def test_the_epoch_that_was_taken_is_judged(run):
    stage = edge(noise(), winner(0.5))  # still as it was after epoch 1
    rewrite(run, stage)
    data = genotype(("skip_connect",) * 8)
    for epoch, said in ((1, True), (2, False)):
        data["provenance"] = {"select": "best_proxy", "epoch": epoch}
        (run / "genotype.json").write_text(json.dumps(data))
        assert bool(report.remarks(run)) == said


def test_attentions_are_judged_by_themselves(run):
    stage = edge(noise(), winner(0.5))
    betas = np.array([noise(1, shape=(14, 6))] * 3)
    stage["betas_normal"] = betas
    rewrite(run, stage, attention="after_every")
    (said,) = report.remarks(run)
    assert said.startswith("The attentions were decided by chance")
    text = page_of(run)
    assert said in text and "the same after all 2 epochs" in text
    moved = betas.copy()
    moved[-1, :, 2] += 1.0
    rewrite(run, {**stage, "betas_normal": moved})
    assert report.remarks(run) == []


@pytest.mark.parametrize(
    ("found", "kind", "names"),
    [
        (NASBENCH, "cell", nasbench201.PRIMITIVES),
        (MOBILE, "layers", ("mb_3x3_e6", "skip")),
    ],
)
def test_other_spaces_are_judged_too(run, found, kind, names):
    rows = 6 if kind == "cell" else 3
    start = noise(shape=(rows, len(names)))
    entry = {"stage": 0, "epoch": 2, "genotype": found}
    (run / "genotypes.json").write_text(json.dumps([entry]))
    for size, said in ((0.0, True), (1.0, False)):
        end = start.copy()
        end[:, 0] += size
        stage = {
            f"alphas_{kind}": np.array([start, start, end]),
            f"operations_{kind}": np.array([names] * rows),
        }
        rewrite(run, stage, found=found)
        assert ("decided by chance" in page_of(run)) == said


# === When to stop ===


@pytest.mark.parametrize(
    ("right", "total", "published"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_s_interval_is_the_published_one(right, total, published):
    assert wilson(right, total) == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize("total", [1, 7, 512])
def test_wilson_s_interval_is_scipy_s(total):
    for right in {0, 1, total // 3, total}:
        known = stats.binomtest(right, total).proportion_ci(method="wilson")
        assert wilson(right, total) == pytest.approx(tuple(known), abs=1e-12)


def proxied(tmp_path, best, noted=None, classes=10):
    names = [f"class {number}" for number in range(classes)]
    run = write_run(tmp_path / "run", epochs=3, classes=names)
    summary = json.loads((run / "summary.json").read_text())
    if noted:
        summary["proxy"] = noted
        (run / "summary.json").write_text(json.dumps(summary))
    add_proxy(run, [0.05, best, 0.06], select="last", epoch=3)
    return page_of(run)


@pytest.mark.parametrize(
    ("best", "majority", "advised"),
    [
        (0.08, 0.11, False),
        (0.13, 0.11, False),  # 0.104 to 0.162
        (0.15, 0.11, True),  # 0.122 to 0.184
        (0.22, 0.11, True),
        (0.22, 0.20, False),
        (0.10, 0.90, False),
    ],
)
def test_epochs_are_advised_where_the_proxy_beats_the_majority(
    tmp_path, best, majority, advised
):
    noted = {"images": 512, "majority_share": majority}
    text = proxied(tmp_path, best, noted)
    assert ("takes that of epoch 2" in text) == advised
    assert ("advises no epoch" in text) == (not advised)
    assert "equally frequent" not in text


def test_the_number_of_images_counts(tmp_path):
    for images, advised in ((40, False), (512, True)):
        noted = {"images": images, "majority_share": 0.15}
        text = proxied(tmp_path, 0.25, noted)
        assert ("takes that of epoch 2" in text) == advised


@pytest.mark.parametrize(("classes", "advised"), [(10, True), (4, False)])
def test_an_older_run_counts_with_equal_classes(tmp_path, classes, advised):
    text = proxied(tmp_path, 0.25, classes=classes)
    assert ("takes that of epoch 2" in text) == advised
    said = "of 512 images" in text and "if all classes are equally" in text
    assert said == (not advised)


# === The budget ===


@pytest.mark.parametrize(
    ("budget", "beginning"),
    [
        (0, None),
        (600, "Within budget: the derived network has 528 M multiply-adds"),
        (500, "Over budget: the derived network has 528 M multiply-adds, 5.6"),
    ],
)
def test_the_network_stands_beside_its_budget(run, budget, beginning):
    stage = edge(noise(), winner(0.5))
    rewrite(run, stage, budget_macs=budget)
    said = report.remarks(run)
    assert len(said) == bool(budget)
    if budget:
        assert said[0].startswith(beginning)
        assert said[0] in page_of(run)
    assert ("udget" in page_of(run)) == bool(budget)


# === A search ===


def test_a_search_that_learns_nothing_says_so(tmp_path, capsys):
    """The terminal, the page and summary.json agree."""
    folder = tmp_path / "run"
    search_here(folder, alpha_learning_rate=1e-9, budget_macs=100.0)
    said = capsys.readouterr().out
    by_chance, budget = report.remarks(folder)
    assert "decided by chance" in by_chance and by_chance in said
    assert "Within budget" in budget and budget in said
    text = Page((folder / "report.html").read_text(encoding="utf-8")).text
    assert by_chance in text and budget in text
    assert not [words for words in STABILITY if words in text + said]
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["budget_multiply_adds"] == 100_000_000
    found = reading.read_run(folder)
    assert summary["proxy"]["images"] == found.config["data"]["valid"]
    assert 0.1 <= summary["proxy"]["majority_share"] < 0.5
