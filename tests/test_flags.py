"""No flag of any command is accepted and ignored.

The flags are the fields of the commands' dataclasses, so a new one is here
without being named. Searches, trainings and baselines run, tiny, on
configurations that note who reads them: a flag that only its checks and its
record read decides nothing. A read may still be vain, so every value of a
recipe is changed too, and has to change a rate, a batch, a step or a network.
"""

import ast
import dataclasses
import functools
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tfnas
from tfnas import (
    auto,
    benchmark,
    build,
    compare,
    convert,
    demo,
    export,
    methods,
    predict,
    search,
    train,
)
from tfnas.baseline import TITLES
from tfnas.baseline import config as baseline
from tfnas.choice import choice, fields
from tfnas.cli import command
from tfnas.data import check_request
from tfnas.errors import UserError
from tfnas.genotype import Cell, Edge, Genotype
from tfnas.methods.method import Method
from tfnas.sweep import config as sweep
from tfnas.train.recipe import Recipe

ROOT = Path(tfnas.__file__).parent
TRAINED = ("random", "evolution")
COMMANDS = {
    "search": (search.SearchConfig, Method),
    "train": (train.TrainConfig, Recipe),
    "baseline": (baseline.BaselineConfig, Recipe),
    "convert": (convert.ConvertConfig,),
    "export": (export.ExportConfig,),
    "demo": (demo.DemoConfig,),
    "predict": (predict.PredictConfig,),
    "build": (build.BuildConfig,),
    "benchmark": (benchmark.BenchmarkConfig,),
    "sweep": (sweep.SweepConfig,),
    "compare": (compare.CompareConfig,),
    "auto": (auto.AutoConfig,),
}
EXCEPTIONS = {
    # Which values there are at all: `test_a_name_chooses_other_values`.
    ("search", "method"),
    ("search", "preset"),
    ("train", "preset"),
    ("train", "genotype"),
    ("baseline", "preset"),
    # Trials of KerasTuner, which tests/test_tuning.py makes.
    ("search", "tune"),
    ("search", "tune_epochs"),
    ("train", "tune"),
}
# Who looks at values without doing what they say: checks, records, the plan
# that is printed, the next command.
CHECKS = {"resolve", "_values", "main", "check", "with_flags", "for_space"}
CHECKS |= {"values", "decisive", "record", "next_command", "_described"}
CHECKS |= {"unused", "_unused", "contradictions", "_shown", "__post_init__"}
# Costs of a supernet that its own class lays out.
CHECKS |= {"supernet_size", "search_space"}
CHECKING = {"choice.py", "dataclasses.py", "rules.py", "command.py", "plan.py"}


def test_every_command_is_here():
    answering = {
        path.parent.name
        for path in ROOT.glob("*/*.py")
        if "command.answer(" in path.read_text()
    }
    assert answering == set(COMMANDS)


def test_there_are_few_exceptions():
    assert len(EXCEPTIONS) <= 10
    for kind, name in EXCEPTIONS:
        assert name in names_of(*COMMANDS[kind])


def names_of(*configs):
    return {field.name for config in configs for field in fields(config)}


# === Flags of several commands ===

RESOLVE = {
    "search": (search.resolve, {}),
    "train": (train.resolve, {"genotype": "DARTS_V2"}),
    "baseline": (baseline.resolve, {}),
}
OUT_OF_BOUNDS = {
    "seed": (-1, "use 0 to 2147483647"),
    "train_images": (1, "use 2 or more"),
    "tune": (-1, "use 0 or more"),
    "checkpoint_minutes": (-1.0, "use 0 or more"),
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind in RESOLVE
        for name in OUT_OF_BOUNDS
        if name in names_of(COMMANDS[kind][0])
    ],
)
def test_every_command_has_the_bounds_of_a_shared_flag(kind, name):
    resolve, given = RESOLVE[kind]
    value, remedy = OUT_OF_BOUNDS[name]
    with pytest.raises(UserError) as error:
        resolve({**given, name: value})
    assert str(error.value) == f"--{name}={value}: {remedy}"


# === Who reads a flag ===


