"""Image files that somebody made to hurt, and some that are merely rare.

`FILES` has for each name a function that makes the bytes, and whether the file
is to be refused: "refused", "read", "not served" for what is read here and
refused by a server, or "either" where decoders may differ.
"""

import functools
import io
import struct
import zlib

import numpy as np
from PIL import Image

SIDE = 9000


def saved(kind, mode="RGB", size=(40, 30), **options):
    """A plain image as Pillow writes it."""
    file = io.BytesIO()
    if mode == "I;16":
        values = np.arange(size[0] * size[1], dtype=np.uint16) * 50
        image = Image.fromarray(values.reshape(size[::-1]))
    else:
        image = Image.new(mode, size, 0 if mode == "P" else 100)
    image.save(file, kind, **options)
    return file.getvalue()


# === PNG ===


def chunk(kind, content):
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def png(width, height, rows=None, before=b"", after=b"", head=b"", **form):
    """A PNG of zeros; `rows` are there, whatever its header says."""
    depth, colour = form.get("depth", 8), form.get("colour", 0)
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + -(-width * samples * depth // 8))
    packer = zlib.compressobj(9)
    count = height if rows is None else rows
    packed = b"".join(packer.compress(row) for _ in range(count))
    size = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            *(head, chunk(b"IHDR", size), before),
            *(chunk(b"IDAT", packed + packer.flush()), after),
            chunk(b"IEND", b""),
        ]
    )


def texts(count=100):
    """So many texts of nearly 8 MB each, in 8 kB each."""
    packed = zlib.compress(bytes([97]) * 7_900_000, 9)
    return b"".join(
        chunk(b"zTXt", b"k%d\0\0" % number + packed) for number in range(count)
    )


# === GIF ===


def gif(screen, *pictures, extension=b""):
    """A GIF of a screen and pictures, (width, height) each."""
    file = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0)
    file += bytes(3) + b"\xff" * 3 + extension
    return file + b"".join(map(picture, pictures)) + b";"


@functools.cache
def picture(size):
    """A picture of zeros, as Pillow packs it."""
    file = saved("GIF", "P", size, optimize=False)
    start = file.index(b"," + struct.pack("<HHHH", 0, 0, *size))
    return file[start:-1]


# === BMP ===


def bmp(width, height, bits=24, packing=0, head=40, offset=54, content=b""):
    return (
        b"BM"
        + struct.pack(
            "<IIIIiiHHIIiiII",
            *(offset + len(content), 0, offset, head, width, height, 1, bits),
            *(packing, 0, 0, 0, 0, 0),
        )
        + content
    )


# === JPEG ===


def resized(file, height, width):
    """A JPEG whose frame header says another size."""
    place = next(
        file.index(marker)
        for marker in (b"\xff\xc0", b"\xff\xc2")
        if marker in file
    )
    size = struct.pack(">HH", height, width)
    return file[: place + 5] + size + file[place + 9 :]


def scans(count=100_000):
    """A progressive JPEG of many scans, a pass over all pixels for each."""
    file = saved("JPEG", "L", (4000, 4000), progressive=True)
    first = file.index(b"\xff\xda")
    second = file.index(b"\xff\xda", first + 2)
    last = file.rindex(b"\xff\xda")
    return file[:second] + (file[last : last + 10] + b"\0") * count


def oriented(value, order=b"II", kind="JPEG", image=None):
    """A file with an EXIF orientation in a byte order."""
    form = "<" if order == b"II" else ">"
    exif = (
        b"Exif\0\0"
        + order
        + struct.pack(form + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, value, 0, 0)
    )
    file = io.BytesIO()
    image = image or Image.new("RGB", (40, 30))
    image.save(file, kind, exif=exif)
    return file.getvalue()


