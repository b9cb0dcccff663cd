"""Trials of values that KerasTuner proposes, and the best of them.

Bayesian optimisation suits few and costly trials over one to three continuous
values. Hyperband would drop trials by their first epochs, but drop path and
small rates pay off in the last ones.
"""

import dataclasses
import importlib.util
import shlex
import warnings
from pathlib import Path

from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.runs import contents

OBJECTIVE = "valid_accuracy"


@dataclasses.dataclass(frozen=True)
class Range:
    """A value to tune.

    Args:
        name: its flag.
        least: the smallest value.
        most: the largest value.
        start: the value of the first trial, that of a run without tuning.
        logarithmic: whether to search by factors instead of differences.
    """

    name: str
    least: float
    most: float
    start: float
    logarithmic: bool = False


def check_installed(flag="tune"):
    """Raise a `UserError` if KerasTuner is missing, without importing it."""
    if importlib.util.find_spec("keras_tuner") is None:
        raise UserError(
            f"--{flag}: KerasTuner is not installed; pip install 'tfnas[tune]'"
        )


def optimise(run, ranges, count, seed, judge):
    """Run the remaining trials of `count`.

    Every finished trial is a line of the run's trials.csv. A trial that
    diverges counts as 0; any other error ends the tuning, which can be resumed.
    `judge` takes (number from 0, {name: value}) and returns an accuracy.
    Returns the best one: {"values": {name: value}, "valid_accuracy": its own}.
    """
    import keras_tuner
    from sklearn.exceptions import ConvergenceWarning

    space = keras_tuner.HyperParameters()
    for each in ranges:
        space.Float(
            each.name,
            each.least,
            each.most,
            sampling="log" if each.logarithmic else "linear",
            default=each.start,
        )

    class Oracle(keras_tuner.oracles.BayesianOptimizationOracle):
        def populate_space(self, trial_id):
            # Try first what tuning has to beat.
            if not self.trials:
                return {"status": "RUNNING", "values": dict(space.values)}
            with warnings.catch_warnings():
                # A few trials do not settle the range of a value's influence.
                warnings.simplefilter("ignore", ConvergenceWarning)
                return super().populate_space(trial_id)

    oracle = Oracle(
        objective=keras_tuner.Objective(OBJECTIVE, "max"),
        max_trials=count,
        # By default 3 per value, which leaves too few trials to use the model.
        num_initial_points=max(2, count // 3),
        seed=seed + 1,  # KerasTuner takes 0 as unset and draws one
        hyperparameters=space,
        allow_new_entries=False,
        tune_new_entries=False,
    )
    oracle.verbose = 0

    def accuracy(number, values):
        return {OBJECTIVE: judge(number, values)}

    def show(trial):
        shown = ", ".join(f"{k}={v}" for k, v in rounded(trial).items())
        return f"{shown}: {100 * trial.score:.2f} % of the held-out images"

    names = [each.name for each in ranges]
    best = run_trials(run, oracle, count, accuracy, names, show)
    return {"values": rounded(best), OBJECTIVE: best.score}


def run_trials(run, oracle, count, judge, names, show):
    """Run the remaining trials that an oracle proposes.

    Args:
        run: the `Folder` that the trials belong to.
        oracle: a `keras_tuner.Oracle`.
        count: number of all trials, as far as known.
        judge: function of (number from 0, {name: value}) to {metric: number},
            the oracle's objective among them.
        names: of the values, the first columns of `trials.csv`.
        show: function of a trial to a few words about it.

    Returns:
        The best `keras_tuner` trial, the earliest of equal ones.

    Raises:
        Exception: as `judge` raises it, except `Diverged`.
    """
    import keras_tuner

    from tfnas.runs.callbacks import Diverged

    class Tuner(keras_tuner.engine.base_tuner.BaseTuner):
        def run_trial(self, trial):
            try:
                return judge(int(trial.trial_id), rounded(trial))
            except Diverged as error:
                print(f"Trial {trial.trial_id}: {error}")
                return {oracle.objective.name: 0.0}
            except Exception as error:
                # KerasTuner goes on after any other error.
                raise keras_tuner.errors.FatalError from error

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            columns, rows = _noted(self.oracle, names)
            run.write_rows(contents.TRIALS, columns, rows)
            number = int(trial.trial_id) + 1
            print(f"Trial {number} of {count}: {show(trial)}", flush=True)

    tuner = Tuner(oracle, directory=str(run.folder), project_name="tuner")
    try:
        tuner.search()
    except keras_tuner.errors.FatalError as error:
        raise error.__cause__ from None
    return max(
        tuner.oracle.get_best_trials(len(tuner.oracle.end_order)),
        key=lambda trial: (trial.score, -int(trial.trial_id)),
    )


def rounded(trial):
    """A trial's values, with numbers in a short form."""
    return {
        name: float(f"{value:.3g}") if isinstance(value, float) else value
        for name, value in trial.hyperparameters.values.items()
    }


def _noted(oracle, names):
    """The columns of trials.csv, and a row for each finished trial."""
    metrics = list(oracle.trials[oracle.end_order[0]].metrics.metrics)
    rows = []
    for number in oracle.end_order:
        trial = oracle.trials[number]
        values = rounded(trial)
        row = {"trial": int(number) + 1, **{n: values[n] for n in names}}
        for name in metrics:
            if trial.metrics.exists(name):
                row[name] = trial.metrics.get_last_value(name)
        rows.append(row)
    return ["trial", *names, *metrics], rows


def tuning_of(config, ranges, record):
    """The `Folder` of a tuning of `ranges`.

    `record` is everything else that decides a trial's result, JSON-ready.
    """
    from tfnas.runs.folder import Folder

    tuned = {x.name: dataclasses.astuple(x)[1:] for x in ranges}
    return Folder(config.out, {"tuned": tuned, **record}, config.resume)


def trial_of(config, name, **changes):
    """The configuration of a run inside a folder, new or resumed."""
    out = Path(config.out) / name
    own = {"out": str(out), "resume": contents.is_begun(out), "tune": 0}
    return dataclasses.replace(config, **own, **changes)


def conclude(run, module, given, best, flags):
    """Write best.json and print the best values as the command to type next.

    `given` are the typed flags and `best` comes from `optimise`; returns
    `flags`, {flag: best value}.
    """
    aside = ("tune", "tune_epochs", "out", "resume", *flags)
    words = {k: v for k, v in given.items() if k not in aside} | flags
    line = shlex.join(["python", "-m", module, *command.typed(words)])
    run.write_json(contents.TUNED, {**best, "next_command": line})
    print(
        f"\nBest: {100 * best[OBJECTIVE]:.2f} % of the held-out images\n"
        f"Trials: {run.folder / contents.TRIALS}\nNext: {line}"
    )
    return flags
