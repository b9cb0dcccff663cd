"""The survey's claims: runs whose verdict is known, claim by claim."""

import itertools
import json
import shlex

import compared
import numpy as np
import pytest
from compared import cell

from tfnas import compare
from tfnas.cli import command
from tfnas.compare import claims, features, lookup, records
from tfnas.compare.evidence import Runs
from tfnas.compare.numbers import NOT_MEASURED
from tfnas.compare.verdicts import CONTRADICTS, SUPPORTS, UNDECIDED
from tfnas.search import config as search

SKIPS = cell(*["skip_connect"] * 6)
CONVOLUTIONS = cell(*["nor_conv_3x3"] * 6)


def said(out, claim):
    """(effect, n, verdict, what was measured) of a claim."""
    found = claim(Runs(records.read(out)[0], {}))
    if found is None:
        return None
    verdict = found.verdict
    return verdict.effect, verdict.n, verdict.says, found.measured


def pruning(pruned, tuned=0.5, whole=0.6):
    return {"whole": whole, "pruned": pruned, "tuned": tuned, "chance": 0.1}


# === DARTS ===


def at_two_depths(out, shallow, deep):
    for seed, errors in enumerate(zip(shallow, deep, strict=True)):
        folder = compared.found(out, seed=seed)
        for cells, error in zip((8, 20), errors, strict=True):
            compared.trained(folder, error, name=f"{cells}_cells", cells=cells)


@pytest.mark.parametrize(
    ("deep", "effect", "says"),
    [
        # Three cells show nothing, whatever their order.
        ([5.0, 4.0, 4.5], 1.5, UNDECIDED),
        ([6.0, 5.0, 4.0], 2.0, UNDECIDED),
        # Twelve in the same order, and in the opposite one.
        ([*np.arange(12.0)], 0.0, CONTRADICTS),
        ([*np.arange(12.0)[::-1]], 2.0, SUPPORTS),
    ],
)
def test_depths_that_rank_alike_have_no_gap(deep, effect, says, tmp_path):
    at_two_depths(tmp_path, [*map(float, range(len(deep)))], deep)
    found = said(tmp_path, claims.depth_gap)
    assert found[0] == pytest.approx(effect)
    assert found[1:3] == ((len(deep),), says)
    assert found[3].endswith("between 8 and 20 cells")


@pytest.mark.parametrize("deep", [[1.0, 2.0], [3.0, 3.0, 3.0, 3.0]])
def test_cells_that_cannot_be_ranked_show_no_gap(deep, tmp_path):
    at_two_depths(tmp_path, [*map(float, range(len(deep)))], deep)
    assert said(tmp_path, claims.depth_gap) is None


def test_one_depth_shows_no_gap(tmp_path):
    compared.trained(compared.found(tmp_path), 2.0, name="8_cells", cells=8)
    assert said(tmp_path, claims.depth_gap) is None


def test_the_discretisation_gap_is_plain_darts_s(tmp_path):
    for seed, pruned in enumerate((0.35, 0.30, 0.40)):
        compared.found(tmp_path, seed=seed, pruning=pruning(pruned))
        name = f"darts+beta_decay=25_digits_seed{seed}"
        other = pruning(0.1)
        compared.found(
            tmp_path, seed=seed, name=name, beta_decay=25.0, pruning=other
        )
    effect, n, says, measured = said(tmp_path, claims.discretisation_gap)
    assert effect == pytest.approx(25)  # of 25, 30 and 20
    assert (n, says) == ((3,), SUPPORTS)
    assert "darts: 60.0 % to 35.0 %, chance 10.0 %" in measured
    assert "darts+beta_decay=25: 60.0 % to 10.0 %" in measured
    effect, n, says, measured = said(tmp_path, claims.tuned_gap)
    # The same gap in every run: how far it varies is unknown.
    assert (effect, n, says) == (pytest.approx(10), (3,), UNDECIDED)


def test_a_single_gap_decides_nothing(tmp_path):
    compared.found(tmp_path, pruning=pruning(0.1))
    assert said(tmp_path, claims.discretisation_gap)[2] == UNDECIDED


