"""The contents of a run's folder: its files' names and columns."""

from pathlib import Path

CONFIG = "config.json"
SUMMARY = "summary.json"
GENOTYPE = "genotype.json"
GENOTYPES = "genotypes.json"
HISTORY = "history.csv"
ALPHAS = "alphas.npz"
# What removals decided, in their order.
DECISIONS = "decisions.json"
TRIALS = "trials.csv"
CONFUSION = "confusion.csv"
# The image files and their split, if no folder says it.
IMAGES = "images.csv"
# Weights of the epoch that was best on held-out images, and of the last.
BEST, LAST = "best.safetensors", "last.safetensors"
# Written last: a run with this file has finished.
REPORT = "report.html"
# The result of a tuning.
TUNED = "best.json"
# What a comparison measures later.
MEASURED = "measured.json"
LOCK, CHECKPOINTS = "lock", "checkpoints"
# Of tfnas.auto: its plan, its time so far, and images given in Python.
PLAN, CLOCK, GIVEN = "plan.json", "clock.json", "images"
# A checkpoint's variables, and everything else with their digest.
ARRAYS, STATE = "state.npz", "state.json"

SEARCH_COLUMNS = (
    "stage",
    "epoch",
    "learning_rate",
    "train_loss",
    "train_accuracy",
    "alpha_loss",
    "valid_loss",
    "valid_accuracy",
    "skips_normal",
    "skips_reduce",
    "seconds",
)
# Older runs lack these columns and are read without them.
OPTIONAL_COLUMNS = ("proxy_accuracy", "eigenvalue")
TRAINING_COLUMNS = (
    "epoch",
    "learning_rate",
    "drop_path",
    "train_loss",
    "train_accuracy",
    "valid_loss",
    "valid_accuracy",
    "seconds",
)
# A page's words on the files next to it, by command.
USES = {
    "search": {
        GENOTYPE: "the architecture",
        GENOTYPES: "the architecture after every epoch",
        ALPHAS: "the raw architecture weights after every epoch",
        HISTORY: "losses, accuracies and skips of every epoch",
        CONFIG: "every setting",
        SUMMARY: "what it cost",
    },
    "train": {
        LAST: "the weights after the last epoch",
        GENOTYPE: "the architecture",
        HISTORY: "losses and accuracies of every epoch",
        CONFUSION: "the confusion of true and predicted classes",
        CONFIG: "every setting",
        SUMMARY: "the result and what it cost",
    },
    "baseline": {
        GENOTYPE: "the best cell",
        TRIALS: "every cell tried, its score and its seconds",
        CONFIG: "every setting",
        SUMMARY: "what it cost",
    },
}
DECISIONS_USE = {DECISIONS: "what removals decided, choice by choice"}
# The fields that a page needs in config.json and summary.json, dotted.
NEEDED = {
    "search": (
        ("command", "config.method", "config.seed", "method.relaxation")
        + ("data.name", "data.image_shape", "data.classes")
        + ("data.train", "data.valid", "versions"),
        ("seconds", "peak_memory_mb", "next_command")
        + ("supernet_parameters", "supernet_multiply_adds")
        + ("network.channels", "network.cells")
        + ("network.parameters", "network.multiply_adds"),
    ),
    "train": (
        ("command", "config.seed", "recipe.channels", "recipe.cells")
        + ("recipe.epochs", "recipe.stem", "data.name", "data.image_shape")
        + ("data.classes", "data.train", "data.valid", "data.test")
        + ("versions",),
        ("seconds", "peak_memory_mb", "parameters", "multiply_adds")
        + ("weights", "epoch", "test_images", "test_accuracy"),
    ),
    "baseline": (
        ("command", "config.name", "config.seed", "data.name", "recipe"),
        ("title", "seconds", "trials", "network", "next_command"),
    ),
}


def is_begun(folder):
    """Whether a run was ever started in a folder."""
    return (Path(folder) / CONFIG).is_file()


def is_finished(folder):
    """Whether a run has finished writing."""
    return (Path(folder) / REPORT).is_file()


def folder_of(path):
    """A run's folder, from it or a file in it; None for anything else."""
    path = Path(path)
    try:
        folder = path if path.is_dir() else path.parent
    except OSError:  # a genotype's text is too long for a name
        return None
    return folder if path.exists() and is_begun(folder) else None


def weights_file(folder):
    """A training's best weights, or the last if nothing selected the best."""
    best = Path(folder) / BEST
    return best if best.is_file() else best.with_name(LAST)


def kind(config):
    """The command that made a run, by its config.json, or None."""
    parts = config.keys() if isinstance(config, dict) else ()
    if "method" in parts:
        return "search"
    if "recipe" in parts:
        return "train" if "genotype" in parts else "baseline"
    return None