def endless():
    """EXIF whose directory says 65,535 entries, far behind its end."""
    exif = b"Exif\0\0MM\0*" + b"\xff\xff\xff\xf0" + b"\xff" * 30
    file = saved("JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    return file[:2] + segment + file[2:]


def _half(file):
    return file[: len(file) // 2]


def _webp(side=SIDE, **options):
    return saved("WEBP", "RGB", (side, side), lossless=True, **options)


FILES = {
    "empty": (lambda: b"", "refused"),
    "one byte": (lambda: b"\xff", "refused"),
    "noise": (lambda: np.random.default_rng(0).bytes(5000), "refused"),
    "text": (lambda: b"<html>not found</html>", "refused"),
    # WebP and other formats of TensorFlow's decoder.
    "WebP bomb": (_webp, "refused"),
    "WebP": (lambda: _webp(20), "not served"),
    "WebP cut": (lambda: _half(_webp(300)), "refused"),
    "WebP of nothing": (lambda: b"RIFF\xff\xff\xff\xffWEBPVP8 ", "refused"),
    "WebP animated": (
        lambda: _webp(
            20, save_all=True, append_images=[Image.new("RGB", (20, 20))] * 3
        ),
        "not served",
    ),
    # TIFF.
    "TIFF": (lambda: saved("TIFF"), "not served"),
    "TIFF packed": (
        lambda: saved("TIFF", compression="tiff_lzw"),
        "not served",
    ),
    "TIFF of 16 bits": (lambda: saved("TIFF", "I;16"), "not served"),
    "TIFF of floats": (lambda: saved("TIFF", "F"), "refused"),
    "TIFF bomb": (
        lambda: saved(
            "TIFF", "L", (SIDE, SIDE), compression="tiff_adobe_deflate"
        ),
        "refused",
    ),
    "TIFF cut": (lambda: _half(saved("TIFF", size=(300, 300))), "refused"),
    "TIFF of nothing": (lambda: b"II*\0\xff\xff\xff\x7f", "refused"),
    "JPEG XL": (lambda: b"\xff\x0a" + bytes(40), "refused"),
    "JPEG XL in boxes": (
        lambda: b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40),
        "refused",
    ),
    # PNG.
    "PNG bomb": (lambda: png(SIDE, SIDE), "refused"),
    "PNG bomb of one bit": (
        lambda: png(40_000, 40_000, rows=9, depth=1),
        "refused",
    ),
    "PNG of 2^31 by 2^31": (lambda: png(2**31 - 1, 2**31 - 1, 0), "refused"),
    "PNG of negative sides": (
        lambda: png(1, 1).replace(
            struct.pack(">II", 1, 1), struct.pack(">ii", -1, -1)
        ),
        "refused",
    ),
    "PNG of no pixels": (lambda: png(0, 0, 0), "refused"),
    "PNG that says less": (lambda: png(20, 20, rows=9000), "either"),
    "PNG that says more": (lambda: png(5000, 5000, rows=9), "refused"),
    "PNG that says too much": (lambda: png(9000, 9000, rows=9), "refused"),
    "PNG with texts before": (lambda: png(8, 8, before=texts()), "read"),
    "PNG with texts after": (lambda: png(8, 8, after=texts()), "read"),
    "PNG with a chunk first": (
        lambda: png(8, 8, head=chunk(b"tEXt", b"a\0b")),
        "refused",
    ),
    "PNG with two headers": (
        lambda: png(
            *(8, 8),
            before=chunk(
                b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 8, 0, 0, 0, 0)
            ),
        ),
        "either",
    ),
    "PNG with an endless chunk": (
        lambda: png(8, 8, before=b"\x7f\xff\xff\xfftEXt"),
        "refused",
    ),
    "PNG with a million chunks": (
        lambda: png(8, 8, before=chunk(b"abCd", b"") * 1_000_000),
        "refused",
    ),
    "PNG cut": (lambda: _half(saved("PNG", size=(300, 300))), "refused"),
    "PNG without its end": (lambda: png(8, 8)[:-12], "refused"),
    "PNG of 1x1": (lambda: png(1, 1), "read"),
    "PNG 65,535 wide": (lambda: png(65_535, 1), "read"),
    "PNG 2^25 wide": (lambda: png(2**25, 1), "either"),
    "PNG 65,535 high": (lambda: png(1, 65_535), "read"),
    "PNG at the bound": (lambda: png(8192, 4096, colour=2), "read"),
    "PNG of 16 bits": (lambda: saved("PNG", "I;16"), "read"),
    "PNG of 16 bits in colour": (lambda: png(9, 9, depth=16, colour=6), "read"),
    # GIF.
    "GIF bomb": (lambda: gif((SIDE, SIDE), (SIDE, SIDE)), "refused"),
    "GIF bomb on a small screen": (
        lambda: gif((1, 1), (SIDE, SIDE)),
        "refused",
    ),
    "GIF bomb in its second picture": (
        lambda: gif((1, 1), (1, 1), (SIDE, SIDE)),
        "read",
    ),
    "GIF of 60 pictures": (
        lambda: gif((3000, 3000), *[(3000, 3000)] * 60),
        "read",
    ),
    "GIF of 65,535 by 65,535": (
        lambda: gif((1, 1), (9, 9)).replace(
            b"," + struct.pack("<HHHH", 0, 0, 9, 9),
            b"," + struct.pack("<HHHH", 0, 0, 65_535, 65_535),
        ),
        "refused",
    ),
    "GIF without a picture": (lambda: gif((9, 9)), "refused"),
    "GIF with a million blocks": (
        lambda: gif(
            *((9, 9), (9, 9)), extension=b"!\xff" + b"\1a" * 1_000_000 + b"\0"
        ),
        "refused",
    ),
    "GIF cut": (lambda: _half(gif((300, 300), (300, 300))), "refused"),
    "GIF animated": (lambda: gif((20, 20), *[(20, 20)] * 9), "read"),
    # BMP.
    "BMP bomb": (lambda: bmp(SIDE, SIDE), "refused"),
    "BMP of 2^31 by 2^31": (lambda: bmp(2**31 - 1, 2**31 - 1), "refused"),
    "BMP of negative height": (
        lambda: bmp(4, -4, content=bytes(48)),
        "read",
    ),
    "BMP of negative width": (
        lambda: bmp(-4, 4, content=bytes(48)),
        "refused",
    ),
    "BMP of height -2^31": (lambda: bmp(1, -(2**31)), "refused"),
    "BMP of 0 bits": (lambda: bmp(4, 4, bits=0, content=bytes(64)), "refused"),
    "BMP of 65,535 bits": (
        lambda: bmp(4, 4, bits=65_535, content=bytes(64)),
        "refused",
    ),
    "BMP packed": (
        lambda: bmp(4, 4, packing=1, content=bytes(48)),
        "refused",
    ),
    "BMP with a palette": (lambda: saved("BMP", "P"), "either"),
    "BMP with a huge head": (
        lambda: bmp(4, 4, offset=2**31 - 1, content=bytes(48)),
        "refused",
    ),
    "BMP cut": (lambda: _half(saved("BMP")), "refused"),
    # JPEG.
    "JPEG bomb": (lambda: saved("JPEG", size=(SIDE, SIDE)), "refused"),
    "JPEG that says too much": (
        lambda: resized(saved("JPEG"), 65_000, 65_000),
        "refused",
    ),
    "JPEG 65,535 wide": (
        lambda: resized(saved("JPEG"), 30, 65_535),
        "refused",
    ),
    "JPEG that says more": (lambda: resized(saved("JPEG"), 4000, 40), "either"),
    "JPEG that says less": (
        lambda: resized(saved("JPEG", size=(2000, 2000)), 8, 8),
        "either",
    ),
    "JPEG of no height": (lambda: resized(saved("JPEG"), 0, 40), "refused"),
    "JPEG with two frames": (
        lambda: saved("JPEG").replace(
            b"\xff\xc0",
            b"\xff\xc0\0\x11\x08\xff\xff\xff\xff\3" + bytes(9) + b"\xff\xc0",
        ),
        "refused",
    ),
    "JPEG of 100,000 scans": (scans, "refused"),
    "JPEG in CMYK": (lambda: saved("JPEG", "CMYK"), "read"),
    "JPEG, progressive": (lambda: saved("JPEG", progressive=True), "read"),
    "JPEG at the bound, progressive, in CMYK": (
        lambda: saved("JPEG", "CMYK", (8192, 4096), progressive=True),
        "read",
    ),
    "JPEG at the bound, turned": (
        lambda: oriented(6, image=Image.new("RGB", (8192, 4096))),
        "read",
    ),
    "JPEG of 1x1": (lambda: saved("JPEG", size=(1, 1)), "read"),
    "JPEG cut": (lambda: _half(saved("JPEG", size=(300, 300))), "refused"),
    "JPEG with endless EXIF": (endless, "read"),
    "JPEG with orientation 0": (lambda: oriented(0), "read"),
    "JPEG with orientation 65,535": (lambda: oriented(65_535), "read"),
}
