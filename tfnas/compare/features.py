"""The survey's strong and weak features, each with the effect that decides.

The survey names them method by method, in its sections 3.1.5 to 3.4.3. An
effect comes from finished runs, and `verdicts` has the one rule; every row has
the command for its runs.
"""

from tfnas import methods, spaces
from tfnas.baseline import BaselineConfig
from tfnas.choice import fields
from tfnas.cli import command
from tfnas.compare import claims, labels
from tfnas.compare.config import CompareConfig
from tfnas.compare.evidence import Runs
from tfnas.compare.numbers import NONE, NOT_MEASURED
from tfnas.compare.table import Table
from tfnas.runs import recorded
from tfnas.search import SearchConfig
from tfnas.sweep import OWN

HEAD = ("feature", "claim", "measured", "effect (95 % interval)", "n")
HEAD += ("verdict", "command")
RULE = (
    "One rule for every row: the claim fixes the effect's direction; the runs "
    "support or contradict it only where the 95 % interval over seeds excludes "
    "no effect (0, for times 1), and leave it undecided otherwise. An interval "
    "is unknown for a single run, or where all runs agree exactly."
)
INTERVALS = (
    "Intervals: Student's t for one mean, Welch's for two, of logarithms for "
    "times; Newcombe's method 10 with exact ends for shares; Fisher's z with "
    "Bonett and Wright's error for the rank correlation, where "
    f"{claims.AGREEMENT} below 1 still counts as agreement. For the threshold, "
    "a difference of one operation is none. They are not corrected for the "
    "number of rows."
)


def table(found, places, given):
    """A `Table`: a row for every feature."""
    runs = Runs(found, places)
    # --gather may be given without --methods.
    there = {
        "methods": tuple(dict.fromkeys(one.label for one in found)),
        "seeds": tuple(sorted({one.seed for one in found})),
        "dataset": found[0].dataset,
    }
    given = {**there, **_shared(found), **given}
    rows = []
    for title, claim, measure, typed in FEATURES:
        evidence = measure(runs)
        blank = (NOT_MEASURED, NONE, NONE, NOT_MEASURED)
        cells = evidence.cells() if evidence else blank
        rows.append((title, claim, *cells, typed(given)))
    return Table(
        "The survey's strong and weak features (sections 3.1.5 to 3.4.3)",
        HEAD,
        rows,
        (RULE, INTERVALS),
    )


def _shared(found):
    """{flag: value} that all searches were typed with."""
    own = {*OWN, "out", "resume"}
    for one in found:
        own |= labels.own_names(one.label)
    typed = [
        recorded.parse(SearchConfig, one.typed).items()
        for one in found
        if one.accuracy is not None
    ]
    if not typed:
        return {}
    return {
        name: value
        for name, value in typed[0]
        if name not in own and all((name, value) in items for items in typed)
    }


def _command(given, methods=None, **changes):
    """The comparison to type for missing runs."""
    typed = {k: v for k, v in given.items() if k != "gather"}
    if methods:
        typed["methods"] = tuple(methods)
    words = command.typed({**typed, **changes})
    return "python -m tfnas.compare " + " ".join(map(_quoted, words))


def _quoted(word):
    name, _, value = word.partition("=")
    return f"{name}='{value}'" if " " in value or "|" in value else word


def _judged(given, *names, **changes):
    """The same with what tells how good the found cells are."""
    table = given.get("nasbench201_table")
    judge = {} if table else {"train": given.get("train", "--preset=quick")}
    return _command(given, names, **judge, **changes)


def _dropouts(given):
    rules = spaces.get(given.get("space", "darts")).derivations
    free = "+skip_limit=8" if "pdarts" in rules else ""
    rates = ("0:0:0", "0:0.3:0.6", "0:0.4:0.7")
    return _command(given, [f"pdarts+skip_dropout={r}{free}" for r in rates])


def _all_kept(given):
    space = spaces.get(given.get("space", "darts"))
    own = methods.get("pdarts").with_flags({"space": space.name})
    count = len(given.get("operations", own.operations))
    every = ":".join([str(count)] * len(own.operations_kept))
    return _command(given, ["pdarts", f"pdarts+operations_kept={every}"])


def _equal_rates(given):
    own = methods.get("darts").values()
    names = ("alpha_learning_rate", "batch_size")
    rates = {name: given.get(name, own[name]) for name in names}
    return _command(given, ["darts", "fair_darts"], **rates)


