"""What the cards say of a data set: what its networks are for, its licence."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Notes:
    """Sentences about a data set.

    Attributes:
        good_for: images on which a network of these data is of use.
        limits: images on which it is not.
        licence: the data's licence and where they are from.
    """

    good_for: str
    limits: str
    licence: str


_NOTES = {
    "digits": Notes(
        "A first try of `tfnas.predict`, `tfnas.export`, a server, or a "
        "transfer to other classes: the network is small and its images come "
        "with scikit-learn.",
        "digits has 1,797 gray images of 8x8 pixels. A result on them shows "
        "that the tool runs, not that the method works. Digits drawn or "
        "scanned in another way are outside what the network has learned.",
        "Data: [Optical Recognition of Handwritten Digits](https://archive.ics"
        ".uci.edu/dataset/80/optical+recognition+of+handwritten+digits), UCI "
        "Machine Learning Repository, CC BY 4.0.",
    ),
    "fashion_mnist": Notes(
        "Pictures prepared as those of Fashion-MNIST: gray, 28x28 pixels, one "
        "piece of clothing on black. Also the start of a transfer to other "
        "small gray images.",
        "Photographs of clothing have colours, a background and a person in "
        "them. The network gives them a name with the same confidence and "
        "without meaning.",
        "Data: [Fashion-MNIST](https://github.com/zalandoresearch/"
        "fashion-mnist), Zalando SE, MIT licence.",
    ),
    "cifar10": Notes(
        "Colour pictures of 32x32 pixels that show one of CIFAR-10's ten "
        "classes. Also the start of a transfer to other small colour images.",
        "A photograph of another source, size or subject gets one of the ten "
        "names with the same confidence and without meaning.",
        "Data: [CIFAR-10](https://www.cs.toronto.edu/~kriz/cifar.html), Alex "
        "Krizhevsky. Its page states no licence and asks users to cite its "
        "report. The zoo holds none of its images.",
    ),
}


def notes(dataset):
    """The `Notes` of a data set of the zoo, or those that hold for any."""
    return _NOTES.get(dataset) or Notes(
        f"Images of the classes, size and source of {dataset}.",
        "An image of another source, size or subject gets one of the names "
        "with the same confidence and without meaning.",
        f"Data: {dataset}. See its source for the licence.",
    )
