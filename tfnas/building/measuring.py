"""Test accuracy of a network of the zoo."""


def correct_images(model, dataset, batch_size=256):
    """How many test images a network of the zoo classifies right.

    Args:
        model: as of `tfnas.load`.
        dataset: a `Dataset`, whose test images go in as they are, 0..255.
        batch_size: images at a time.

    Example: `correct_images(tfnas.load(name), tfnas.data.load("digits"))`.
    """
    test = dataset.test
    logits = model.predict(test.images, batch_size=batch_size, verbose=0)
    return int((logits.argmax(-1) == test.labels).sum())
