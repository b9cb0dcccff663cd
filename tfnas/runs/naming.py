"""What data and folders are called."""

from pathlib import Path

from tfnas.data.names import canonical

FOLDER = "image_folder"


def named(given):
    """{flag: value} with the data set's own name, see `data.names`."""
    name = given.get("dataset")
    return {**given, "dataset": canonical(name)} if name else given


def data_name(config):
    """What titles, tables and folders call the data.

    That is what was said, a folder's name, or the data set's own.
    """
    if config.dataset_name:
        return config.dataset_name
    if config.dataset == FOLDER and config.data_dir:
        return Path(config.data_dir).resolve().name or FOLDER
    return config.dataset


def folder(place, config, goes_on):
    """Where a run goes that was not told where.

    Earlier versions called every folder of images alike; what they began goes
    on where it is.

    Args:
        place: a function from the data's name to the folder.
        config: what the run is asked for.
        goes_on: whether it goes on with what is there.
    """
    own, earlier = place(data_name(config)), place(config.dataset)
    began = goes_on and Path(earlier).is_dir() and not Path(own).is_dir()
    return earlier if began else own
