"""Names of data and folders."""

from pathlib import Path

from tfnas.data.names import canonical

FOLDER = "image_folder"


def named(given):
    """{flag: value} with the data set's own name, see `data.names`."""
    name = given.get("dataset")
    return {**given, "dataset": canonical(name)} if name else given


def data_name(config):
    """The name of the data in titles, tables and folders.

    It is the given name, a folder's, or the data set's own.
    """
    if config.dataset_name:
        return config.dataset_name
    if config.dataset == FOLDER and config.data_dir:
        return Path(config.data_dir).resolve().name or FOLDER
    return config.dataset


def folder(place, config, goes_on):
    """The default folder of a run.

    Earlier versions gave every folder of images the same name; their runs
    continue where they are.

    Args:
        place: a function from the data's name to the folder.
        config: the run's flags.
        goes_on: whether the run is resumed.
    """
    own, earlier = place(data_name(config)), place(config.dataset)
    began = goes_on and Path(earlier).is_dir() and not Path(own).is_dir()
    return earlier if began else own
