"""An image file's header, read in a graph before the image is decoded.

TensorFlow's decoder trusts a file, and kilobytes may unfold to gigabytes: an
unchecked size, a GIF's later pictures, a PNG's compressed texts. So only known
formats pass, with the number of their pixels, and only the parts of a file that
its picture needs.
"""

import numpy as np
import tensorflow as tf

from tfnas.data.branches import choose

# The most parts of a file to walk through: segments, chunks, blocks.
_PARTS = 2**16
# A scan of a progressive JPEG passes over all pixels, however short it is.
_SCANS = 1000


# Formats that people send: name, offset of its mark, mark.
_FOREIGN = [
    ("WebP", 8, b"WEBP"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("HEIC", 4, b"ftyphei"),
    ("HEIC", 4, b"ftyphev"),
    ("HEIC", 4, b"ftypmif1"),
    ("AVIF", 4, b"ftypavi"),
]


def examine(content):
    """What to know about an image file before it is decoded.

    Three tensors: the part of the file that holds its (first) picture, a
    string; how many pixels that has, int64, 0 for what is not a JPEG, PNG, GIF
    or plain BMP file; its EXIF block, a string, empty if it has none. When it
    runs, a damaged JPEG or GIF, and a format known by name but not decoded
    here, raise `tf.errors.InvalidArgumentError`.
    """
    kinds = {
        b"\xff\xd8\xff": _jpeg,
        _PNG_SIGNATURE: _png,
        b"GIF8": _gif,
        b"BM": _bmp,
    }
    marks = [*kinds]
    found = _parts(content, [0] * len(marks), marks) == marks
    # One is found at most; none is the last branch.
    number = tf.reduce_sum(tf.where(found, tf.range(-len(marks), 0), 0))
    return choose(number + len(marks), [*kinds.values(), _other], content)


def _other(content):
    names, places, marks = zip(*_FOREIGN, strict=True)
    padded = tf.strings.join([tf.strings.substr(content, 0, 12), bytes(12)])
    found = _parts(padded, places, marks) == marks
    name = tf.strings.reduce_join(tf.where(found, names, ""))
    told = "is not decoded here; send JPEG, PNG, GIF or plain BMP"
    reason = tf.strings.join(["image:", name, told], " ")
    known = tf.reduce_any(found)
    with tf.control_dependencies([refuse(known, reason)]):
        return tf.identity(content), tf.constant(0, tf.int64), tf.constant(b"")


def refuse(condition, reason):
    """Raises `tf.errors.InvalidArgumentError` if the condition holds."""
    # `tf.debugging.Assert` would write out a branch.
    return tf.raw_ops.Assert(condition=~condition, data=[reason])


# === JPEG ===

# Frame headers and what follows them: EXIF comes earlier.
_FRAMES = [0xFFC0, 0xFFC1, 0xFFC2, 0xFFDA, 0xFFD9]
_APP1, _EXIF = 0xFFE1, b"Exif\0\0"


def _jpeg(content):
    height, width, _ = tf.unstack(tf.io.extract_jpeg_shape(content, tf.int64))
    few = _pieces(content, b"\xff\xda", _SCANS + 1) <= _SCANS + 1
    # Few files have EXIF, and to walk to it takes longer than all else.
    exif = choose(
        _pieces(content, _EXIF, 1) - 1,
        [_no_exif, _jpeg_exif],
        content,
    )
    return content, tf.where(few, height * width, 0), exif


def _pieces(content, mark, cuts):
    """Into how many pieces a mark cuts a file, by at most so many cuts."""
    cut = tf.raw_ops.StringSplitV2(input=[content], sep=mark, maxsplit=cuts)
    return tf.cast(cut.shape[1], tf.int32)


def _no_exif(content):
    return tf.constant(b"")


def _jpeg_exif(content):
    """The block in the first APP1 segment that is marked as EXIF."""

    def segment(at):
        """Its marker, its length, and its first six bytes."""
        return _numbers(content, at, tf.uint16, 5, little_endian=False)

    def is_exif(words):
        marked = words[2:] == np.frombuffer(_EXIF, ">u2").astype(np.int64)
        return (words[0] == _APP1) & tf.reduce_all(marked)

    def is_before(_, words):
        among = (words[0] < 0xFF00) | tf.reduce_any(words[0] == _FRAMES)
        return ~(among | is_exif(words))

    def following(at, words):
        # Any number of bytes 255 may stand before a marker.
        at += tf.where(words[0] != 0xFFFF, 2 + words[1], 1)
        return at, segment(at)

    start = tf.constant(2, tf.int64)
    at, words = _walk(is_before, following, start, segment(start))
    size = tf.where(is_exif(words), tf.maximum(words[1] - 8, 0), 0)
    return _part(content, at + 10, size)


# === PNG ===

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
# Signature and IHDR, which is the first chunk.
_PNG_HEAD = 33
_IHDR, _IEND, *_KEPT = (
    int.from_bytes(name, "big")
    for name in (b"IHDR", b"IEND", b"PLTE", b"tRNS", b"eXIf", b"IDAT")
)
_IN_ROW = np.array([False, False, False, True])


def _png(content):
    """Keeps palette, transparency and the pixels' chunks in a row."""
    size = _size(content)

    def chunk(at):
        """Its kind, where it starts, and where it ends."""
        length, kind = tf.unstack(
            _numbers(content, at, tf.int32, 2, little_endian=False), 2
        )
        return kind, at, tf.minimum(at + 12 + tf.abs(length), size)

    def is_before(kind, at, *_):
        return (kind != _IEND) & (at < size)

    def following(kind, at, after, starts, ends):
        found = kind == _KEPT
        starting = found & (~_IN_ROW | (ends == 0))
        going_on = found & _IN_ROW & (ends == at)
        starts = tf.where(starting, at, starts)
        ends = tf.where(starting | going_on, after, ends)
        return *chunk(after), starts, ends

    none = tf.zeros(len(_KEPT), tf.int64)
    first = chunk(tf.minimum(tf.constant(_PNG_HEAD, tf.int64), size))
    last, *_, starts, ends = _walk(is_before, following, *first, none, none)
    palette, transparency, _, pixels = tf.unstack(
        tf.strings.substr(content, starts, ends - starts), len(_KEPT)
    )
    head = _part(content, 0, _PNG_HEAD)
    kept = [head, palette, transparency, pixels, _PNG_END]
    length, name, width, height = tf.unstack(
        _numbers(content, 8, tf.int32, 4, little_endian=False), 4
    )
    whole = (length == 13) & (name == _IHDR) & (last == _IEND)
    count = tf.where(whole, tf.abs(width) * tf.abs(height), 0)
    length = tf.maximum(ends[2] - starts[2] - 12, 0)
    return tf.strings.join(kept), count, _part(content, starts[2] + 8, length)


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
    width, height = tf.unstack(_numbers(content, picture + 5, tf.uint16, 2), 2)
    whole = (byte(picture) == ord(",")) & (byte(end) == 0)
    kept = tf.strings.join([_part(content, 0, end + 1), b";"])
    return kept, tf.where(whole, width * height, 0), tf.constant(b"")


# === BMP ===

_GRAYS = b"".join(bytes([level, level, level, 0]) for level in range(256))
_BGRA = b"\0\0\xff\0" + b"\0\xff\0\0" + b"\xff\0\0\0"


def _bmp(content):
    """TensorFlow knows neither palettes nor masks nor packing."""
    head, width, height, planes, packing = tf.unstack(
        _numbers(content, 14, tf.int32, 5), 5
    )
    bits = planes // 2**16 % 2**16
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


def _parts(content, places, marks):
    """The parts of the marks' lengths at these places, which it must have."""
    return tf.strings.substr(content, places, [len(mark) for mark in marks])


def _numbers(content, at, kind, count, little_endian=True):
    """Integers in a row from a place on, as int64; zeros follow the end."""
    length = kind.size * count
    found = tf.io.decode_raw(
        _part(content, at, length),
        kind,
        little_endian=little_endian,
        fixed_length=length,
    )
    return tf.cast(found, tf.int64)