def _depths(given):
    """Twelve cells drawn at random: a baseline of one trial from each seed."""
    read = {*_names(BaselineConfig), *_names(CompareConfig)} - {"preset"}
    known = {k: v for k, v in _of_cells(given).items() if k in read}
    return _command(
        known,
        ["random"],
        seeds=tuple(range(12)),
        out=f"{given.get('out', CompareConfig().out)}_depths",
        baseline="--trials=1 --epochs=1",
        train=given.get("train", "--preset=quick"),
        depths=(8, 20),
    )


def _of_cells(given):
    """The same in the space of the papers' cells, if this one lacks parts.

    NAS-Bench-201 has no attention, no threshold and no free depth.
    """
    if "attention" not in spaces.get(given.get("space", "darts")).lacks:
        return given
    own = {"space", "nasbench201_table", "cells", "baseline", "measure"}
    out = f"{given.get('out', CompareConfig().out)}_cells"
    return {**{k: v for k, v in given.items() if k not in own}, "out": out}


def _names(config):
    return [field.name for field in fields(config)]


# (feature, claim, what measures it, the command for its runs)
FEATURES = (
    (
        "DARTS: depth gap",
        "deep networks rank cells otherwise than shallow ones, in which they "
        "are searched",
        claims.depth_gap,
        _depths,
    ),
    (
        "DARTS: discretisation gap",
        "the supernet loses accuracy when its cell is derived",
        claims.discretisation_gap,
        lambda given: _command(given, ["darts"], measure=True),
    ),
    (
        "DARTS: discretisation gap after 50 weight steps",
        "the loss is not made up for by a few weight steps",
        claims.tuned_gap,
        lambda given: _command(given, ["darts"], measure=True),
    ),
    (
        "DARTS: skips take over",
        "cells collapse onto skips more often than cells drawn at random",
        claims.skip_collapse,
        lambda given: _command(given, ["darts"]),
    ),
    (
        "DARTS: second order, gain",
        "the second-order gradient finds better cells",
        claims.second_order,
        lambda given: _judged(given, "darts", "darts+order=2"),
    ),
    (
        "DARTS: second order, time",
        "it takes longer",
        claims.second_order_time,
        lambda given: _command(given, ["darts", "darts+order=2"]),
    ),
    (
        "DARTS: one weight step for each alpha step",
        "more steps come closer to the inner optimum",
        claims.inner_steps,
        lambda given: _command(
            given, ["darts", "darts+inner_steps=2", "darts+inner_steps=4"]
        ),
    ),
    (
        "P-DARTS: stages, time",
        "takes fewer hours than DARTS",
        claims.stages_time,
        lambda given: _command(given, ["darts", "pdarts"]),
    ),
    (
        "P-DARTS: stages, gain",
        "its deeper search finds better cells than DARTS",
        claims.stages_gain,
        lambda given: _judged(given, "darts", "pdarts"),
    ),
    (
        "P-DARTS: approximation of the space",
        "stages that keep all candidates take longer",
        claims.approximation,
        _all_kept,
    ),
    (
        "P-DARTS: dropout on skips",
        "more dropout leaves fewer skips",
        claims.skips_and_dropout,
        _dropouts,
    ),
    (
        "Fair DARTS: sigmoids decide",
        "the best operation of an edge leads by more than in a softmax",
        claims.decided,
        _equal_rates,
    ),
    (
        "Fair DARTS: the zero-one loss",
        "narrows the discretisation gap",
        claims.zero_one_loss,
        lambda given: _command(
            given,
            ["fair_darts", "fair_darts+zero_one_weight=0"],
            measure=True,
        ),
    ),
    (
        "Fair DARTS: the threshold",
        "the number of operations depends on a threshold that is hard to "
        "choose",
        claims.operations_and_threshold,
        lambda given: _command(_of_cells(given), ["fair_darts"]),
    ),
    (
        "Att-DARTS: attention, time",
        "a space with attentions takes longer to search",
        claims.attention_time,
        lambda given: _command(_of_cells(given), ["darts", "att_darts"]),
    ),
    (
        "Att-DARTS: attention, gain",
        "cells with attentions are better",
        claims.attention_gain,
        lambda given: _judged(_of_cells(given), "darts", "att_darts"),
    ),
    (
        "Att-DARTS: attention, weights",
        "their networks need fewer weights",
        claims.attention_weights,
        lambda given: _command(_of_cells(given), ["darts", "att_darts"]),
    ),
)
