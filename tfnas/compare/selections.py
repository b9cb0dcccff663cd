"""What `--select=best_proxy` costs against the last epoch's cell.

A finished search has the cell and the proxy of every epoch, so both choices can
be made of the same run, and NAS-Bench-201's table judges them.
"""

import math

from tfnas.compare.numbers import NOT_MEASURED
from tfnas.compare.records import by_label
from tfnas.compare.table import Table
from tfnas.compare.verdicts import LESS, judge, mean
from tfnas.errors import UserError
from tfnas.runs.reading import read_run
from tfnas.runs.selection import best_proxy

LEAST = 8
HEAD = ("searches", "regret (95 % interval)", "n", "verdict")
RULE = (
    "The regret: the benchmark's CIFAR-10 accuracy of the last epoch's cell "
    "less that of the best proxy's, both of the same search. The claim is that "
    "it is below 0, by the rule of the verdicts above and over at least "
    f"{LEAST} searches. Searches without proxies, or that stopped early, do "
    "not count."
)


def tables(found, benchmark):
    """A list of the regrets' `Table`; empty if no search can have one.

    Args:
        found: searches in NAS-Bench-201, a list of `records.Found`.
        benchmark: a `lookup.Benchmark`, or None if it was not read.
    """
    if benchmark is None:
        return []
    judged = [
        one
        for one in found
        if one.kind == "search"
        and one.genotype.provenance.get("select") != "early_stop"
        and _proxies(read_run(one.folder))
    ]
    groups = by_label(judged)
    if len(groups) > 1:
        groups["all"] = judged
    rows = [_row(label, group, benchmark) for label, group in groups.items()]
    caption = "Which epoch's cell: --select=best_proxy against last"
    return [Table(caption, HEAD, rows, (RULE,))] if rows else []


def _row(label, group, benchmark):
    if len(group) < LEAST:
        return label, NOT_MEASURED, str(len(group)), f"needs {LEAST} searches"
    verdict = regret([read_run(one.folder) for one in group], benchmark)
    return label, verdict.written("points"), str(len(group)), verdict.says


def regret(runs, benchmark):
    """The `Verdict` on a mean regret below 0, over runs, in points.

    Args:
        runs: finished searches in NAS-Bench-201, each a `Run`; at least 8.
        benchmark: a `lookup.Benchmark`.

    Raises:
        UserError: for fewer runs, or one without proxies.

    Example: `regret([read_run(folder) for folder in folders], benchmark)`.
    """
    if len(runs) < LEAST:
        raise UserError(f"{len(runs)} runs: give at least {LEAST}")
    values = [regret_of(run, benchmark) for run in runs]
    return judge(mean, values, direction=LESS)


def regret_of(run, benchmark):
    """CIFAR-10 accuracy of a run's last cell minus that of its best proxy's."""
    rows = _proxies(run)
    if not rows:
        raise UserError(f"{run.folder}: has no proxies; search again")
    last = run.snapshots[-1]
    epochs = {s.epoch: s for s in run.snapshots if s.stage == last.stage}
    known, got = (
        benchmark.place(each.genotype).accuracies["cifar10"]
        for each in (last, epochs[best_proxy(rows)])
    )
    return known - got


def _proxies(run):
    """The epochs of the last stage that have a proxy, as rows."""
    stages, epochs, proxies = (
        run.history[name] for name in ("stage", "epoch", "proxy_accuracy")
    )
    return [
        {"epoch": int(epoch), "proxy_accuracy": proxy}
        for stage, epoch, proxy in zip(stages, epochs, proxies, strict=True)
        if stage == stages[-1] and not math.isnan(proxy)
    ]
