"""A sheet of small pictures with their predictions."""

import os
import warnings

import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfnas.data import decoding, formats
from tfnas.data.files import readable
from tfnas.report import markup

MOST = 24
COLUMNS = 6
_SIDE = 240  # pixels of the longer side of a picture
_ROOM = 180  # for a name above or below it, as in `markup.width`


def draw(predictions, path):
    """Writes a PNG file of some `Prediction`s, at most `MOST`."""
    rows = -(-len(predictions) // COLUMNS)
    columns = min(len(predictions), COLUMNS)
    figure = Figure(figsize=(2 * columns + 0.2, 2.55 * rows + 0.2), dpi=120)
    for place, one in enumerate(predictions):
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.set_axis_off()
        axes.imshow(thumbnail(one.image.path), cmap="gray", vmin=0, vmax=255)
        named = markup.fitting(one.named, _ROOM)
        axes.set_title(
            f"{named}\n{100 * one.probability:.1f} %",
            fontsize=8,
            color="#be185d",
            parse_math=False,
        )
        file = readable(os.path.basename(one.image.path))
        label = markup.fitting(f"is {one.image.label}", _ROOM)
        axes.text(
            x=0.5,
            y=-0.04,
            s=f"{label}\n{markup.fitting(file, _ROOM)}",
            transform=axes.transAxes,
            fontsize=7,
            ha="center",
            va="top",
            parse_math=False,
        )
    figure.subplots_adjust(0.02, 0.16 / rows, 0.98, 1 - 0.2 / rows, 0.1, 0.5)
    with warnings.catch_warnings():
        # The font lacks some letters of some names.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        FigureCanvasAgg(figure).print_png(path)


def thumbnail(path):
    """A whole image file, uint8 and upright, at most `_SIDE` pixels wide."""
    image = decoding.decode(formats.read(path)).numpy()[..., :3]
    image = image[..., :1] if image.shape[-1] == 2 else image
    size = np.array(image.shape[:2])
    if size.max() > _SIDE:
        size = np.maximum(size * _SIDE // size.max(), 1)
        image = tf.image.resize(image, size, antialias=True).numpy()
    pixels = np.clip(np.round(image), 0, 255).astype(np.uint8)
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels
