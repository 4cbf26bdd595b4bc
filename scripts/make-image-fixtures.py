#!/usr/bin/env python3
"""Writes the image files that the tests read, and what they show as Pillow decodes and scales them.

    pip install numpy pillow safetensors
    scripts/make-image-fixtures.py FOLDER_OF_64x64_PNGS

The files are committed; run this only to change them.
"""

import pathlib
import struct
import sys
import zlib

import numpy
from PIL import Image, ImageOps
from safetensors.numpy import save_file

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/images"
ORIENTATION = 0x0112


def chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data)))


def write_huge_header():
    """A valid header that asks for 20000 x 20000 pixels, and hardly any data."""
    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    (FOLDER / "huge.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b""))


def interlaced_png(image):
    """Pillow cannot write Adam7, so the seven passes are put together here."""
    pixels = numpy.asarray(image)
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
              (0, 1, 1, 2)]
    raw = b""
    for x, y, dx, dy in passes:
        for row in pixels[y::dy, x::dx]:
            if row.size:
                raw += b"\0" + row.tobytes()
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 1)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw))
            + chunk(b"IEND", b""))


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    photo = Image.open(pathlib.Path(sys.argv[1]) / "coffee.png").convert("RGB")
    small = photo.crop((20, 20, 44, 38))
    # Fully transparent or opaque only: libpng mixes in linear light, Pillow does not.
    alpha = Image.new("L", small.size, 255)
    alpha.paste(0, (0, 0, 9, 9))
    rgba = small.copy()
    rgba.putalpha(alpha)
    images = {
        "rgb.png": small, "grey.png": small.convert("L"), "bits.png": small.convert("1"),
        "rgba.png": rgba, "grey-alpha.png": rgba.convert("LA"),
        "palette.png": small.quantize(32), "grey16.png": Image.fromarray(
            numpy.asarray(small.convert("L")).astype(numpy.uint16) * 257),
        "rgb.jpg": small, "grey.jpg": small.convert("L"), "cmyk.jpg": small.convert("CMYK"),
        "progressive.jpg": small,
    }
    expected = {}

    def record(name, image):
        if image.mode in ("RGBA", "LA"):
            image = Image.alpha_composite(
                Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        expected[name] = numpy.asarray(image.convert("RGB"))

    for name, image in images.items():
        options = {}
        if name.endswith(".jpg"):
            options = {"quality": 90, "progressive": name == "progressive.jpg"}
        image.save(FOLDER / name, **options)
        if name == "grey16.png":
            record(name, small.convert("L"))
        else:
            record(name, Image.open(FOLDER / name))
    (FOLDER / "interlaced.png").write_bytes(interlaced_png(small))
    record("interlaced.png", small)
    write_huge_header()

    # A picture without symmetry in eight orientations, little- and big-endian.
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif.endian = "<" if orientation % 2 else ">"
        exif[0x010F] = "maker"
        exif[ORIENTATION] = orientation
        name = f"orientation-{orientation}.jpg"
        small.crop((0, 0, 16, 8)).save(FOLDER / name, quality=90, subsampling=0, exif=exif)
        record(name, ImageOps.exif_transpose(Image.open(FOLDER / name)))

    save_file(expected, FOLDER / "decoded.safetensors")
    (FOLDER / "decoded.safetensors").chmod(0o644)

    photo.crop((3, 5, 60, 42)).save(FOLDER / "photo-57x37.png")
    source = Image.open(FOLDER / "photo-57x37.png")
    sizes = [(32, 32), (8, 8), (20, 9), (57, 20), (10, 37), (100, 70), (13, 90), (1, 1)]
    save_file(
        {f"{width}x{height}": numpy.asarray(
            ImageOps.fit(source, (width, height), method=Image.Resampling.BILINEAR))
         for width, height in sizes},
        FOLDER / "fitted.safetensors")
    (FOLDER / "fitted.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
