"""Flags that several commands share: each is explained and bounded once.

A function makes the field of a dataclass, as `choice` does; what a command says
in words of its own is an argument. `choice.check_values` checks them all.
"""

from tfnas.choice import choice

# What a run reads and where it works, which decide nothing that it finds.
ASIDE = ("genotype", "out", "resume", "tensorboard", "tune", "tune_epochs")
ASIDE += ("devices", "checkpoint_minutes", "force", "dataset_name")
# What says which images these are, and of what size.
SOURCE = ("dataset", "data_dir", "data_csv", "test_share")
IMAGES = (*SOURCE, "image_size", "skip_damaged")


def images(config):
    """{name: value} of those of `IMAGES` and the seed, as `data.load` takes."""
    dataset, *others = (getattr(config, name) for name in IMAGES)
    given = dict(zip(IMAGES[1:], others, strict=True))
    return {"name": dataset, **given, "seed": config.seed}


def decisive(config):
    """{flag: value} of the flags that decide what a run finds."""
    found = {k: v for k, v in vars(config).items() if k not in ASIDE}
    # Older runs know neither; they can go on.
    if found.get("class_weights") == "none":
        del found["class_weights"]
    if not found.get("skip_damaged"):
        found.pop("skip_damaged", None)
    return found


# === Images ===


def dataset(otherwise=""):
    """Args: otherwise: what else there is to say of the default."""
    return choice(
        "digits",
        "digits, fashion_mnist, cifar10, cifar100, image_folder or a name "
        "of TensorFlow Datasets" + otherwise,
    )


def dataset_name():
    return choice(
        None,
        "what titles, tables and folders call the data; by default its own "
        "name, of image_folder that of --data_dir",
    )


def data_dir():
    return choice(
        None,
        "folder of the data: DIR/train/CLASS/* and DIR/test/CLASS/*, or "
        "DIR/CLASS/*, for image_folder",
    )


def data_csv():
    return choice(
        None,
        "list of an image_folder's files, with the columns path, label and, if "
        "it says so, split (train or test); paths are relative to --data_dir, "
        "or else to the list",
    )


def test_share():
    return choice(
        None,
        "share of each class of an image_folder to test, drawn by the seed, "
        "where no folder or list says it; 0.2 by default",
        least=0.01,
        most=0.99,
    )


def skip_damaged():
    return choice(
        False,
        "go on without the damaged files of an image_folder, which the run's "
        "images.csv names",
    )


def image_size():
    """The smallest size is the data's, see `data.check_request`."""
    return choice(None, "crop and resize the images to this height and width")


def train_images(verb):
    """Args: verb: what is done with them, such as "train"."""
    return choice(
        None,
        f"{verb} with so many of the training images only, see --halves",
        least=2,
    )


def class_weights():
    return choice(
        "none",
        "what an image counts in a loss: none, all alike; balanced, more the "
        "fewer training images its class has",
        ("none", "balanced"),
    )


# === A run ===


def seed(of):
    return choice(0, f"seed of {of}", least=0, most=2**31 - 1)


def out(default):
    return choice(None, f"folder to write, {default} by default")


def resume():
    return choice(False, "go on with the run in --out")


def devices():
    return choice(
        "auto",
        "auto takes all GPUs, or the CPU; cpu:N and gpu:N share a batch among "
        "N of them",
    )


def force():
    return choice(False, "go on where more memory is needed than there is")


def checkpoint_minutes():
    return choice(10.0, "minutes between checkpoints inside an epoch", least=0)


def deterministic(what):
    return choice(True, f"the same seed gives the same {what}, bit for bit")


def tune(what):
    return choice(
        0,
        f"tune {what} with so many trials of KerasTuner, then say what to "
        "type next; 0 does not",
        least=0,
    )


# === Many runs ===


def seeds(default):
    return choice(default, "seeds", least=0)


def train():
    return choice(
        None,
        "then train each cell, with these flags of tfnas.train in one word, "
        "such as '--preset=small --epochs=15'",
    )


# === A trained network ===


def model():
    return choice(None, "name of a network of the zoo")


def run():
    return choice(None, "finished folder of tfnas.train")


def images_of_run():
    return choice(
        None, "folder of the images, if it is not where --run read them"
    )


def zoo():
    return choice(None, "folder of the zoo, else the project's own")
