"""What `--select=best_proxy` costs against the last epoch's cell.

A finished search has the cell and the proxy of every epoch, so both choices can
be made of the same run, and NAS-Bench-201's table judges them.
"""

import math

from tfnas.compare.verdicts import LESS, judge, mean
from tfnas.errors import UserError
from tfnas.runs.selection import best_proxy

LEAST = 8


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
    last = run.snapshots[-1]
    epochs = {s.epoch: s for s in run.snapshots if s.stage == last.stage}
    columns = ("stage", "epoch", "proxy_accuracy")
    rows = [
        {"epoch": int(epoch), "proxy_accuracy": proxy}
        for stage, epoch, proxy in zip(
            *(run.history[name] for name in columns), strict=True
        )
        if stage == last.stage and not math.isnan(proxy)
    ]
    if not rows:
        raise UserError(f"{run.folder}: has no proxies; search again")
    chosen = epochs[best_proxy(rows)]
    known, got = (
        benchmark.place(each.genotype).accuracies["cifar10"]
        for each in (last, chosen)
    )
    return known - got