def spied(config, seen):
    """A copy of a configuration that notes in `seen` which flags are read."""
    kind, names = type(config), names_of(config)

    def read(self, name):
        if name in names and not is_check(sys._getframe(1).f_code):
            seen.add(name)
        return object.__getattribute__(self, name)

    values = {f.name: getattr(config, f.name) for f in dataclasses.fields(kind)}
    # `dataclasses.replace` makes another of the same class.
    return type(kind.__name__, (kind,), {"__getattribute__": read})(**values)


def is_check(code):
    """Whether code checks or records values, or does what they say."""
    parts = set(code.co_qualname.split("."))
    return Path(code.co_filename).name in CHECKING or bool(parts & CHECKS)


def is_refused(resolve, given, name, value):
    """Whether a command refuses a flag by its name."""
    try:
        resolve({**given, name: value})
    except UserError as error:
        return f"--{name}=" in str(error)
    return False


def ignored(kind, seen, resolve, given):
    """The flags that were not read, and are not refused either."""
    defaults = {
        field.name: field.default
        for config in COMMANDS[kind]
        for field in fields(config)
    }
    return {
        name
        for name, value in defaults.items()
        if name not in seen
        and (kind, name) not in EXCEPTIONS
        and not is_refused(resolve, given, name, value)
    }


@dataclasses.dataclass(frozen=True)
class Planted(train.TrainConfig):
    planted: int = choice(0, "what nobody reads", least=0)


def test_an_ignored_flag_is_seen(monkeypatch):
    monkeypatch.setitem(COMMANDS, "train", (Planted,))
    given = {"genotype": "DARTS_V2"}
    seen = set()
    config = spied(Planted(), seen)
    # Its checks and its record read everything.
    command.help_lines(config)
    dataclasses.asdict(dataclasses.replace(config, seed=1))
    config.decisive(Recipe(), Genotype("darts", normal=CELL, reduce=CELL))
    assert seen == set()

    def resolve(given):
        if "devices" in given:
            raise UserError(f"--devices={given['devices']}: leave it out")

    seen |= names_of(train.TrainConfig) - {"seed", "devices"}
    assert ignored("train", seen, resolve, given) == {"planted", "seed"}
    assert dataclasses.replace(config, seed=1).seed
    assert ignored("train", seen, resolve, given) == {"planted"}


# === Searches, trainings, baselines ===

CELL = Cell((Edge("skip_connect", 0, 2), Edge("max_pool_3x3", 1, 2)), (2,))
TINY = {"train_images": 8, "epochs": 1, "deterministic": False}
SEARCH = {
    **TINY,
    "operations": ("max_pool_3x3", "skip_connect"),
    "channels": 2,
    "cells": (3,),
    "nodes": 1,
    "batch_size": 4,
}
# What some flags are read beside.
SEARCH |= {"order": 2, "beta_decay": 1.0, "smoothing": 0.1}
SEARCH |= {"budget_macs": 100.0}
TRAIN = {
    **TINY,
    "channels": 2,
    "cells": 3,
    "batch_size": 360,
    "warmup_epochs": 0,
    "schedule": "exponential",
    "valid_images": 2,
    "drop_path": 0.2,
    "auxiliary": 0.4,
    "label_smoothing": 0.1,
}
BASELINE = {
    **TINY,
    "space": "nasbench201",
    "trials": 1,
    "channels": 2,
    "cells": 3,
    "batch_size": 4,
    "warmup_epochs": 0,
    "schedule": "exponential",
}


@pytest.fixture
def no_page(monkeypatch):
    """Runs write no report: it reads their files, not their flags."""
    from tfnas import report

    monkeypatch.setattr(report, "write_report", lambda folder: "no page")


def test_a_search_reads_all_its_flags(no_page, tmp_path):
    from tfnas.networks.darts.supernet import Supernet
    from tfnas.search import run as search_run

    seen = set()
    given = {**SEARCH, "out": str(tmp_path / "run")}
    config, method = (spied(c, seen) for c in search.resolve(given))
    search_run.search(config, method, [])
    # Beside a softmax there is no zero-one loss.
    fair = spied(methods.get("fair_darts"), seen)
    Supernet(fair, channels=1, cells=3, nodes=1).architecture_loss()
    assert ignored("search", seen, search.resolve, SEARCH) == set()


