"""One search without gradients, from images to a genotype and its report."""

import math
import time

import keras

from tfnas import data, report, spaces, train, zoo
from tfnas.baseline import proxies, shared_weights
from tfnas.baseline.proposals import Evolution, Sampling
from tfnas.baseline.titles import TITLES, UNTRAINED
from tfnas.cli import flags
from tfnas.cost import built_cost
from tfnas.errors import UserError
from tfnas.networks import build_network
from tfnas.runs import contents, kept_images, summary
from tfnas.runs.callbacks import Diverged
from tfnas.runs.folder import Folder
from tfnas.runs.preparation import prepare
from tfnas.runs.reading import read_run
from tfnas.runs.trials import run_trials, trial_of
from tfnas.train import TrainConfig

# The share by which the multiply-adds of cells of equal cost may differ.
ALIKE = 0.15


def search(config, recipe, argv):
    """Run a baseline, or the rest of it, and write its folder.

    Returns the `Genotype` found; a score that is not finite raises `UserError`.
    """
    dataset, strategy = prepare(_training(config), recipe)
    for line in summary.missing_classes(dataset, recipe, config.seed):
        print(line, flush=True)
    judge = _Judge(config, recipe, dataset, strategy)
    record = {
        "command": ["python", "-m", "tfnas.baseline", *argv[1:]],
        **config.decisive(recipe),
        "data": summary.described(dataset, recipe, config.seed),
        "versions": summary.versions(),
    }
    with (
        Folder(config.out, record, config.resume) as run,
        data.damage_named(dataset),
    ):
        kept_images.keep(run, dataset)
        judge.prepare(run)
        best = run_trials(
            run,
            _oracle(config, judge.accepts if config.like else None),
            config.trials,
            judge,
            list(spaces.get(config.space).choices()),
            lambda trial: f"score {trial.score:.4f}",
        )
        genotype = judge.genotype(best.hyperparameters.values, best.score)
        run.write(contents.GENOTYPE, genotype.to_json())
        before = judge.shared.seconds() if judge.shared else 0.0
        _summarise(run, config, recipe, dataset, genotype, before)
        page = report.write_report(run.folder)
    print(f"\n{genotype}\nReport: {page}")
    return genotype


class _Judge:
    """Scores a cell after a brief training, untrained or by shared weights."""

    def __init__(self, config, recipe, dataset, strategy):
        self.config, self.recipe = config, recipe
        self.dataset, self.strategy = dataset, strategy
        self.halves = data.search_halves(dataset, recipe.halves, config.seed)
        self.size = recipe.size(dataset)

    def prepare(self, run):
        """Train the supernet whose weights the cells share, if they do."""
        self.shared = None
        if self.config.name == "weight_sharing":
            self.shared = shared_weights.train(
                run, self.config, self.recipe, self.dataset, self.strategy
            )

    def __call__(self, number, chosen):
        began = time.time()
        genotype = self.genotype(chosen)
        if self.shared is not None:
            score = self.shared.accuracy(genotype)
        elif self.config.name in UNTRAINED:
            score = self._untrained(number, genotype)
        else:
            score = self._trained(number, genotype)
        return {"score": score, "seconds": round(time.time() - began, 3)}

    def genotype(self, chosen, score=None):
        config = self.config
        provenance = {
            "method": config.name,
            "dataset": self.dataset.name,
            "seed": config.seed,
            "source": "tfnas.baseline",
        }
        if score is not None:
            provenance["score"] = score
        return spaces.get(config.space).genotype(chosen, provenance)

    def accepts(self, chosen):
        """Whether a cell costs about as much as the genotype of --like."""
        asked, cost = (
            built_cost(genotype, **self.size).multiply_adds
            for genotype in (
                zoo.genotype(self.config.like),
                self.genotype(chosen),
            )
        )
        return abs(cost - asked) <= ALIKE * asked

    def _trained(self, number, genotype):
        held = len(self.halves[1])
        trial = trial_of(
            _training(self.config), f"trials/{number:04}", valid_images=held
        )
        try:
            return train.validate(
                trial,
                self.recipe,
                genotype,
                self.dataset,
                self.strategy,
                self.halves,
            )
        except Diverged as error:
            print(f"Trial {number + 1}: {error}")
            return 0.0

    def _untrained(self, number, genotype):
        name = self.config.name
        score = self._score(genotype)
        if not math.isfinite(score):
            raise UserError(
                f"--name={name}: trial {number + 1} scores {score}: "
                f"{_NOT_FINITE[name]}"
            )
        return score

    def _score(self, genotype):
        keras.backend.clear_session()
        keras.utils.set_random_seed(self.config.seed)
        if self.config.name == "synflow":
            usual = keras.config.dtype_policy()
            keras.config.set_dtype_policy("float64")
            try:
                return proxies.synflow(build_network(genotype, **self.size))
            finally:
                keras.config.set_dtype_policy(usual)
        few = self.dataset.train.take(self.halves[0][: self.recipe.batch_size])
        images, _ = next(
            iter(
                data.evaluation_batches(
                    few, self.dataset, self.recipe.batch_size
                )
            )
        )
        return proxies.naswot(build_network(genotype, **self.size), images)


_NOT_FINITE = {
    "naswot": "two images of a batch look the same to the network; use a "
    "smaller --batch_size or more --channels",
    "synflow": "its flow is too small or too large for float64; use fewer "
    "--cells or other --channels",
}


def _training(config):
    """The configuration of a training with a baseline's own values."""
    names = (*flags.IMAGES, "dataset_name", "train_images", "seed", "out")
    names += ("deterministic",)
    return TrainConfig(**{name: getattr(config, name) for name in names})


def _oracle(config, accepts):
    options = {
        "accepts": accepts,
        "choices": spaces.get(config.space).choices(),
        "seed": config.seed,
        "minutes": config.minutes,
        "max_trials": config.trials,
    }
    if config.name != "evolution":
        return Sampling(**options)
    return Evolution(
        **options, population=config.population, sample=config.sample
    )


def _summarise(run, config, recipe, dataset, genotype, before):
    times = read_run(run.folder).trials["seconds"].tolist()
    run.write_json(
        contents.SUMMARY,
        {
            "title": TITLES[config.name],
            "seconds": round(before + sum(times), 1),
            "trials": len(times),
            "peak_memory_mb": summary.peak_memory(),
            "network": summary.network_of_paper(
                genotype,
                input_shape=dataset.image_shape,
                classes=len(dataset.classes),
                channels=recipe.channels,
            ),
            "next_command": summary.next_command(
                config, run.folder, recipe.augmentation
            ),
        },
    )
