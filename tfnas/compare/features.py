"""The survey's strong and weak features, each with the effect that decides.

The survey names them method by method, in its sections 3.1.5 to 3.4.3. An
effect comes from finished runs, and `verdicts` has the one rule; every row has
the command for its runs.
"""

from tfnas.compare import claims, commands
from tfnas.compare.evidence import Runs
from tfnas.compare.numbers import NONE, NOT_MEASURED
from tfnas.compare.table import Table

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
    given = {**there, **commands.shared(found), **given}
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


# (feature, claim, what measures it, the command for its runs)
FEATURES = (
    (
        "DARTS: depth gap",
        "deep networks rank cells otherwise than shallow ones, in which they "
        "are searched",
        claims.depth_gap,
        commands.depths,
    ),
    (
        "DARTS: discretisation gap",
        "the supernet loses accuracy when its cell is derived",
        claims.discretisation_gap,
        lambda given: commands.command_for(given, ["darts"], measure=True),
    ),
    (
        "DARTS: discretisation gap after 50 weight steps",
        "a few weight steps do not make up for that loss",
        claims.tuned_gap,
        lambda given: commands.command_for(given, ["darts"], measure=True),
    ),
    (
        "DARTS: skips take over",
        "cells collapse onto skips more often than cells drawn at random",
        claims.skip_collapse,
        lambda given: commands.command_for(given, ["darts"]),
    ),
    (
        "DARTS: second order, gain",
        "the second-order gradient finds better cells",
        claims.second_order,
        lambda given: commands.judged(given, "darts", "darts+order=2"),
    ),
    (
        "DARTS: second order, time",
        "the second-order gradient takes longer",
        claims.second_order_time,
        lambda given: commands.command_for(given, ["darts", "darts+order=2"]),
    ),
    (
        "DARTS: one weight step for each alpha step",
        "more steps come closer to the inner optimum",
        claims.inner_steps,
        lambda given: commands.command_for(
            given, ["darts", "darts+inner_steps=2", "darts+inner_steps=4"]
        ),
    ),
    (
        "P-DARTS: stages, time",
        "its stages take fewer hours than DARTS",
        claims.stages_time,
        commands.stages,
    ),
    (
        "P-DARTS: stages, gain",
        "its deeper search finds better cells than DARTS",
        claims.stages_gain,
        commands.stages_gain,
    ),
    (
        "P-DARTS: approximation of the space",
        "stages that keep all candidates take longer",
        claims.approximation,
        commands.all_kept,
    ),
    (
        "P-DARTS: dropout on skips",
        "more dropout leaves fewer skips",
        claims.skips_and_dropout,
        commands.dropouts,
    ),
    (
        "Fair DARTS: sigmoids decide",
        "the best operation of an edge leads by more than in a softmax",
        claims.decided,
        commands.equal_rates,
    ),
    (
        "Fair DARTS: the zero-one loss",
        "the zero-one loss narrows the discretisation gap",
        claims.zero_one_loss,
        lambda given: commands.command_for(
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
        commands.threshold,
    ),
    (
        "Att-DARTS: attention, time",
        "a space with attentions takes longer to search",
        claims.attention_time,
        commands.attention,
    ),
    (
        "Att-DARTS: attention, gain",
        "cells with attentions are better",
        claims.attention_gain,
        commands.attention_gain,
    ),
    (
        "Att-DARTS: attention, weights",
        "networks with attentions need fewer weights",
        claims.attention_weights,
        commands.attention,
    ),
)