def test_a_training_reads_all_its_flags(no_page, tmp_path):
    from tfnas.train import run as train_run

    seen = set()
    path = tmp_path / "genotype.json"
    path.write_text(Genotype("darts", normal=CELL, reduce=CELL).to_json())
    given = {**TRAIN, "genotype": str(path), "out": str(tmp_path / "run")}
    config, recipe, genotype = train.resolve(given)
    config, recipe = (spied(c, seen) for c in (config, recipe))
    train_run.train(config, recipe, genotype, [])
    assert ignored("train", seen, train.resolve, given) == set()


# Random search and evolution judge a cell as a training does, above.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[pytest.mark.slow] * (n in TRAINED))
        for n in TITLES
    ],
)
def test_a_baseline_reads_all_its_flags_or_refuses_them(
    name, no_page, tmp_path
):
    pytest.importorskip("keras_tuner", reason="KerasTuner is not installed")
    from tfnas.baseline import run as baseline_run

    seen = set()
    idle = command.unused(baseline.unused(name))
    given = {k: v for k, v in BASELINE.items() if k not in idle}
    given |= {"name": name, "out": str(tmp_path / "run")}
    config, recipe = (spied(c, seen) for c in baseline.resolve(given))
    baseline_run.search(config, recipe, [])
    assert ignored("baseline", seen, baseline.resolve, given) == set()


# === Every value of a recipe and of a method changes what comes of it ===

# The other values that some are read beside.
BESIDE = {
    "learning_rate_decay": {"schedule": "exponential"},
    "second_order": {"order": 2},
    "budget_weight": {"budget_macs": 0.01},
    "zero_one_norm": {"method": "fair_darts"},
    "sizes": {"sizes": (0.5, 1.0)},
    # One pixel is the eighth of a digit.
    "crop_padding": {"crop_padding": 2},
    "threshold": {"method": "fair_darts"},
    "skip_limit": {"derivation": "pdarts"},
    # The gradient is longer than this.
    "alpha_clip": {"alpha_clip": 1e-5},
}


def recipe_of(given):
    return Recipe().with_flags(
        {
            **{"epochs": 6, "gradient_clip": 0.1, "cutout": 1, "channels": 2},
            **{"cells": 3, "batch_size": 8, "warmup_epochs": 1, **given},
        }
    )


def method_of(given):
    small = {"operations": ("max_pool_3x3", "skip_connect"), "cells": (3,)}
    small |= {"channels": 2, "nodes": 1, "epochs": 3, "batch_size": 4}
    return search.resolve({**small, "gradient_clip": 0.01, **given})[1]


@functools.cache
def unchanged(of, effects, name):
    """The effects of the values that a flag of this name is changed in."""
    return list(effects(of(BESIDE.get(name, {}))))


def decides(of, effects, name, value):
    """Whether a flag's value changes an effect, or is refused by its name."""
    before = unchanged(of, effects, name if name in BESIDE else "")
    try:
        after = effects(of({**BESIDE.get(name, {}), name: value}))
        pairs = zip(before, after, strict=False)
        return any(not np.array_equal(one, other) for one, other in pairs)
    except UserError as error:
        return f"--{name}" in str(error)


def another(field, value):
    """Another value that a flag may take."""
    options = field.metadata["options"]
    if options and isinstance(value, tuple):
        return value[::-1] if value != options[:2] else options[1:3]
    if options:
        return next(option for option in options if option != value)
    if isinstance(value, bool):
        return not value
    if value in (None, ()):
        return 1 if value is None else (1,)
    if isinstance(value, tuple):
        return (*value[:-1], value[-1] + (1 if value[-1] else 0.25))
    return value + (1 if isinstance(value, int) else 0.25)