def test_gaps_of_remedies_alone_are_not_darts_s(tmp_path):
    compared.found(tmp_path, warmup_epochs=3, pruning=pruning(0.1))
    assert said(tmp_path, claims.discretisation_gap) is None


def searched(out, collapsed, of, **values):
    """Searches in NAS-Bench-201; the first ones have collapsed."""
    for seed in range(of):
        found = SKIPS if seed < collapsed else CONVOLUTIONS
        name = "+".join(["darts", *(f"{k}={v}" for k, v in values.items())])
        compared.found(
            out,
            seed=seed,
            name=f"{name}_digits_seed{seed}",
            genotype=found,
            space="nasbench201",
            **values,
        )


@pytest.mark.parametrize(
    ("collapsed", "of", "says"),
    [(2, 3, UNDECIDED), (0, 5, UNDECIDED), (4, 5, SUPPORTS)],
)
def test_collapse_is_held_against_cells_drawn_at_random(
    collapsed, of, says, tmp_path
):
    searched(tmp_path, collapsed, of)
    searched(tmp_path, 0, 9, beta_decay=25.0)  # a remedy's count apart
    for seed in range(3):
        compared.baseline(tmp_path, seed=seed, genotype=SKIPS)
    effect, n, verdict, measured = said(tmp_path, claims.skip_collapse)
    # All cells of the space, counted by the rule in words.
    names = ("none", "skip", "1x1", "3x3", "pool")
    every = [*itertools.product(names, repeat=6)]
    rate = np.mean(
        [c.count("skip") >= 3 or not {"1x1", "3x3"} & {*c} for c in every]
    )
    assert effect == pytest.approx(collapsed / of - rate, abs=0.02)
    assert (n, verdict) == ((of, 4000), says)
    assert f"; darts {collapsed} of {of}; random 3 of 3; " in measured
    assert "darts+beta_decay=25.0 0 of 9; " in measured


def test_remedies_alone_show_no_collapse_of_darts(tmp_path):
    searched(tmp_path, 3, 3, beta_decay=25.0)
    assert said(tmp_path, claims.skip_collapse) is None


def variants(out, name, accuracies, method="darts", **more):
    """Searches that differ in one value; {value: accuracies}."""
    for value, own in accuracies.items():
        for seed, accuracy in enumerate(own):
            text = str(value).strip("()").replace(", ", ":")
            folder = f"{method}+{name}={text}_digits_seed{seed}"
            compared.found(
                out,
                method,
                seed,
                name=folder,
                accuracy=accuracy,
                **{name: value},
                **more,
            )


def test_inner_steps_are_compared_where_nothing_else_differs(tmp_path):
    known = {1: [0.50, 0.51, 0.52], 4: [0.90, 0.91, 0.92], 2: [0.7, 0.7, 0.7]}
    variants(tmp_path, "inner_steps", known)
    # Another family, which is smaller.
    variants(tmp_path / "x", "inner_steps", {1: [0.1]}, epochs=9)
    effect, n, says, measured = said(tmp_path, claims.inner_steps)
    assert effect == pytest.approx(40)  # 4 steps against 1
    assert (n, says) == ((3, 3), SUPPORTS)
    assert measured.startswith(
        "the supernet's accuracy: 1 51.00 ± 1.00 (n=3) in "
    )


def test_an_accuracy_of_a_supernet_is_not_one_of_cells(tmp_path):
    variants(tmp_path, "order", {1: [0.5, 0.6], 2: [0.8, 0.9]})
    assert said(tmp_path, claims.second_order) is None
    assert said(tmp_path, claims.second_order_time)[0] == 1


