"""Checks of a request for data before any image is read."""

from tfnas.data.dataset import SMALLEST_SIDE
from tfnas.data.listing import find
from tfnas.data.names import check_name
from tfnas.errors import UserError

# These come as one array, not as image files.
IN_MEMORY = ("digits", "fashion_mnist")


def check_request(
    name,
    data_dir=None,
    image_size=None,
    augmentation="cifar",
    data_csv=None,
    test_share=None,
    seed=0,
    skip_damaged=False,
):
    """Refuses a request for data that cannot be met, without TensorFlow.

    Takes what `load` takes. A value out of range, or a folder of another form
    than needed, raises `UserError`.
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
        find(data_dir, data_csv, test_share, seed)
        return
    for flag, value in (
        ("data_csv", data_csv),
        ("test_share", test_share),
        ("skip_damaged", skip_damaged or None),
    ):
        if value is not None:
            raise UserError(
                f"--{flag}={value}: is for --dataset=image_folder; leave it out"
            )
