"""When to stop: which epoch's cell a search takes (survey 3.4).

A supernet may improve while the cell derived from it gets worse, mostly by
skips. Three rules choose among the epochs of the last stage, by the rows of its
history alone, so a resumed search decides the same.
"""

from statistics import fmean

from tfnas.errors import UserError

RULES = ("last", "best_proxy", "early_stop")

# RobustDARTS's values, with epochs counted from 0 as its authors do.
EVERY = 2
WINDOW = 5
BACK = 4
FACTOR = 1.3
FIRST = 10
# Epochs of the shortest search that the rule can stop: in the last one it is
# too late.
SHORTEST = FIRST + EVERY * (BACK + WINDOW // 2) + 2


def check(rule, method, tune=0):
    """Refuse a rule that the search cannot follow.

    Args:
        rule: one of `RULES`.
        method: the `Method` of the search.
        tune: trials of `--tune`, or 0.

    Raises:
        UserError: one line that names the flags.

    Example: `check("best_proxy", methods.get("darts"))`.
    """
    if tune and rule != "last":
        raise UserError(
            f"--select={rule}: --tune judges the last epoch's cell; drop one "
            "of them"
        )
    if rule != "last" and method.derivation == "perturbation":
        raise UserError(
            f"--select={rule}: --derivation=perturbation tests the supernet of "
            "the last epoch; drop one of them"
        )
    if rule == "best_proxy":
        method.search_space.check("be pruned")
    if rule == "early_stop" and method.epochs < SHORTEST:
        raise UserError(
            "--select=early_stop: cannot stop a search with "
            f"--epochs={method.epochs}; use {SHORTEST} or more"
        )


def is_due(epoch, epochs):
    """Whether early_stop wants the eigenvalue after an epoch, from 1.

    Example: `[is_due(epoch, 4) for epoch in (1, 2, 3, 4)]` is true for the
    first and the third.
    """
    return (epoch - 1) % EVERY == 0 and epoch < epochs


def best_proxy(rows):
    """The first epoch of the largest `proxy_accuracy`, or None without any.

    Args:
        rows: of one stage's history, dicts.

    Example: `best_proxy([{"epoch": 1, "proxy_accuracy": 0.5}])` is 1.
    """
    known = [row for row in rows if row.get("proxy_accuracy") is not None]
    best = max(known, key=lambda row: row["proxy_accuracy"], default=None)
    return best and best["epoch"]


def early_stop(rows):
    """The epoch whose cell RobustDARTS takes, or None to go on.

    The dominant eigenvalue of the Hessian of the validation loss in alpha is
    taken every second epoch. The mean of the last five is compared with that of
    the five that end four entries before. Once it is more than 1.3 times as
    large, the search stops and takes the cell of the epoch in the middle of the
    earlier five, if that is the eleventh or later.

    Source: Zela et al., RobustDARTS (arXiv:1909.09656), section 5.1, and the
    authors' code, `EVLocalAvg`, which counts epochs from 0.

    Args:
        rows: of one stage's history, dicts; those without an `eigenvalue` do
            not count.

    Example: 8 eigenvalues of 1, then 2, 3 and more: `early_stop(rows)`.
    """
    known = [row for row in rows if row.get("eigenvalue") is not None]
    values = [row["eigenvalue"] for row in known]
    for end in range(WINDOW + BACK, len(values) + 1):
        now = fmean(values[end - WINDOW : end])
        before = fmean(values[end - BACK - WINDOW : end - BACK])
        epoch = known[end - 1 - BACK - WINDOW // 2]["epoch"]
        # Without curvature the factor means nothing.
        sharper = before > 0 and now / before > FACTOR
        if sharper and epoch - 1 >= FIRST:
            return epoch
    return None


def choose(rule, rows):
    """The epoch whose cell a search takes.

    Args:
        rule: one of `RULES`.
        rows: of the last stage's history, dicts, at least one. If the rule
            finds nothing, the last one is taken.

    Example: `choose("last", [{"epoch": 1}, {"epoch": 2}])` is 2.
    """
    found = {
        "last": lambda _: None,
        "best_proxy": best_proxy,
        "early_stop": early_stop,
    }[rule](rows)
    return rows[-1]["epoch"] if found is None else found
