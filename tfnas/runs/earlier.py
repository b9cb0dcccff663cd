"""The values that the run in a folder was started with.

A resumed run keeps its values, and a training takes the data of the search that
found its genotype, so neither has to be typed again.
"""

import os
from pathlib import Path

from tfnas.cli import flags
from tfnas.devices import cluster
from tfnas.errors import UserError
from tfnas.runs import contents, kept_images, parsing

# What runs did before a key existed, by the part of config.json.
_OF_THEN = {"method": {"halves": "index"}, "recipe": {"halves": "index"}}
# What they could not do yet; the presets of then still leave it out.
_NOT_YET = {
    "method": {
        "temperature": 10.0,
        "temperature_min": 0.1,
        "dirichlet_kl": 0.0,
        "later_partial_channels": [],
        "keep_alpha": False,
        "perturbation_epochs": 5,
    },
    "recipe": {
        "nesterov": False,
        "average_weights": 0.0,
        "norm_bias_rate": 1.0,
        "whitening": False,
        "sizes": [],
        "flips": "random",
        "crop_padding": None,
        "mixup": 0.0,
        "test_views": 1,
    },
}


def read(folder):
    """The config.json of a run's folder, completed for older runs."""
    path = Path(folder) / contents.CONFIG
    config = parsing.read_json(path)
    if not isinstance(config, dict):
        raise UserError(f"{path}: not an object; restore it")
    return with_values_of_then(config)


def with_values_of_then(config):
    """A run's configuration, completed with the defaults of its time."""
    added = {
        part: {**_NOT_YET[part], **_OF_THEN[part], **config[part]}
        for part in _OF_THEN
        if part in config
    }
    return {**config, **added}


def lacking(part, values):
    """The flags to add to an older record's command for its values of then.

    `part` is a part of config.json, such as "recipe".
    """
    then = _OF_THEN[part].items()
    return {name: value for name, value in then if name not in values}


def typed(config):
    """The words of a run's command, completed with the defaults of its time."""
    return [
        *config["command"],
        *(
            f"--{name}={value}"
            for part in _OF_THEN
            if part in config
            for name, value in lacking(part, config[part]).items()
        ),
    ]


def kept(folder, given, *parts):
    """The values that a resumed run keeps, as flags.

    On several hosts only the chief has the folder, so nothing is taken from it
    and all flags must be typed again; so must those of --tune, which ends with
    the command to type next.

    Args:
        folder: the run's.
        given: {flag: value} of the flags that were typed.
        *parts: of config.json, such as "config" and "method".

    Returns:
        {flag: value}, {} for a new run or one of another kind.
    """
    if not (given.get("resume") and folder and contents.is_begun(folder)):
        return {}
    if cluster.from_environment(os.environ) is not None:
        return {}
    config = read(folder)
    if not set(parts) <= config.keys():
        return {}
    called = {} if given.get("tune") else _called(config)
    return called | {
        name: tuple(value) if isinstance(value, list) else value
        for part in parts
        for name, value in config[part].items()
        if not given.get("tune") or name in _OF_THEN.get(part, {})
    }


def data_of(source, given):
    """The data of a run, as flags, for a training that starts from it.

    Args:
        source: the run's folder or a file in it; anything else has no data.
        given: {flag: value} of the flags that were typed. If they name another
            data set, the run's folder of images does not matter.

    Returns:
        {flag: value} of data set, folder, list and image size, or {}.

    Raises:
        UserError: if the run's folder of images is gone.
    """
    asked = _asked(source)
    if given.get("dataset", asked.get("dataset")) != asked.get("dataset"):
        return {}
    data = {name: asked[name] for name in flags.IMAGES if name in asked}
    if data:
        data |= _listed(contents.folder_of(source), data, given)
    called = _called(read(contents.folder_of(source))) if data else {}
    # Earlier versions gave every folder this name.
    if called.get("dataset_name") not in (None, *data.values()):
        data |= called
    images = {**data, **given}.get("data_dir")
    if images and "data_dir" not in given and not Path(images).is_dir():
        raise UserError(
            f"{source}: its images were in {images}, which is missing; name "
            "their folder with --data_dir, or give another --dataset"
        )
    return data


def _listed(folder, data, given):
    """Flags to add to a run's data for the same split, or for other images."""
    typed = {name for name in flags.SOURCE if name in given} - {"dataset"}
    if typed <= {"data_dir"}:
        home = given.get("data_dir", data.get("data_dir"))
        moved = home != data.get("data_dir")
        if not moved or kept_images.are_in(folder, home):
            return kept_images.listed(folder, data, home)
    return {"data_csv": None, "test_share": None}


def data_note(source, given):
    """A line if a run searched on only some training images, else None.

    Arguments as in `data_of`.
    """
    count = _asked(source).get("train_images")
    if not data_of(source, given) or not count or "train_images" in given:
        return None
    return (
        f"{source} used {count:,} training images; this run uses all "
        f"(--train_images={count} uses as many)"
    )


def _called(config):
    """A run's name for its data, as a flag."""
    name = config.get("data", {}).get("name")
    return {"dataset_name": name} if name else {}


def _asked(source):
    """A run's flags, {} for a folder that is not a run's."""
    folder = contents.folder_of(source) if source else None
    asked = read(folder).get("config") if folder else None
    return asked if isinstance(asked, dict) else {}
