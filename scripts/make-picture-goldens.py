#!/usr/bin/env python3
"""Writes tiny pictures that readers disagree on, and what Pillow's convert("RGB") and convert("L") make of them.

    .venv/bin/pip install numpy pillow safetensors
    .venv/bin/python scripts/make-picture-goldens.py

The files are committed (Tests/Fixtures/images/readings/*.png, readings.safetensors); run this only to change
them. The JPEGs and other PNGs of Tests/Fixtures/images are read as well.
"""

import struct
import warnings
import zlib
from pathlib import Path

import numpy
from PIL import Image
from safetensors.numpy import save_file

FOLDER = Path(__file__).resolve().parent.parent / "Tests/Fixtures/images"
WIDTH, HEIGHT = 5, 4


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(bits, color, rows, *chunks):
    """A PNG file of rows of bytes, without filters."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, color, 0, 0, 0)
    raw = b"".join(b"\0" + bytes(row) for row in rows)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks)
        + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )


def files():
    source = numpy.random.default_rng(0)

    def rows(channels, byte_count=1):
        return source.integers(0, 256, (HEIGHT, WIDTH * channels * byte_count), dtype=numpy.uint8)

    grey, rgb, palette, grey_alpha, rgba = 0, 2, 3, 4, 6
    colors = source.integers(0, 256, 3 * 256, dtype=numpy.uint8).tobytes()
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))
    yield "rgba", png(8, rgba, rows(4))
    yield "grey-alpha", png(8, grey_alpha, rows(2))
    yield "palette", png(8, palette, rows(1), chunk(b"PLTE", colors))
    yield "palette-alpha", png(
        8, palette, rows(1), chunk(b"PLTE", colors), chunk(b"tRNS", bytes(range(256)))
    )
    yield "palette-color-key", png(
        4, palette, rows(1)[:, : (WIDTH + 1) // 2], chunk(b"PLTE", colors[:48]),
        chunk(b"tRNS", b"\xff\0")
    )
    yield "palette-short", png(8, palette, rows(1), chunk(b"PLTE", colors[: 3 * 100]))
    yield "rgb-color-key", png(8, rgb, rows(3), chunk(b"tRNS", b"\0\1\0\2\0\3"))
    yield "grey-color-key", png(8, grey, rows(1), chunk(b"tRNS", b"\0\x05"))
    yield "grey-1", png(1, grey, rows(1)[:, :1])
    yield "grey-2", png(2, grey, rows(1)[:, :2])
    yield "grey-4", png(4, grey, rows(1)[:, :3])
    small = rows(1, 2)
    small[:2, ::2] = 0
    yield "grey-16", png(16, grey, small)
    yield "rgb-16", png(16, rgb, rows(3, 2))
    yield "grey-alpha-16", png(16, grey_alpha, rows(2, 2))
    yield "rgba-16", png(16, rgba, rows(4, 2))
    yield "rgb-gamma", png(8, rgb, rows(3), gamma)
    yield "rgba-gamma", png(8, rgba, rows(4), gamma)
    yield "rgb-16-gamma", png(16, rgb, rows(3, 2), gamma)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "rgb-exif", png(8, rgb, rows(3), chunk(b"eXIf", exif.tobytes()[6:]))


def main():
    warnings.filterwarnings("ignore")
    (FOLDER / "readings").mkdir(exist_ok=True)
    for name, content in files():
        (FOLDER / "readings" / f"{name}.png").write_bytes(content)
    expected = {}
    paths = [path for pattern in ("*.png", "*.jpg", "readings/*.png")
             for path in sorted(FOLDER.glob(pattern))]
    for path in paths:
        if path.stem in ("huge", "photo-57x37"):
            continue
        name = str(path.relative_to(FOLDER))
        for mode in ("RGB", "L"):
            expected[f"{name}:{mode}"] = numpy.array(Image.open(path).convert(mode))
    save_file(expected, FOLDER / "readings.safetensors")
    (FOLDER / "readings.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
