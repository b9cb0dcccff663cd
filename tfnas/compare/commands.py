"""The commands for the runs that a feature's row needs."""

from tfnas import methods, spaces
from tfnas.baseline import BaselineConfig
from tfnas.choice import fields
from tfnas.cli import command
from tfnas.compare import labels
from tfnas.methods.method import Method
from tfnas.runs import recorded
from tfnas.search import SearchConfig
from tfnas.sweep import OWN

# What a run does not need, and what a comparison has on record.
_NOT_TYPED = ("gather", "tried")


def shared(found):
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


def command_for(given, methods=None, **changes):
    """The comparison to type, from {flag: value} and what changes in it."""
    typed = {k: v for k, v in given.items() if k not in _NOT_TYPED}
    if methods:
        typed["methods"] = tuple(methods)
    words = command.typed({**typed, **changes})
    return "python -m tfnas.compare " + " ".join(map(_quoted, words))


def _quoted(word):
    name, _, value = word.partition("=")
    return f"{name}='{value}'" if " " in value or "|" in value else word


def judged(given, *names):
    """The same with what tells how good the found cells are."""
    table = given.get("nasbench201_table")
    judge = {} if table else {"train": given.get("train", "--preset=quick")}
    return command_for(given, names, **judge)


def pdarts(given, *changed):
    """P-DARTS's label among those compared, without its changed values.

    A number of cells for all methods would be one stage.
    """
    found = [x for x in given["methods"] if labels.method(x) == "pdarts"]
    name, *own = (found or ["pdarts"])[0].split("+")
    own = [value for value in own if value.partition("=")[0] not in changed]
    if "cells" in given and not any(x.startswith("cells=") for x in own):
        space = given.get("space", "darts")
        stages = methods.get(name).with_flags({"space": space}).cells
        own.append(f"cells={':'.join(map(str, stages))}")
    return "+".join([name, *own])


def stages(given):
    """P-DARTS against DARTS."""
    return command_for(given, ["darts", pdarts(given)])


def stages_gain(given):
    """The same, judged by the cells."""
    return judged(given, "darts", pdarts(given))


def dropouts(given):
    """The survey's and the paper's dropout on skips, and none."""
    rules = spaces.get(given.get("space", "darts")).derivations
    free = "+skip_limit=8" if "pdarts" in rules else ""
    rates = ("0:0:0", "0:0.3:0.6", "0:0.4:0.7")
    base = pdarts(given, "skip_dropout", "skip_limit")
    return command_for(given, [f"{base}+skip_dropout={r}{free}" for r in rates])


def all_kept(given):
    """P-DARTS, and the same without dropping candidates."""
    space = given.get("space", "darts")
    own = methods.get("pdarts").with_flags({"space": space})
    count = len(given.get("operations", own.operations))
    every = ":".join([str(count)] * len(own.operations_kept))
    base = pdarts(given, "operations_kept")
    return command_for(given, [base, f"{base}+operations_kept={every}"])


def equal_rates(given):
    """Fair DARTS against DARTS, alpha moving at the same rate."""
    own = methods.get("darts").values()
    names = ("alpha_learning_rate", "batch_size")
    rates = {name: given.get(name, own[name]) for name in names}
    return command_for(given, ["darts", "fair_darts"], **rates)


def threshold(given):
    """Fair DARTS with its threshold."""
    return command_for(of_cells(given), ["fair_darts"])


def attention(given):
    """Att-DARTS against DARTS."""
    return command_for(of_cells(given), ["darts", "att_darts"])


def attention_gain(given):
    """The same, judged by the cells."""
    return judged(of_cells(given), "darts", "att_darts")


def depths(given):
    """Twelve cells drawn at random: a baseline of one trial from each seed."""
    unread = {*_names(SearchConfig), *_names(Method)}
    unread -= {*_names(BaselineConfig)} - {"preset"}
    known = {k: v for k, v in of_cells(given).items() if k not in unread}
    return command_for(
        known,
        ["random"],
        seeds=tuple(range(12)),
        out=_beside(given, "depths"),
        baseline="--trials=1 --epochs=1",
        train=given.get("train", "--preset=quick"),
        depths=(8, 20),
    )


def of_cells(given):
    """The same in the space of the papers' cells, if this one lacks parts.

    NAS-Bench-201 has no attention, no threshold and no free depth.
    """
    lacks = spaces.get(given.get("space", "darts")).lacks
    if "attention" not in lacks:
        return given
    own = {"space", "nasbench201_table", "cells", "baseline", "measure"}
    kept = {k: v for k, v in given.items() if k not in own}
    return {**kept, "out": _beside(given, "cells")}


def _beside(given, name):
    """Another folder, as runs of other values cannot share one."""
    return f"{given['out']}_{name}" if "out" in given else f"runs/{name}"


def _names(config):
    return [field.name for field in fields(config)]
