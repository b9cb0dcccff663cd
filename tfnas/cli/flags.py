"""Flags that several commands share: each is explained and bounded once.

Each function makes the field of a dataclass, as `choice` does; a command's own
words are an argument. `choice.check_values` checks them all.
"""

from tfnas.choice import choice

# Where a run reads and works; they do not decide what it finds.
ASIDE = ("genotype", "out", "resume", "tensorboard", "tune", "tune_epochs")
ASIDE += ("devices", "checkpoint_minutes", "force", "dataset_name")
# They say which images these are, and of what size.
SOURCE = ("dataset", "data_dir", "data_csv", "test_share")
IMAGES = (*SOURCE, "image_size", "skip_damaged")


def images(config):
    """{name: value} of `IMAGES` and the seed, as `data.load` takes them."""
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
    """Args: otherwise: what else to say of the default."""
    return choice(
        "digits",
        "digits, fashion_mnist, cifar10, cifar100, image_folder or the name "
        "of a data set of TensorFlow Datasets" + otherwise,
    )


def dataset_name():
    return choice(
        None,
        "name of the data in titles, tables and folders; by default the data "
        "set's own, for image_folder that of --data_dir",
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
        "CSV list of an image_folder's files with the columns path, label "
        "and, optionally, split (train or test); paths are relative to "
        "--data_dir or, without it, to the list",
    )


def test_share():
    return choice(
        None,
        "share of each class of an image_folder to test on, drawn by the "
        "seed, if no folder or list gives test images; by default 0.2",
        least=0.01,
        most=0.99,
    )


def skip_damaged():
    return choice(
        False,
        "leave out the damaged files of an image_folder; the run's images.csv "
        "names them",
    )


def image_size():
    """The smallest size is the data's, see `data.check_request`."""
    return choice(None, "crop and resize the images to this height and width")


def train_images(verb):
    """Args: verb: such as "train"."""
    return choice(
        None,
        f"{verb} with only so many of the training images, see --halves",
        least=2,
    )


def class_weights():
    return choice(
        "none",
        "weight of an image in a loss: none weighs all the same; balanced "
        "weighs rare classes more",
        ("none", "balanced"),
    )


# === A run ===


def seed(of):
    return choice(0, f"seed of {of}", least=0, most=2**31 - 1)


def out(default):
    return choice(None, f"folder to write; by default {default}")


def resume():
    return choice(False, "continue the run in --out")


def devices():
    return choice(
        "auto",
        "auto takes all GPUs or, without one, the CPU; cpu:N and gpu:N split "
        "a batch among N of them",
    )


def force():
    return choice(
        False, "start even if the run needs more memory than there is"
    )


def checkpoint_minutes():
    return choice(10.0, "minutes between checkpoints inside an epoch", least=0)


def deterministic(what):
    return choice(True, f"give the same {what} for the same seed, bit for bit")


def tune(what):
    return choice(
        0,
        f"tune {what} in so many trials of KerasTuner, then print the command "
        "to type next; 0 does not tune",
        least=0,
    )


# === Many runs ===


def seeds(default):
    return choice(default, "seeds", least=0)


def train():
    return choice(
        None,
        "then train each cell with these flags of tfnas.train, quoted, such "
        "as '--preset=small --epochs=15'",
    )


# === A trained network ===


def model():
    return choice(None, "name of a network of the zoo")


def run():
    return choice(None, "finished folder of tfnas.train")


def images_of_run():
    return choice(
        None, "folder of the images, if they have moved since --run read them"
    )


def zoo():
    return choice(None, "folder of the zoo; by default the project's own")