def test_second_order_is_judged_by_trained_cells(tmp_path):
    for order, errors in ((1, (5.0, 5.1, 5.2)), (2, (4.0, 4.1, 4.2))):
        for seed, error in enumerate(errors):
            name = f"darts+order={order}_digits_seed{seed}"
            hours = order * 2 + seed / 10
            folder = compared.found(
                tmp_path, seed=seed, name=name, hours=hours, order=order
            )
            compared.trained(folder, error)
    effect, _, says, measured = said(tmp_path, claims.second_order)
    assert (effect, says) == (pytest.approx(1), SUPPORTS)
    assert measured.startswith("test accuracy: 1 94.90")
    effect, _, says, _ = said(tmp_path, claims.second_order_time)
    assert effect == pytest.approx((4 * 4.1 * 4.2 / (2 * 2.1 * 2.2)) ** (1 / 3))
    assert says == SUPPORTS


# === P-DARTS ===


def against(out, ours, theirs, errors, hours, **values):
    """Trained searches of two methods; errors and hours of each side."""
    sides = zip((ours, theirs), errors, hours, strict=True)
    for label, own_errors, own_hours in sides:
        method = label.partition("+")[0]
        pairs = enumerate(zip(own_errors, own_hours, strict=True))
        for seed, (error, took) in pairs:
            name = f"{label}_digits_seed{seed}"
            folder = compared.found(
                out, method, seed, name=name, hours=took, **values
            )
            compared.trained(folder, error)


def test_a_label_with_values_counts_for_its_method(tmp_path):
    against(
        tmp_path,
        "pdarts+cells=3:6:9+epochs=7",
        "darts",
        ([4.0, 4.1, 4.2], [5.0, 5.1, 5.2]),
        ([3.0, 3.1, 3.2], [1.0, 1.1, 1.2]),
    )
    effect, n, says, measured = said(tmp_path, claims.stages_gain)
    assert (effect, n, says) == (pytest.approx(1), (3, 3), SUPPORTS)
    assert "pdarts+cells=3:6:9+epochs=7 95.90" in measured
    # It took three times as long, where the claim is that it takes less.
    effect, _, says, _ = said(tmp_path, claims.stages_time)
    assert effect == pytest.approx((3 * 3.1 * 3.2 / (1.1 * 1.2)) ** (1 / 3))
    assert says == CONTRADICTS


def test_labels_of_a_method_are_not_pooled(tmp_path):
    for name, accuracy in (("darts+epochs=9", 9.0), ("darts", 2.0)):
        errors = [accuracy, accuracy + 1]
        against(tmp_path, name, "x", (errors, []), ([1.0, 1.0], []))
    against(tmp_path, "att_darts", "x", ([2.0, 3.0], []), ([1.0, 2.0], []))
    effect, n, says, _ = said(tmp_path, claims.attention_gain)
    assert (effect, n, says) == (0, (2, 2), UNDECIDED)


def test_dropping_candidates_is_held_against_keeping_them(tmp_path):
    for kept, hours in (((5, 3), 1.0), ((8, 8), 2.0)):
        for seed in range(3):
            text = ":".join(map(str, kept))
            compared.found(
                tmp_path,
                "pdarts",
                seed,
                name=f"pdarts+operations_kept={text}_digits_seed{seed}",
                hours=hours + seed / 10,
                operations_kept=kept,
            )
    effect, n, says, measured = said(tmp_path, claims.approximation)
    assert effect == pytest.approx((2 * 2.1 * 2.2 / (1.1 * 1.2)) ** (1 / 3))
    assert (n, says) == ((3, 3), SUPPORTS)
    assert measured.startswith("hours: 5:3 1.10 ± 0.10 (n=3); 8:8 2.10")


def test_skips_are_held_against_their_dropout(tmp_path):
    # Normal cells of published genotypes: 2, 3 and 2 skips without dropout.
    for seed, (name, rate) in enumerate(
        [
            ("PDARTS", 0.0),
            ("DARTS_V1", 0.0),
            ("PDARTS", 0.0),
            ("PDARTS", 0.7),
            ("DARTS_V1", 0.7),
        ]
    ):
        rates = (0.0, 0.0, rate)
        compared.found(
            tmp_path, "pdarts", seed, genotype=name, skip_dropout=rates
        )
    effect, n, says, measured = said(tmp_path, claims.skips_and_dropout)
    skips = {"PDARTS": 2, "DARTS_V1": 3}
    without = (2 * skips["PDARTS"] + skips["DARTS_V1"]) / 3
    assert effect == pytest.approx(sum(skips.values()) / 2 - without)
    assert (n, says) == ((2, 3), UNDECIDED)
    assert "0.0:0.0:0.7 2.50 ± 0.71 (n=2)" in measured


