"""The page of `tfnas.demo`: an image file in, classes and cells out."""

import os

import numpy as np
import tensorflow as tf

from tfnas.data.decoding import PIXELS
from tfnas.data.formats import plain
from tfnas.data.image_bytes import BYTES, pixels_of
from tfnas.errors import UserError
from tfnas.genotype import drawing
from tfnas.networks.classifier import reference

SHOWN = 5
_PREVIEW_SIDE = 224
_FORMATS = "JPEG, PNG, WebP, GIF, BMP or TIFF"
_TOO_LARGE = (
    f"image too large; give at most {PIXELS:,} pixels and {BYTES:,} bytes"
)


def serve(source, port):
    """Serve a `Source`'s page on a port of 127.0.0.1 until Ctrl-C.

    A port in use raises `UserError`.
    """
    # No telemetry, no downloads.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio

    page = build(source)
    try:
        page.launch(
            server_name="127.0.0.1",
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            theme=gradio.themes.Default(
                font=["sans-serif"], font_mono=["monospace"]
            ),
        )
    except OSError:
        raise UserError(f"--port={port}: is in use; give another") from None
    print(f"http://127.0.0.1:{port}", flush=True)
    page.block_thread()


def build(source):
    """The page as Gradio's blocks."""
    import gradio

    answer = answering(source)

    def shown(content):
        if content is None:
            return None, None
        try:
            return answer(content)
        except UserError as error:
            raise gradio.Error(str(error)) from None

    with gradio.Blocks(title="tfnas", analytics_enabled=False) as page:
        gradio.Markdown(f"# {_title(source)}\nDrop an image.")
        with gradio.Row():
            file = gradio.File(label=_FORMATS, type="binary", height=160)
            with gradio.Column():
                # Image's own label would cover a part of it.
                gradio.Markdown("The network's input:")
                preview = gradio.Image(
                    show_label=False, interactive=False, height=160
                )
            classes = gradio.Label(label="class", num_top_classes=SHOWN)
        if source.genotype is not None:
            gradio.HTML(_cells(source.genotype))
        file.change(shown, file, [classes, preview])
    return page


def answering(source):
    """A function from an image file's bytes to the page's content.

    That is ({class: probability}, uint8 array of the network's input,
    enlarged); a file that is not an image raises `UserError`.
    """
    logits = reference(source.network, source.mean, source.std)
    labels = source.classes or tuple(map(str, range(source.count)))

    def answer(content):
        if len(content) > BYTES:
            raise UserError(_TOO_LARGE)
        try:
            image = pixels_of(
                plain(content), source.image_shape, source.crop
            ).numpy()
        except tf.errors.OpError as error:
            line = f"not an image that can be read; give {_FORMATS}"
            large = "more than" in error.message
            raise UserError(_TOO_LARGE if large else line) from None
        found = tf.nn.softmax(logits(image[None]))[0].numpy()
        scale = max(1, _PREVIEW_SIDE // max(image.shape[:2]))
        pixels = image.astype("uint8").repeat(scale, 0).repeat(scale, 1)
        if pixels.shape[-1] == 1:
            pixels = np.repeat(pixels, 3, -1)
        return dict(zip(labels, map(float, found), strict=True)), pixels

    return answer


def _title(source):
    origin = source.origin or {}
    return origin.get("zoo") or origin.get("run") or "network"


def _cells(genotype):
    """The drawing of the cells, never wider than the page."""
    style = "<style>.cells svg {max-width: 100%; height: auto}</style>"
    return f'<div class="cells">{style}{drawing.to_svg(genotype)}</div>'
