"""What removals decided: DARTS-PT's choices, one by one."""

from tfnas.report import findings, markup
from tfnas.report.markup import Raw


def in_short(run):
    """How clearly the removals decided, in words."""
    tied = sum(_is_tied(record) for record in run.decisions)
    sentence = "Removals from the supernet chose the cell, not alpha."
    if not tied:
        return sentence
    return (
        f"{sentence} In {tied} of {len(run.decisions)} choices they left the "
        "accuracy equal, and the loss decided."
    )


def table(run):
    """The choices in the order in which they were made; "" without any."""
    if not run.decisions:
        return Raw("")
    rows = [
        (
            number,
            ('class="words"', findings.CELL_NAMES[record["cell"]]),
            ('class="words"', _place(record)),
            ('class="words"', ", ".join(record["kept"])),
            ('class="words"', _measured(record)),
        )
        for number, record in enumerate(run.decisions, 1)
    ]
    words = ("Cell", "Edge", "Kept", "Accuracy without")
    head = ("Choice", *(('class="words"', word) for word in words))
    noted = run.summary["perturbation"]
    caption = (
        f"Choices by removals, on {markup.exact(noted['images'])} validation "
        f"images, with {markup.plural(noted['tuning_epochs'], 'epoch')} of "
        "tuning between them"
    )
    details = markup.table(caption, head, rows)
    return Raw(
        f"<details><summary>{markup.plural(len(rows), 'choice')} by removals, "
        f"one by one</summary>{details}</details>"
    )


def _place(record):
    if "node" in record:
        return f"into {record['node']}"
    return "{}→{}".format(*record["edge"])


def _measured(record):
    """The accuracy without each option, the most missed first."""
    found = sorted(
        record["without"].items(), key=lambda each: each[1]["accuracy"]
    )
    return ", ".join(
        f"{name} {markup.percent(values['accuracy'])}" for name, values in found
    )


def _is_tied(record):
    """Whether an option went although its accuracy equals a kept one's."""
    found = {k: v["accuracy"] for k, v in record["without"].items()}
    kept = {found.pop(name) for name in record["kept"]}
    return bool(kept & {*found.values()})