def effects_of_recipe(recipe):
    """What comes of a recipe: rates, a batch, steps, a network; one by one."""
    import keras

    from tfnas import data
    from tfnas.data.views import views
    from tfnas.networks import build_network
    from tfnas.networks.whitening import frozen_first, whiten

    keras.backend.clear_session()
    check_request("digits", augmentation=recipe.augmentation)
    yield [recipe.rate_at(epoch) for epoch in range(recipe.epochs)]
    dataset = data.load("digits", augmentation=recipe.augmentation)
    yield data.held_out(dataset, 40, recipe.halves)[1]
    sizes = (recipe.image_size_at(e, (32, 32, 1)) for e in range(recipe.epochs))
    yield list(map(str, sizes))
    # In the first epoch alternate flips are those of random ones.
    second = data.steps_per_epoch(40, recipe.batch_size)
    stream = data.train_stream(
        dataclasses.replace(dataset, flip=True),
        np.arange(40),
        seed=0,
        start_step=second,
        **{**recipe.stream(), "epochs": 2},
    )
    images, labels = next(iter(stream))
    yield images.numpy()
    yield [view.numpy() for _, view in views(images[:2], recipe.test_views)]
    yield stepped(recipe, images[:4], labels[:4])
    genotype = Genotype("darts", normal=CELL, reduce=CELL)
    network = build_network(
        genotype,
        input_shape=(32, 32, 1),
        channels=recipe.channels,
        cells=recipe.cells,
        stem=recipe.stem,
        auxiliary=recipe.auxiliary > 0,
        drop_path=recipe.drop_path,
    )
    yield [variable.path for variable in network.variables]
    yield [str(variable.shape) for variable in network.variables]
    if recipe.whitening:
        whiten(frozen_first(network), [images.numpy()])
    yield network.get_layer("stem").convolution.numpy()
    if recipe.drop_path:
        yield [recipe.drop_path_at(epoch) for epoch in range(recipe.epochs)]


def stepped(recipe, images, labels):
    """The weights of a small classifier after two steps."""
    import keras

    from tfnas.bilevel.supervised import SupervisedTraining

    keras.utils.set_random_seed(0)
    inputs = keras.Input(images.shape[1:])
    features = keras.layers.Flatten()(inputs)
    features = keras.layers.BatchNormalization()(features)
    logits = keras.layers.Dense(10)(features)
    auxiliary = keras.layers.Dense(10)(features)
    outputs = {"logits": logits, "auxiliary": auxiliary}
    training = SupervisedTraining(keras.Model(inputs, outputs), recipe)
    for _ in range(2):
        training.train_step((images, labels))
    averages = training.averages.variables if training.averages else []
    every = [*training.variables, *averages]
    return np.concatenate([v.numpy().ravel() for v in every])


@pytest.mark.parametrize("field", fields(Recipe), ids=lambda f: f.name)
def test_every_value_of_a_recipe_decides_something(field):
    now = getattr(recipe_of(BESIDE.get(field.name, {})), field.name)
    value = another(field, now)
    assert decides(recipe_of, effects_of_recipe, field.name, value)


def toy(method, **size):
    """A supernet without cells: its shares scale the image's pixels."""
    import keras
    import tensorflow as tf

    from tfnas.networks.darts.supernet import Supernet

    class Toy(Supernet):
        def build(self, input_shape):
            self.build_architecture()
            self.classifier = keras.layers.Dense(self.classes)
            self.classifier.build((None, int(np.prod(self.image_shape))))
            self.built = True

        def call(self, images, training=False, seed=(0, 0), radius=None):
            kinds = self.relaxed(seed, radius).values()
            shares = tf.concat([own["alphas"] for own in kinds], 0)
            scale = tf.reduce_sum(shares * tf.constant([0.5, 1.0]))
            return self.classifier(keras.ops.reshape(images, (4, -1)) * scale)

    return Toy(method, **size)