# === Fair DARTS ===


def with_leads(out, method, leads, **values):
    """Searches whose best operation leads by so much on every edge."""
    for seed, ahead in enumerate(leads):
        columns = 8 if method == "darts" else 7
        alphas = np.zeros((14, columns))
        alphas[:, 3] = ahead
        alphas[:, 0] = 9 if method == "darts" else 0  # `none` does not count
        compared.found(out, method, seed, alphas=alphas, **values)


EQUAL = {"alpha_learning_rate": 3e-3, "batch_size": 64, "epochs": 9}


def test_equal_leads_in_alpha_are_no_difference(tmp_path):
    """In shares a sigmoid's would be more than twice as large."""
    leads = [0.2, 0.3, 0.4]
    with_leads(tmp_path, "darts", leads, **EQUAL)
    with_leads(tmp_path, "fair_darts", leads, **EQUAL)
    effect, n, says, measured = said(tmp_path, claims.decided)
    assert (effect, n, says) == (pytest.approx(0), (3, 3), UNDECIDED)
    assert "sigmoid 0.300 ± 0.100 (n=3)" in measured


@pytest.mark.parametrize(
    ("ours", "says"), [([1.2, 1.3, 1.4], SUPPORTS), ([0.0] * 3, CONTRADICTS)]
)
def test_leads_in_alpha_decide(ours, says, tmp_path):
    with_leads(tmp_path, "darts", [0.5, 0.6, 0.7], **EQUAL)
    with_leads(tmp_path, "fair_darts", ours, **EQUAL)
    assert said(tmp_path, claims.decided)[2] == says


@pytest.mark.parametrize("name", EQUAL)
def test_leads_at_other_rates_are_not_compared(name, tmp_path):
    with_leads(tmp_path, "darts", [0.1, 0.2], **EQUAL)
    other = EQUAL | {name: 2 * EQUAL[name]}
    with_leads(tmp_path, "fair_darts", [0.8, 0.9], **other)
    assert said(tmp_path, claims.decided) is None


def test_the_zero_one_loss_is_held_against_its_absence(tmp_path):
    for weight, gaps in ((0.0, (0.1, 0.12, 0.14)), (10.0, (0.5, 0.52, 0.54))):
        for seed, pruned in enumerate(gaps):
            compared.found(
                tmp_path,
                "fair_darts",
                seed,
                name=f"fair_darts+zero_one_weight={weight}_digits_seed{seed}",
                zero_one_weight=weight,
                pruning=pruning(pruned),
            )
    effect, n, says, _ = said(tmp_path, claims.zero_one_loss)
    assert effect == pytest.approx(-40)  # from 48 to 8 points
    assert (n, says) == ((3, 3), SUPPORTS)


@pytest.mark.parametrize(
    ("between", "says"),
    [
        # So many of eight kept operations lie between 0.8 and 0.9.
        ((8, 7, 8), SUPPORTS),
        ((1, 0, 2), UNDECIDED),
        ((0, 0, 0), UNDECIDED),
        # Half a width: 12.706 of the t table, times 0.5.
        ((1, 0), UNDECIDED),
        (((0,) * 12 + (1,)), CONTRADICTS),
    ],
)
def test_a_threshold_costs_operations(between, says, tmp_path):
    for seed, count in enumerate(between):
        alphas = np.full((14, 7), -3.0)
        # Two edges of each node, as sigmoids 0.95 and 0.85.
        for place, edge in enumerate((0, 1, 2, 3, 5, 6, 9, 10)):
            share = 0.85 if place < count else 0.95
            alphas[edge, 4] = np.log(share / (1 - share))
        compared.found(tmp_path, "fair_darts", seed, alphas=alphas)
    effect, n, verdict, measured = said(
        tmp_path, claims.operations_and_threshold
    )
    assert effect == pytest.approx(np.mean(between))
    assert (n, verdict) == ((len(between),), says)
    assert measured.startswith("kept: 8.0 at 0.5")


