#!/usr/bin/env python3
"""Writes the bundled photographs as Swift source, so that the program needs no files beside it.

    pip install numpy pillow
    scripts/sources/photographs.py FOLDER        # with 32/*.png and 64/*.png

The output is committed. Base64 text compiles at once; SwiftPM's `embedInCode` makes array
literals, which cost the compiler several seconds at every change of the target. Colour profiles
are left out (all pictures are sRGB), pixel values are not touched.
"""

import base64
import io
import pathlib
import sys
import textwrap

import numpy
from PIL import Image

TARGET = pathlib.Path(__file__).resolve().parents[2] / "Sources/Audit/Photographs"
SOURCES = {
    "astronaut": "Eileen Collins, NASA, public domain",
    "astronaut_face": "the face of Eileen Collins, NASA, public domain",
    "chelsea": "a cat, Stéfan van der Walt, CC0",
    "coffee": "a cup of coffee, Rachel Michetti, CC0",
    "hubble": "the Hubble eXtreme Deep Field, NASA and ESA, public domain",
    "retina": "a human retina, Mikael Häggström on Wikimedia Commons, CC0",
    "rocket": "a Falcon 9 at take-off, SpaceX, public domain",
}


def encoded(path):
    """The PNG at `path` without colour profile, as lines of base64."""
    stream = io.BytesIO()
    pixels = numpy.asarray(Image.open(path).convert("RGB"))
    Image.fromarray(pixels).save(stream, format="PNG", optimize=True)
    return textwrap.wrap(base64.b64encode(stream.getvalue()).decode(), 92)


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, source in SOURCES.items():
        words = name.split("_")
        property_name = words[0] + "".join(word.capitalize() for word in words[1:])
        lines = [
            "// Made by scripts/sources/photographs.py: do not edit.", "",
            "extension BundledImages {", f"  /// {source[0].upper()}{source[1:]}.",
            f"  static let {property_name} = BundledImage(", f'    name: "{name}",']
        for size, end in ((32, ","), (64, ")")):
            path = pathlib.Path(sys.argv[1]) / str(size) / f"{name}.png"
            lines.append(f'    png{size}: """')
            lines += [f"      {line}\\" for line in encoded(path)]
            lines[-1] = lines[-1][:-1]
            lines.append(f'      """{end}')
        lines.append("}")
        file = TARGET / ("".join(word.capitalize() for word in words) + ".swift")
        file.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