def effects_of_method(method):
    """What comes of a method: a batch, a supernet, steps, a genotype."""
    import keras
    import tensorflow as tf

    from tfnas import data
    from tfnas.bilevel.search import BilevelSearch
    from tfnas.networks.darts.supernet import Supernet
    from tfnas.runs import callbacks

    dataset = data.load("digits", augmentation=method.augmentation)
    dataset = data.subset(dataset, 20)
    halves = data.search_halves(dataset, method.halves)
    yield halves[0]
    steps = {"batch_size": method.batch_size, "epochs": method.epochs}
    stream = data.search_stream(dataset, halves, **steps, seed=0)
    yield [int(stream.cardinality())]
    size = {"input_shape": (32, 32, 1), "classes": 2}
    # Names count from here.
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    supernet = Supernet(method, **size)
    yield [v.path for v in supernet.variables]
    yield [str(v.shape) for v in supernet.variables]
    keras.utils.set_random_seed(0)
    supernet = toy(method, **size)
    yield [v.numpy().sum() for v in supernet.variables]
    alphas = supernet.architecture["alphas_normal"]
    kept = alphas.numpy()
    # The second edge is the stronger one, and both are skips.
    alphas.assign([[0.0, 2.0], [0.0, 3.0]])
    yield [supernet.derive().to_json()]
    alphas.assign(kept)
    rows = [{"skips_normal": 1}]
    run = SimpleNamespace(method=method, stages=method.stages(), stage=0)
    run.history, run.step = SimpleNamespace(rows=rows), 0
    yield [callbacks.reason_to_stop(run)]
    model = BilevelSearch(supernet)
    each = callbacks.EachEpoch(run)
    each.set_model(model)
    images = tf.random.stateless_normal((2, 4, 32, 32, 1), (0, 0))
    labels = tf.constant([0, 1, 0, 1])
    for epoch in range(2):
        each.on_epoch_begin(epoch)
        for run.step in range(2):
            each.on_train_batch_begin(run.step)
            model.train_step(tuple((half, labels) for half in images))
    yield np.concatenate([v.numpy().ravel() for v in supernet.variables])


@pytest.mark.slow
@pytest.mark.parametrize("field", fields(Method), ids=lambda f: f.name)
def test_every_value_of_a_method_decides_something(field):
    now = getattr(method_of(BESIDE.get(field.name, {})), field.name)
    value = another(field, now)
    assert decides(method_of, effects_of_method, field.name, value)


def test_what_is_not_changed_decides_nothing():
    clip = recipe_of({}).gradient_clip
    assert not decides(
        recipe_of, effects_of_recipe, "gradient_clip", float(clip)
    )
    rate = method_of({}).learning_rate
    assert not decides(method_of, effects_of_method, "learning_rate", rate)


# === Names ===


def test_a_name_chooses_other_values():
    presets = [search.resolve({"preset": p})[1] for p in ("quick", "paper")]
    assert presets[0].values() != presets[1].values()
    chosen = [search.resolve({"method": m})[1] for m in methods.names()]
    assert len({str(method.values()) for method in chosen}) == len(chosen)
    of = {"genotype": "DARTS_V2"}
    for resolve, given in ((train.resolve, of), (baseline.resolve, {})):
        recipes = [
            resolve({**given, "preset": p})[1] for p in ("quick", "small")
        ]
        assert recipes[0] != recipes[1]
    found = [train.resolve({"genotype": g})[2] for g in ("DARTS_V2", "PDARTS")]
    assert found[0].cells != found[1].cells


# === The other commands ===


# Here these do what the flags say.
DOING = {"main", "resolve"}


def reading(tree):
    """Names of all attributes of a `config` that do more than check."""
    found = set()

    def visit(node, inside):
        if isinstance(node, ast.FunctionDef):
            inside = inside | {node.name}
        named = isinstance(node, ast.Attribute)
        if named and not inside & CHECKS - DOING:
            owner = node.value
            if getattr(owner, "id", getattr(owner, "attr", "")) == "config":
                found.add(node.attr)
        # A configuration's own method, or a job made of one.
        if isinstance(node, ast.Constant) and not inside & CHECKS - DOING:
            found.update({node.value} if inside else ())
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(tree, frozenset())
    return found


HOMES = {
    "convert": ("convert",),
    "export": ("export", "zoo"),
    "demo": ("demo", "zoo"),
    "predict": ("predict", "zoo"),
    "build": ("build",),
    "benchmark": ("benchmark",),
    "sweep": ("sweep",),
    "compare": ("compare",),
    "auto": ("auto",),
}


