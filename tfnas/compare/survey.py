"""The survey's three tables, with the papers' figures and the runs'."""

from tfnas.compare import labels, paper
from tfnas.compare.numbers import NONE, NOT_MEASURED, spread, written
from tfnas.compare.records import by_label
from tfnas.compare.table import Table
from tfnas.report.markup import count

TITLES = {
    paper.CIFAR10: "Table 1. CIFAR-10 in the papers",
    paper.CIFAR100: "Table 2. CIFAR-100 in the papers",
    paper.IMAGENET: "Table 3. Transfer: ImageNet in the papers",
}
HEAD = (
    "method",
    "error %, paper",
    "error %, measured here",
    "parameters, paper",
    "parameters, measured here",
    "multiply-adds, paper",
    "multiply-adds, measured here",
    "search GPU hours, paper",
    "search hours, measured here",
    "training hours, measured here",
    "network here",
)


def tables(found):
    """The three tables of searches, all on one data set.

    The third has a block of rows for each data set that cells were transferred
    to.
    """
    dataset = found[0].dataset
    targets = sorted(
        {
            trained.dataset
            for each in found
            for trained in each.trained.values()
            if trained.dataset != dataset
        }
    )
    first = _table(paper.CIFAR10, found, dataset, sizes=True)
    on_100 = paper.CIFAR100 if paper.CIFAR100 in (dataset, *targets) else None
    second = _table(paper.CIFAR100, found, on_100)
    third = [_table(paper.IMAGENET, found, t) for t in targets or [None]]
    return [first, second, *third]


def _table(name, found, dataset, sizes=False):
    here = f", {dataset} here" if dataset else ""
    groups = by_label(found)
    published = {result.method: result for result in paper.RESULTS[name]}
    rows, notes = [], []
    for label in _rows(published, groups):
        result = published.get(labels.method(label))
        figures = result.figures(name) if result else {}
        error = (result.error if result else None) or NONE
        measured = _measured(groups.get(label, []), dataset, sizes)
        rows.append(
            (
                label,
                error,
                measured["error"],
                figures.get("parameters", NONE),
                measured["parameters"],
                figures.get("multiply_adds", NONE),
                measured["multiply_adds"],
                figures.get("hours", NONE),
                measured["hours"],
                measured["training"],
                measured["network"],
            )
        )
        if result and result.note:
            notes.append(f"{label}: {result.note}.")
    return Table(TITLES[name] + here, HEAD, rows, (*notes, _note(found)))


def _rows(published, groups):
    """The papers' methods, each with its compared searches; then the rest."""
    rows = []
    for method in published:
        rows += [g for g in groups if labels.method(g) == method] or [method]
    return dict.fromkeys([*rows, *groups])


def _measured(group, dataset, sizes):
    """{column: text} of the searches of one label."""
    trained = [
        training
        for each in group
        for training in [_training(each, dataset)]
        if training
    ]
    blank = dict.fromkeys(
        ("error", "parameters", "multiply_adds", "training", "network"),
        NOT_MEASURED,
    )
    hours = [each.hours for each in group]
    blank["hours"] = written(hours) if dataset else NOT_MEASURED
    if trained:
        things = [vars(training) for training in trained]
        blank["error"] = written([training.error for training in trained])
        blank["training"] = written([training.hours for training in trained])
    elif sizes and group:
        things = [each.network for each in group]
    else:
        return blank
    shapes = {(thing["channels"], thing["cells"]) for thing in things}
    untrained = "" if trained else ", not trained"
    return blank | {
        "parameters": _mean(things, "parameters"),
        "multiply_adds": _mean(things, "multiply_adds"),
        "network": ", ".join(
            f"{channels} channels, {cells} cells"
            for channels, cells in sorted(shapes)
        )
        + untrained,
    }


def _training(found, dataset):
    """The training on a data set that counts, at the usual depth."""
    for training in found.trained.values():
        if training.dataset == dataset and not training.name.endswith("_cells"):
            return training
    return None


def _mean(things, name):
    return count(spread([thing[name] for thing in things])[0])


def _note(found):
    images = {
        training.images for each in found for training in each.trained.values()
    }
    tested = (
        f"; {', '.join(map(str, sorted(images)))} test images" if images else ""
    )
    return (
        "Mean ± sample standard deviation over n seeds. Hours here are those "
        f"of this machine's clock, not a GPU's{tested}. Figures of the papers "
        "and those measured here are of different data, sizes and recipes."
    )
