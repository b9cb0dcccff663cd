"""Tuning a training's hard values by Bayesian optimisation.

The survey finds learning rate, drop path and weight decay hard to tune (section
3.2.5). KerasTuner proposes values; held-out training images judge a trial,
never test images.
"""

from tfnas import spaces
from tfnas.errors import UserError
from tfnas.runs.trials import Range, conclude, optimise, trial_of, tuning_of


def training_ranges(values, space):
    """The `Range`s that `tfnas.train --tune` tunes.

    Not all spaces have drop path. A value of 0 has no multiples to try, so it
    raises `UserError`.
    """
    for name in ("learning_rate", "weight_decay"):
        if getattr(values, name) == 0:
            raise UserError(
                f"--{name}=0: --tune tries its multiples; use a number above 0"
            )
    rate, decay = values.learning_rate, values.weight_decay
    ranges = [
        Range("learning_rate", rate / 5, rate * 5, rate, logarithmic=True),
        Range("weight_decay", decay / 10, decay * 10, decay, logarithmic=True),
    ]
    if "drop_path" not in spaces.get(space).absent:
        most = max(0.4, values.drop_path)
        ranges.append(Range("drop_path", 0.0, most, values.drop_path))
    return ranges


def tune_training(config, values, genotype, given):
    """Tune a training's recipe and print the command with the best values.

    `given` are the typed flags; returns {flag: best value}.
    """
    from tfnas.runs.preparation import prepare
    from tfnas.train import run as train_run

    dataset, strategy = prepare(config, values)
    held = config.valid_images or len(dataset.train) // 5

    def judge(number, chosen):
        trial = trial_of(config, f"trial_{number}", valid_images=held)
        return train_run.validate(
            trial, values.with_flags(chosen), genotype, dataset, strategy
        )

    ranges = training_ranges(values, genotype.space)
    record = {**config.decisive(values, genotype), "held_out": held}
    with tuning_of(config, ranges, record) as run:
        best = optimise(run, ranges, config.tune, config.seed, judge)
        return conclude(run, "tfnas.train", given, best, best["values"])
