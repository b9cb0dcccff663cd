"""The survey's strong and weak features, each with the number that decides.

The survey names them method by method, in its sections 3.1.5 to 3.4.3. A number
comes from finished runs; if runs are missing, its row has the command for them.
"""

from tfnas import spaces
from tfnas.cli import command
from tfnas.compare import evidence, labels
from tfnas.compare.numbers import NOT_MEASURED
from tfnas.compare.table import Table
from tfnas.runs import recorded
from tfnas.search import SearchConfig
from tfnas.sweep import OWN


def table(found, places, given):
    """A `Table`: feature, claim, number, whether it holds."""
    runs = evidence.Runs(found, places)
    # --gather may be given without --methods.
    there = {
        "methods": tuple(dict.fromkeys(one.label for one in found)),
        "seeds": tuple(sorted({one.seed for one in found})),
        "dataset": found[0].dataset,
    }
    given = {**there, **_shared(found), **given}
    rows = []
    for title, claim, measure, missing in FEATURES:
        measured = measure(runs)
        if measured is None:
            measured = NOT_MEASURED, f"run: {missing(given)}"
        rows.append((title, claim, *measured))
    return Table(
        "The survey's strong and weak features (sections 3.1.5 to 3.4.3)",
        ("feature", "claim", "number", "the number says"),
        rows,
        (
            "Undecided: too few runs, or a difference that chance explains "
            "(p of 0.05 or more). Accuracies and gaps are in percent and "
            "points.",
        ),
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


def _dropouts(given):
    rules = spaces.get(given.get("space", "darts")).derivations
    free = "+skip_limit=8" if "pdarts" in rules else ""
    rates = ("0:0:0", "0:0.3:0.6", "0:0.4:0.7")
    return _command(given, [f"pdarts+skip_dropout={r}{free}" for r in rates])


# (feature, claim, the function that measures it, the command for its runs)
FEATURES = (
    (
        "DARTS: depth gap",
        "cells are searched in shallow networks and ranked otherwise in deep "
        "ones",
        evidence.depth_gap,
        lambda given: _command(
            given, train=given.get("train", "--preset=quick"), depths=(8, 20)
        ),
    ),
    (
        "DARTS: discretisation gap",
        "the supernet loses accuracy when its cell is derived",
        evidence.discretisation_gap,
        lambda given: _command(given, gather=True, measure=True),
    ),
    (
        "DARTS: skips take over",
        "cells collapse onto skips",
        evidence.skip_collapse,
        lambda given: _command(given, ["darts"]),
    ),
    (
        "DARTS: second order",
        "the second-order gradient finds better cells, for more time",
        evidence.second_order,
        lambda given: _command(given, ["darts", "darts+order=2"]),
    ),
    (
        "DARTS: one weight step for each alpha step",
        "more steps come closer to the inner optimum",
        evidence.inner_steps,
        lambda given: _command(
            given, ["darts", "darts+inner_steps=2", "darts+inner_steps=4"]
        ),
    ),
    (
        "P-DARTS: less time, deeper search",
        "takes fewer hours than DARTS and finds better cells",
        evidence.progressive,
        lambda given: _command(given, ["darts", "pdarts"]),
    ),
    (
        "P-DARTS: dropout on skips",
        "more dropout leaves fewer skips",
        evidence.skips_and_dropout,
        _dropouts,
    ),
    (
        "Fair DARTS: sigmoids decide",
        "the best operation of an edge leads by more than in a softmax",
        evidence.decided,
        lambda given: _command(given, ["darts", "fair_darts"]),
    ),
    (
        "Fair DARTS: the threshold",
        "the number of operations depends on a threshold that is hard to "
        "choose",
        evidence.operations_and_threshold,
        lambda given: _command(given, ["fair_darts"]),
    ),
    (
        "Att-DARTS: time and gain",
        "attentions cost search time and gain accuracy",
        evidence.attention,
        lambda given: _command(given, ["darts", "att_darts"]),
    ),
)
