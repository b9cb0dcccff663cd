"""From a finished training to an entry of the zoo."""

import shutil
from pathlib import Path

from tfnas import export, train
from tfnas.build.drafts import Draft, known, write
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.runs import contents, earlier, recorded
from tfnas.runs.reading import read_run
from tfnas.search import SearchConfig
from tfnas.train import TrainConfig
from tfnas.zoo.genotypes import found_by, genotype_file
from tfnas.zoo.index import list_models, stored
from tfnas.zoo.schema import MEASURED, NAME, RANDOM, Entry

# Accuracies of the same weights may differ by this share.
TOLERANCE = 1e-4


def of_run(config):
    """Make an entry from `--run` and write it to the zoo.

    An unfinished run, a name taken by another architecture, missing data, or
    weights with another accuracy than measured raise `UserError`, and nothing
    is written.
    """
    run = read_run(config.run, "train")
    name = config.name or _name(run)
    search = _search(config, run)
    draft = describe(
        run, name, config.zoo, search=search, data_dir=config.data_dir
    )
    finish(config, draft)


def finish(config, draft):
    """Export a draft if asked to, then write it to the zoo."""
    if config.export:
        name = draft.entry.name
        folder = Path(config.out or f"runs/build_{name}") / "export"
        if config.resume:
            # It was written just before the entry should have been.
            shutil.rmtree(folder, ignore_errors=True)
        names = draft.entry.classes
        done = export.export_network(draft.model, folder, name, classes=names)
        print(f"{done['saved_model']}\n{done['onnx']}", flush=True)
    write(draft, config.zoo)


def describe(run, name, zoo=None, *, search=None, data_dir=None, anew=False):
    """A `Draft` of a run: its network is built, loaded and measured again.

    `search` is the record of its search, `data_dir` the images' folder if they
    have moved; `anew` lets it replace the zoo's genotype of that name. Raises
    what `of_run` does.
    """
    match = NAME.fullmatch(name)
    if not match or not match["dataset"]:
        raise UserError(
            f"--name={name}: use ARCHITECTURE.DATASET_cCHANNELS_lCELLS, such "
            "as darts_fashion_mnist.fashion_mnist_c10_l5"
        )
    architecture, recipe = match["genotype"], run.config["recipe"]
    text = run.genotype.to_json()
    if not anew:
        text = _genotype_text(run.genotype, architecture, zoo)
    training = _training(run, architecture)
    with command.quiet_start():
        from tfnas.build.accuracy import correct_images
        from tfnas.zoo.loading import network_of
    dataset = run.dataset(data_dir)
    run, summary = run.with_statistics(data_dir), run.summary
    entry = Entry.from_dict(
        {
            "name": name,
            "kind": MEASURED,
            "dataset": match["dataset"],
            "image_shape": list(run.image_shape),
            "image_range": [0, 255],
            "mean": list(run.mean),
            "std": list(run.std),
            "classes": list(run.classes),
            **{k: recipe[k] for k in ("channels", "cells", "stem")},
            "parameters": summary["parameters"],
            "multiply_adds": summary["multiply_adds"],
            "genotype": stored(text.encode()),
            "method": found_by(run.genotype),
            "weights": stored(run.weights),
            "test": {
                "images": summary["test_images"],
                "correct": summary["test_correct"],
            },
            "training": training,
            "search": search or _known_search(architecture, zoo),
        },
        f"--run={run.folder}",
    )
    model = network_of(run)
    correct = correct_images(model, dataset)
    if abs(correct / len(dataset.test) - entry.accuracy) > TOLERANCE:
        raise UserError(
            f"--run={run.folder}: its weights classify {correct} of "
            f"{len(dataset.test)} test images correctly, its summary says "
            f"{summary['test_correct']} of {summary['test_images']}; give the "
            "images of its training"
        )
    return Draft(entry, run.genotype, text, run.weights, model)


def record_search(folder, genotype):
    """The record of a search's folder: its command, seed and hours.

    An unfinished search, or one with another genotype, raises `UserError`.
    """
    run = read_run(folder, "search")
    if not same_architecture(run.genotype, genotype):
        raise UserError(
            f"{folder}: its genotype is not the trained one; give the search "
            "that found it"
        )
    return {
        "command": recorded.record(SearchConfig, run.typed),
        "seed": run.config["config"]["seed"],
        "hours": round(run.hours, 3),
    }


def same_architecture(one, other):
    """Whether two genotypes are equal except for their provenance."""
    parts = ("space", "cells", "layers")
    return all(getattr(one, part) == getattr(other, part) for part in parts)


# === Parts ===


def _name(run):
    """The name made from a run's values."""
    origin, recipe = run.genotype.provenance, run.config["recipe"]
    dataset = run.config["data"]["name"].replace("/", "_")
    searched = origin.get("dataset")
    if origin.get("method") == RANDOM and "seed" in origin:
        searched = f"seed{origin['seed']}"
    parts = (found_by(run.genotype), searched)
    architecture = origin.get("name") or "_".join(map(str, parts))
    if "image_folder" in (dataset, searched) or (
        None in parts and not origin.get("name")
    ):
        raise UserError(
            "--name: missing; the run does not say what its images are or "
            "where its genotype is from"
        )
    size = f"c{recipe['channels']}_l{recipe['cells']}"
    return f"{architecture}.{dataset}_{size}"


def _genotype_text(genotype, architecture, zoo):
    """The text of the genotype's file, existing or new."""
    path = genotype_file(architecture, zoo)
    if not path.is_file():
        return genotype.to_json()
    if not same_architecture(Genotype.from_json(path), genotype):
        raise UserError(
            f"{path}: is not the trained genotype; give another --name"
        )
    return path.read_text(encoding="utf-8")


def _training(run, architecture):
    """The record of a training; its command must give the same recipe."""
    line = recorded.record(
        TrainConfig, run.typed, architecture, run.config["config"]
    )
    given = recorded.parse(TrainConfig, line)
    start = given.get("weights")
    if start and start not in list_models(weights=True):
        raise UserError(
            f"--run={run.folder}: started from {start}, which is not in the "
            "zoo; make an entry of it first and train from its name"
        )
    if "machine" not in run.summary:
        raise UserError(
            f"{run.folder / contents.SUMMARY}: has no machine, as an earlier "
            "version trained it; train it again"
        )
    config, recipe, genotype = train.resolve(
        {**given, "genotype": str(run.folder)}
    )
    wanted = config.decisive(recipe, genotype)
    for part in ("config", "recipe"):
        for name, value in run.config[part].items():
            if name != "data_dir" and wanted[part].get(name) != value:
                raise UserError(
                    f"--run={run.folder}: {name} was {value}, but its command "
                    f"gives {wanted[part].get(name)} now; train it again"
                )
    return {
        "command": line,
        "recipe": run.config["recipe"],
        "seed": run.config["config"]["seed"],
        "hours": round(run.hours, 3),
        "machine": run.summary["machine"],
        "epoch": run.summary["epoch"],
        "weights": run.summary["weights"],
        "versions": run.config["versions"],
    }


def _search(config, run):
    """The record of the search before a run, if its folder is known."""
    if config.search_run:
        return record_search(config.search_run, run.genotype)
    typed = recorded.parse(TrainConfig, run.config["command"])["genotype"]
    folder = contents.folder_of(typed)
    if folder is None or contents.kind(earlier.read(folder)) != "search":
        return None
    return record_search(folder, run.genotype)


def _known_search(architecture, zoo):
    """The search that another entry of the same genotype records."""
    for entry in known(zoo):
        if entry.architecture == architecture and entry.search:
            return entry.search
    return None
