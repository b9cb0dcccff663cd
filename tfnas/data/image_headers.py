"""An image file's header, read in a graph before the image is decoded.

TensorFlow's decoder trusts a file, and kilobytes may unfold to gigabytes: an
unchecked size, a GIF's later pictures, a PNG's compressed texts. So only known
formats pass, with the number of their pixels, and only the parts of a file that
its picture needs.
"""

import tensorflow as tf

# The most parts of a file to walk through: segments, chunks, blocks.
_PARTS = 2**16
# A scan of a progressive JPEG passes over all pixels, however short it is.
_SCANS = 1000


# Formats that people send, by their bytes at an offset.
_FOREIGN = {
    "WebP": [(8, b"WEBP")],
    "TIFF": [(0, b"II*\0"), (0, b"MM\0*")],
    "HEIC": [(4, b"ftyphei"), (4, b"ftyphev"), (4, b"ftypmif1")],
    "AVIF": [(4, b"ftypavi")],
}


def foreign(content):
    """{name: whether a file has this format}, for formats not decoded here."""
    return {
        name: tf.reduce_any(
            [_part(content, at, len(magic)) == magic for at, magic in places]
        )
        for name, places in _FOREIGN.items()
    }


def examine(content):
    """What to know about an image file before it is decoded.

    Three tensors: the part of the file that holds its (first) picture, a
    string; how many pixels that has, int64, 0 for what is not a JPEG, PNG, GIF
    or plain BMP file; its EXIF block, a string, empty if it has none. When it
    runs, a damaged JPEG or GIF raises `tf.errors.InvalidArgumentError`.
    """
    kinds = {
        b"\xff\xd8\xff": _jpeg,
        _PNG_SIGNATURE: _png,
        b"GIF8": _gif,
        b"BM": _bmp,
    }
    return tf.case(
        [
            (_part(content, 0, len(magic)) == magic, lambda f=read: f(content))
            for magic, read in kinds.items()
        ],
        default=lambda: (content, tf.constant(0, tf.int64), tf.constant(b"")),
    )


# === JPEG ===

# Frame headers and what follows them: EXIF comes earlier.
_FRAMES = [b"\xff\xc0", b"\xff\xc1", b"\xff\xc2", b"\xff\xda", b"\xff\xd9"]


def _jpeg(content):
    shape = tf.image.extract_jpeg_shape(content)
    pixels = tf.reduce_prod(tf.cast(shape[:2], tf.int64))
    pieces = tf.strings.split(content, b"\xff\xda", maxsplit=_SCANS + 1)
    few = tf.size(pieces) <= _SCANS + 1
    return content, tf.where(few, pixels, 0), _jpeg_exif(content)


def _jpeg_exif(content):
    """The block in the first APP1 segment that is marked as EXIF."""

    def length(at):
        return _number(content, at + 2, tf.uint16, little_endian=False)

    def is_exif(at):
        marked = _part(content, at, 2) == b"\xff\xe1"
        return marked & (_part(content, at + 4, 6) == b"Exif\0\0")

    def is_before(at):
        marker = _part(content, at, 2)
        is_marker = _part(marker, 0, 1) == b"\xff"
        return is_marker & ~tf.reduce_any(marker == _FRAMES) & ~is_exif(at)

    def following(at):
        # Any number of bytes 255 may stand before a marker.
        is_whole = _part(content, at, 2) != b"\xff\xff"
        return (at + tf.where(is_whole, 2 + length(at), 1),)

    (at,) = _walk(is_before, following, tf.constant(2, tf.int64))
    size = tf.where(is_exif(at), tf.maximum(length(at) - 8, 0), 0)
    return _part(content, at + 10, size)


# === PNG ===

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
# Signature and IHDR, which is the first chunk.
_PNG_HEAD = 33