@pytest.mark.parametrize("kind", sorted(HOMES))
def test_a_command_reads_all_its_flags(kind):
    paths = [ROOT / home for home in HOMES[kind]]
    files = [f for p in paths for f in ([p] if p.is_file() else p.glob("*.py"))]
    found = set()
    for file in files:
        found |= reading(ast.parse(file.read_text(encoding="utf-8")))
    assert names_of(*COMMANDS[kind]) - found == set()
    assert "planted" not in found


IDLE = [
    ("train", "--genotype=DARTS_V2 --learning_rate_decay=0.97"),
    (
        "train",
        "--genotype=DARTS_V2 --augmentation=imagenet --dataset=imagenet2012 "
        "--flips=random",
    ),
    ("baseline", "--test_views=2"),
    ("baseline", "--name=weight_sharing --sizes=0.5,1.0"),
    ("baseline", "--population=10"),
    ("baseline", "--name=naswot --momentum=0.9"),
    ("baseline", "--name=synflow --batch_size=64"),
    ("baseline", "--name=synflow --train_images=64"),
    ("baseline", "--name=weight_sharing --drop_path=0.0"),
    ("baseline", "--space=mobile --auxiliary=0.0"),
    ("sweep", "--gather --seeds=0,1"),
    ("sweep", "--plan --task=0"),
    ("sweep", "--task=0 --engine=local"),
    ("sweep", "--cpus=4"),
    ("sweep", "--engine=local --gpus=0"),
    ("compare", "--methods=darts --baseline=--trials=3"),
    ("compare", "--methods=random --epochs=3"),
    ("compare", "--methods=random --preset=quick"),
    ("compare", "--methods=synflow --train_images=100"),
    ("build", "--verify --data_dir=."),
    ("build", "--table --out=x"),
    ("build", "--verify --export=false"),
    ("build", "--run=. --export=false --out=x"),
    ("export", "--run=. --out=x --zoo=."),
    ("export", "--model=PDARTS --out=x --data_dir=."),
    ("demo", "--run=. --zoo=."),
    ("demo", "--model=PDARTS --data_dir=."),
    ("predict", "--run=. a.npz --zoo=."),
    ("predict", "--model=PDARTS a.npz --data_dir=."),
    ("predict", "--model=PDARTS --csv a.npz --top=3"),
    ("predict", "--model=darts_digits.digits_c16_l6 {file} --sheet=x.png"),
    ("benchmark", "--parts=retraining --method=darts"),
    ("benchmark", "--parts=retraining --operations_kept=2"),
    ("benchmark", "--parts=inference --variants=fast"),
    ("benchmark", "--variants=baseline --second_order=true"),
    ("convert", "--genotype=DARTS_V2 {files} --image_size=32"),
]


@pytest.mark.parametrize(("kind", "words"), IDLE)
def test_a_flag_that_nothing_reads_beside_the_others_is_refused(
    kind, words, tmp_path
):
    (tmp_path / "a.npz").touch()
    files = f"--checkpoint={tmp_path}/a.npz --out={tmp_path}/b.weights.h5"
    file = tmp_path / "a.npz"
    words = words.format(files=files, file=file).split()
    with pytest.raises(UserError) as error:
        globals()[kind].main([kind, *words])
    assert str(error.value).startswith(f"{words[-1]}: ")
    assert str(error.value).endswith("; leave it out")


def test_a_comparison_gives_each_baseline_what_it_reads(tmp_path):
    every = {"baseline": "--population=5 --batch_size=20", "train_images": 99}
    names = ("darts", "random", "evolution", "synflow")
    given = {"methods": names, "seeds": (0,), "out": str(tmp_path), **every}
    _, tasks = compare.resolve(given)
    typed = {task.search["name"]: task.search for task in tasks[1:]}
    assert [n for n in names[1:] if "population" in typed[n]] == ["evolution"]
    read = [n for n in names[1:] if typed[n].get("batch_size") == 20]
    assert read == ["random", "evolution"]
    assert [n for n in names[1:] if "train_images" in typed[n]] == read
