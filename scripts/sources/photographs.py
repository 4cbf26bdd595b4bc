#!/usr/bin/env python3
"""Writes the photographs that the program carries, as small PNG files.

    pip install numpy pillow
    scripts/sources/photographs.py FOLDER        # with 32/*.png and 64/*.png

The output is committed; Sources/CBundledFiles/bundled_files.c names every file. Colour profiles are left out
(all pictures are sRGB), pixel values are not touched.
"""

import pathlib
import sys

import numpy
from PIL import Image

TARGET = pathlib.Path(__file__).resolve().parents[2] / "Sources/CBundledFiles/photographs"
NAMES = ["astronaut", "astronaut_face", "chelsea", "coffee", "hubble", "retina", "rocket"]


def main():
    for size in ("32", "64"):
        (TARGET / size).mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            pixels = numpy.asarray(Image.open(pathlib.Path(sys.argv[1]) / size / f"{name}.png").convert("RGB"))
            Image.fromarray(pixels).save(TARGET / size / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
