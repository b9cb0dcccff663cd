"""The next cell to try: KerasTuner oracles over the choices of a space."""

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as trials

from tfnas.errors import UserError

# Draws before a search gives up to find a cell that it may try.
DRAWS = 10_000


class Sampling(keras_tuner.Oracle):
    """Random search: every cell of the space is equally likely.

    Proposals depend on the seed and the number of trials before, so a resumed
    search makes the same ones.

    Args:
        choices: {name: options}, as in a `Space`.
        seed: of the proposals.
        minutes: no trial starts after so many minutes of trials; 0 sets no
            limit.
        accepts: whether a cell, {name: option}, may be tried; None takes all.
        **kwargs: of `keras_tuner.Oracle`.
    """

    def __init__(self, choices, seed, minutes=0.0, accepts=None, **kwargs):
        self.choices = choices
        self.minutes = minutes
        self.accepts = accepts or (lambda values: True)
        space = keras_tuner.HyperParameters()
        for name, options in choices.items():
            space.Choice(name, list(options))
        super().__init__(
            objective=keras_tuner.Objective("score", "max"),
            hyperparameters=space,
            allow_new_entries=False,
            tune_new_entries=False,
            seed=seed + 1,  # KerasTuner takes 0 as unset and draws one
            **kwargs,
        )
        self.verbose = 0

    def populate_space(self, trial_id):
        done = [self.trials[number] for number in self.end_order]
        spent = sum(t.metrics.get_last_value("seconds") for t in done)
        if self.minutes and spent >= 60 * self.minutes:
            return {"status": trials.TrialStatus.STOPPED}
        draw = np.random.default_rng([self.seed, len(done)])
        proposed = (self.propose(done, draw) for _ in range(DRAWS))
        values = next(filter(self.accepts, proposed), None)
        if values is None:
            raise UserError(
                f"--like: none of {DRAWS:,} cells drawn costs as much; name "
                "another genotype"
            )
        return {"status": trials.TrialStatus.RUNNING, "values": values}

    def propose(self, done, draw):
        """The next cell, {name: option}; `done` is in order of completion."""
        return {
            name: options[draw.integers(len(options))]
            for name, options in self.choices.items()
        }


class Evolution(Sampling):
    """Regularised evolution: the youngest are the population.

    After a random population, a parent is the best of a few members drawn at
    random, and its child differs from it in one choice. The oldest member
    leaves, however good. Source: Real et al., Regularized Evolution for Image
    Classifier Architecture Search (AAAI 2019, arXiv:1802.01548), algorithm 1.

    Args:
        choices, seed: as in `Sampling`.
        population: P, cells that are alive.
        sample: S, members from which a parent is chosen.
        **kwargs: of `Sampling`.
    """

    def __init__(self, choices, seed, population=10, sample=3, **kwargs):
        super().__init__(choices, seed, **kwargs)
        self.population = population
        self.sample = sample

    def propose(self, done, draw):
        alive = done[-self.population :]
        if len(alive) < self.population:
            return super().propose(done, draw)
        drawn = draw.choice(len(alive), self.sample, replace=False)
        parent = max((alive[place] for place in drawn), key=lambda t: t.score)
        child = dict(parent.hyperparameters.values)
        open_names = [
            n for n, options in self.choices.items() if len(options) > 1
        ]
        name = open_names[draw.integers(len(open_names))]
        others = [o for o in self.choices[name] if o != child[name]]
        child[name] = others[draw.integers(len(others))]
        return child
