"""Tuning a search's hard values by Bayesian optimisation.

The survey finds two values hard to choose: P-DARTS's skip dropout (section
3.3.5) and Fair DARTS's threshold (3.4.3). KerasTuner proposes values; held-out
training images judge a trial, never test images.

A search is judged by its cell's own network, trained briefly on the half of the
images that trained the supernet's weights and tested on the other half. The
supernet's accuracy would not do: it is the same for every threshold, and it
rises with skips, which the dropout holds back.
"""

import dataclasses
import hashlib
import json

from tfnas import train
from tfnas.cli.flags import IMAGES
from tfnas.errors import UserError
from tfnas.runs.contents import is_finished
from tfnas.runs.reading import read_run
from tfnas.runs.trials import Range, conclude, optimise, trial_of, tuning_of
from tfnas.train import Recipe, TrainConfig


def search_ranges(method):
    """The values that `tfnas.search --tune` tunes: a list of `Range`.

    An untrained sigmoid is 1/2, so no threshold is below. Of the skip dropout
    the last stage's rate is tuned; earlier ones keep their proportion to it.

    Raises:
        UserError: if the method has nothing to tune or no cells.
    """
    method.search_space.check("be tuned")
    ranges = []
    if method.threshold is not None:
        start = min(max(method.threshold, 0.5), 0.95)
        ranges.append(Range("threshold", 0.5, 0.95, start))
    if any(method.skip_dropout):
        start = min(max(method.skip_dropout), 0.9)
        ranges.append(Range("skip_dropout", 0.0, 0.9, start))
    if not ranges:
        raise UserError(
            f"--tune: method {method.name} has neither a threshold nor skip "
            "dropout; use --method=fair_darts or --method=pdarts"
        )
    return ranges


def tune_search(config, method, given):
    """Tune a search's method and print the command with the best values.

    `given` are the typed flags; returns {flag: best value}.
    """
    from tfnas import data
    from tfnas.runs.preparation import prepare

    dataset, strategy = prepare(config, method)
    halves = data.search_halves(dataset, method.halves, config.seed)

    def judge(number, chosen):
        changed = method.with_flags(_method_flags(method, chosen))
        genotype = _searched(config, method, changed, number)
        return train.validate(
            _short_training(config, genotype, len(halves[1])),
            _short_recipe(config, method),
            genotype,
            dataset,
            strategy,
            halves,
        )

    ranges = search_ranges(method)
    judged_by = _short_recipe(config, method).values()
    record = {**config.decisive(method), "judged_by": judged_by}
    with tuning_of(config, ranges, record) as run:
        best = optimise(run, ranges, config.tune, config.seed, judge)
        flags = _method_flags(method, best["values"])
        return conclude(run, "tfnas.search", given, best, flags)


def _method_flags(method, chosen):
    """The method's flags for tuned values, with a skip dropout per stage."""
    flags = dict(chosen)
    if "skip_dropout" in flags:
        largest = max(method.skip_dropout)
        flags["skip_dropout"] = tuple(
            round(chosen["skip_dropout"] * rate / largest, 3)
            for rate in method.skip_dropout
        )
    return flags


def _searched(config, method, changed, number):
    """The genotype that a search finds with a trial's values.

    The threshold only matters at the end, so all thresholds share one
    search.
    """
    from tfnas import zoo
    from tfnas.search import run as search_run

    rates = changed.skip_dropout
    shared = rates == method.skip_dropout
    name = "search" if shared else f"search_{number}"
    trial = trial_of(config, name)
    if not is_finished(trial.out):
        own = method.with_flags({"skip_dropout": rates})
        search_run.search(trial, own, ["search"])
    found = zoo.genotype(trial.out)
    if changed.threshold is None:
        return found
    return derived_again(trial.out, changed, found.provenance)


def derived_again(folder, method, provenance):
    """The genotype of a finished search with `method`'s threshold."""
    from tfnas.networks.architecture import Architecture
    from tfnas.runs.parsing import cell_kinds

    last = read_run(folder).stages[-1]
    operations = {
        kind: last[f"operations_{kind}"].tolist() for kind in cell_kinds(last)
    }
    architecture = Architecture(method, operations, method.nodes)
    architecture.build()
    for name, variable in architecture.by_name().items():
        variable.assign(last[name][-1])
    provenance = {
        k: v for k, v in provenance.items() if not k.startswith("fallback")
    }
    return dataclasses.replace(architecture.derive(), provenance=provenance)


def _short_training(config, genotype, held):
    """The training that judges a genotype; equal ones share its folder."""
    cells = {**genotype.to_dict(), "provenance": None}
    digest = hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:12]
    names = (*IMAGES, "train_images", "seed")
    names += ("out", "devices", "checkpoint_minutes", "deterministic")
    names += ("class_weights",)
    shared = {name: getattr(config, name) for name in names}
    own = TrainConfig(**shared, valid_images=held)
    return trial_of(own, f"network_{digest}")


def _short_recipe(config, method):
    """The recipe of the training that judges a genotype."""
    imagenet = method.augmentation == "imagenet"
    values = {
        "epochs": config.tune_epochs,
        "stem": method.stem,
        "augmentation": method.augmentation,
        "halves": method.halves,
    }
    return Recipe.preset("quick").with_flags(
        {**values, **({"cutout": 0} if imagenet else {})}
    )
