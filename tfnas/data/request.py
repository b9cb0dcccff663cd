"""What can be said about a request for data before any image is read."""

import os
import pathlib

from tfnas.data.dataset import SMALLEST_SIDE
from tfnas.data.files import class_folders, image_names, readable
from tfnas.data.names import check_name
from tfnas.errors import UserError

# What comes as one array, not as image files.
IN_MEMORY = ("digits", "fashion_mnist")


def check_request(name, data_dir=None, image_size=None, augmentation="cifar"):
    """Refuses a request for data that cannot be met, without TensorFlow.

    Takes what `load` takes. A value out of range, or a folder that is not of
    the form that it must have, is a `UserError`.
    """
    check_name(name, data_dir)
    if image_size is not None and image_size < SMALLEST_SIDE:
        raise UserError(
            f"--image_size={image_size}: use at least {SMALLEST_SIDE}, the "
            "room for two reductions"
        )
    if name in IN_MEMORY and augmentation == "imagenet":
        raise UserError(
            f"--augmentation=imagenet: {name} has small images in one array; "
            "use --dataset=image_folder or a name of TensorFlow Datasets"
        )
    if name == "digits" and data_dir:
        raise UserError(
            f"--data_dir={data_dir}: digits come with scikit-learn; use "
            "--dataset=image_folder for a folder of images"
        )
    if name == "image_folder":
        class_names(data_dir)


def class_names(data_dir):
    """Returns the class names of an image folder of the right form."""
    if not data_dir:
        raise UserError(
            "--dataset=image_folder: set --data_dir to a folder with "
            "train/CLASS/ and test/CLASS/"
        )
    root = pathlib.Path(data_dir)
    if not root.is_dir():
        raise UserError(f"--data_dir={data_dir}: no such folder")
    for split in (root / "train", root / "test"):
        if not split.is_dir():
            raise UserError(
                f"{split}: no such folder; --data_dir needs train/CLASS/ "
                "and test/CLASS/"
            )
        classes = class_folders(split)
        if not classes:
            raise UserError(f"{split}: needs a folder for each class")
        for name in classes:
            _check_class(split / name)
    classes = class_folders(root / "train")
    foreign = sorted(set(class_folders(root / "test")) - set(classes))
    if foreign:
        raise UserError(
            f"{data_dir}: class {foreign[0]} has no folder in train/; add "
            "one or remove the class"
        )
    if len(classes) < 2:
        raise UserError(
            f"{root / 'train'}: only one class ({classes[0]}); "
            "classification needs at least two"
        )
    return classes


def _check_class(folder):
    if readable(folder.name) != folder.name:
        raise UserError(
            f"{readable(folder)}: its name is not UTF-8; rename the folder"
        )
    files = [folder / name for name in image_names(folder)]
    if not files:
        raise UserError(
            f"{folder}: holds no JPEG or PNG image; add some or remove the "
            "folder"
        )
    for file in files:
        if not (file.is_file() and os.access(file, os.R_OK)):
            raise UserError(f"{readable(file)}: cannot be read; remove it")
