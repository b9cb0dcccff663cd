"""One image file as a training tests on it."""

from tfnas.data import image_bytes, imagenet


def evaluation_image(content, shape, crop=1.0):
    """An image file's bytes as float32 pixels of a shape, 0..255.

    Args:
        content: the bytes, as of `tfnas.data.formats.read`, a scalar string
            tensor.
        shape: (H, W, C) of the result.
        crop: the share of the shorter side that is kept; below 1 for what was
            trained with ImageNet's augmentation.
    """
    if crop == 1.0:
        return image_bytes.pixels_of(content, shape, crop)
    # In the order of the training, which cuts out what it has resized.
    return imagenet.centre_crop(imagenet.decode(content), shape[0])
