"""An image file, prepared as a training prepares its test images."""

from tfnas.data import image_bytes, imagenet


def evaluation_image(content, shape, crop=1.0):
    """An image file's bytes as float32 pixels of a shape, 0..255.

    Args:
        content: the bytes, as in `tfnas.data.formats.read`, a scalar string
            tensor.
        shape: (H, W, C) of the result.
        crop: the share of the shorter side to keep; below 1 for networks
            trained with ImageNet's augmentation.
    """
    if crop == 1.0:
        return image_bytes.pixels_of(content, shape, crop)
    # In training's order: resize, then crop.
    return imagenet.centre_crop(imagenet.decode(content), shape[0])