def _png(content):
    """Keeps palette, transparency and the pixels' chunks in a row."""

    def length(at):
        found = _number(content, at, tf.int32, little_endian=False)
        return 12 + tf.abs(found)

    def kind(at):
        return _part(content, at + 4, 4)

    def is_before(at, *_):
        return (kind(at) != b"IEND") & (at < _size(content))

    def following(at, sides, first, end):
        after, name = at + length(at), kind(at)
        sides = tf.where(name == [b"PLTE", b"tRNS", b"eXIf"], at, sides)
        in_row = (name == b"IDAT") & ((first == 0) | (end == at))
        first = tf.where(in_row & (first == 0), at, first)
        return after, sides, first, tf.where(in_row, after, end)

    none = tf.constant(0, tf.int64)
    start = tf.constant(_PNG_HEAD, tf.int64), tf.stack([none] * 3), none, none
    at, sides, first, end = _walk(is_before, following, *start)

    def chunk(at):
        return _part(content, at, tf.where(at > 0, length(at), 0))

    palette, transparency, exif = (chunk(sides[place]) for place in range(3))
    kept = [
        _part(content, 0, _PNG_HEAD),
        *(palette, transparency),
        *(_part(content, first, end - first), _PNG_END),
    ]
    width, height = (
        tf.abs(_number(content, place, tf.int32, little_endian=False))
        for place in (16, 20)
    )
    whole = (_part(content, 8, 8) == b"\0\0\0\rIHDR") & (kind(at) == b"IEND")
    pixels = tf.where(whole, width * height, 0)
    exif = _part(exif, 8, tf.maximum(_size(exif) - 12, 0))
    return tf.strings.join(kept), pixels, exif


# === GIF ===


def _gif(content):
    """Keeps all up to the end of the first picture, whose size counts."""
    values = tf.io.decode_raw(content, tf.uint8)

    def byte(at):
        return tf.cast(tf.gather(values, at), tf.int64)

    def colours(at):
        """Bytes of the colour table, by the flags at a place."""
        flags = byte(at)
        size = tf.bitwise.left_shift(tf.constant(6, tf.int64), flags & 7)
        return tf.where(flags > 127, size, 0)

    # Blocks follow an extension's two bytes, and the last one is empty.
    (picture, _) = _walk(
        lambda at, inside: inside | (byte(at) == ord("!")),
        lambda at, inside: (
            tf.where(inside, at + 1 + byte(at), at + 2),
            ~inside | (byte(at) > 0),
        ),
        *(13 + colours(10), tf.constant(False)),
    )
    (end,) = _walk(
        lambda at: byte(at) > 0,
        lambda at: (at + 1 + byte(at),),
        picture + 11 + colours(picture + 9),
    )
    width, height = (
        _number(content, picture + place, tf.uint16) for place in (5, 7)
    )
    whole = (byte(picture) == ord(",")) & (byte(end) == 0)
    kept = tf.strings.join([_part(content, 0, end + 1), b";"])
    return kept, tf.where(whole, width * height, 0), tf.constant(b"")


# === BMP ===

_GRAYS = b"".join(bytes([level, level, level, 0]) for level in range(256))
_BGRA = b"\0\0\xff\0" + b"\0\xff\0\0" + b"\xff\0\0\0"


def _bmp(content):
    """TensorFlow knows neither palettes nor masks nor packing."""
    head, width, height, packing = (
        _number(content, place, tf.int32) for place in (14, 18, 22, 30)
    )
    bits = _number(content, 28, tf.uint16)
    masks = _part(content, 54, len(_BGRA)) == _BGRA
    grays = _part(content, 14 + tf.abs(head), len(_GRAYS)) == _GRAYS
    plain = (bits == 24) | (bits == 32) | (bits == 8) & grays
    plain = plain & (packing == 0) | (bits == 32) & masks & (packing == 3)
    right = plain & (head >= 40) & (width > 0)
    pixels = tf.where(right, width * tf.abs(height), 0)
    return content, pixels, tf.constant(b"")


# === Reading ===


def _walk(is_before, following, *start):
    return tf.while_loop(
        is_before,
        following,
        start,
        parallel_iterations=1,
        maximum_iterations=_PARTS,
    )


def _size(content):
    return tf.cast(tf.strings.length(content), tf.int64)


def _part(content, at, count):
    """So many bytes from a place on, or fewer at the end."""
    at = tf.minimum(tf.cast(at, tf.int64), _size(content))
    return tf.strings.substr(content, at, tf.cast(count, tf.int64))


def _number(content, at, kind, little_endian=True):
    """An integer at a place, as int64; zeros follow the end."""
    raw = tf.io.decode_raw(
        _part(content, at, kind.size),
        kind,
        little_endian=little_endian,
        fixed_length=kind.size,
    )
    return tf.cast(raw[0], tf.int64)