# === Att-DARTS ===


def test_attention_has_a_time_a_gain_and_weights(tmp_path):
    against(
        tmp_path,
        "att_darts",
        "darts",
        ([3.0, 3.1, 3.2], [5.0, 5.1, 5.2]),
        ([1.5, 1.6, 1.4], [1.0, 1.1, 0.9]),
    )
    assert said(tmp_path, claims.attention_time)[2] == SUPPORTS
    effect, _, says, _ = said(tmp_path, claims.attention_gain)
    assert (effect, says) == (pytest.approx(2), SUPPORTS)
    # All networks are of the same size, so nothing is known of its spread.
    effect, n, says, _ = said(tmp_path, claims.attention_weights)
    assert (effect, n, says) == (1, (3, 3), UNDECIDED)


# === The table ===


def given(*flags):
    configs = search.SearchConfig, search.Method, compare.CompareConfig
    return command.parse(["compare", *flags], *configs)


def table(out, *flags):
    return features.table(records.read(out)[0], {}, given(*flags))


def test_every_claim_has_a_row_and_every_row_its_claim():
    public = {
        name
        for name, value in vars(claims).items()
        if getattr(value, "__module__", "") == claims.__name__
        and value.__code__.co_varnames[:1] == ("runs",)
        and not name.startswith("_")
    }
    assert public == {row[2].__name__ for row in features.FEATURES}
    titles = [row[0] for row in features.FEATURES]
    assert len({*titles}) == len(titles)


def test_without_runs_nothing_is_said(tmp_path):
    compared.found(tmp_path, "pc_darts")
    for row in table(tmp_path).rows:
        row = dict(zip(features.HEAD, row, strict=True))
        assert row["measured"] == row["verdict"] == NOT_MEASURED


@pytest.mark.parametrize("space", ["darts", "nasbench201"])
def test_every_row_has_a_command_that_runs(space, tmp_path):
    bench = tmp_path / "bench.csv"
    bench.write_text(",".join(lookup.COLUMNS) + "\n")
    out = tmp_path / "runs"
    compared.found(out, "darts", seed=3)
    flags = ["--dataset=digits", "--channels=8", f"--out={out}"]
    if space == "nasbench201":
        flags += [f"--space={space}", "--cells=6"]
        flags += [f"--nasbench201_table={bench}"]
    for row in table(out, *flags).rows:
        words = shlex.split(row[-1])[3:]
        assert compare.resolve(given(*words))[1], row[0]


def with_command(folder, words):
    """The folder's run, as if these words had started it."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["command"] = f"python -m tfnas.search {words}".split()
    path.write_text(json.dumps(config))


def command_of(found, title):
    (row,) = [row for row in found.rows if row[0] == title]
    return row[-1]


def test_a_method_s_own_values_are_not_passed_to_others(tmp_path):
    folder = compared.found(tmp_path, name="darts+beta_decay=25_digits_seed0")
    with_command(folder, "--channels=4 --beta_decay=25")
    typed = command_of(table(tmp_path), "P-DARTS: stages, time")
    assert typed.endswith("--channels=4") and "beta_decay" not in typed


def test_the_command_searches_as_what_is_there_did(tmp_path):
    for seed, epochs in ((0, 7), (1, 8)):
        folder = compared.found(tmp_path, seed=seed)
        words = f"--channels=4 --epochs={epochs} --seed={seed} --out=there"
        with_command(folder, words)
    assert command_of(table(tmp_path), "P-DARTS: stages, time") == (
        "python -m tfnas.compare --methods=darts,pdarts --seeds=0,1 "
        "--dataset=digits --channels=4"
    )
