#!/usr/bin/env python3
"""Writes the gradient magnitude similarity deviation (Xue et al. 2014) of the metrics' image pairs.

    pip install numpy scipy safetensors
    scripts/make-gmsd-goldens.py

A transcription of the paper's definition with SciPy's convolution, so that the Swift code is checked
against something else than itself. The file is committed; run this only to change it.
"""

import pathlib

import numpy
from safetensors.numpy import load_file, save_file
from scipy.signal import convolve2d

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/metrics"


def luma(image):
    image = image.astype(numpy.float64)
    return image[0] if len(image) == 1 else numpy.tensordot([0.299, 0.587, 0.114], image, 1)


def magnitude(image):
    averaged = convolve2d(luma(image), numpy.full((2, 2), 0.25), mode="valid")[::2, ::2]
    prewitt = numpy.array([[1, 0, -1]] * 3) / 3
    return numpy.hypot(
        convolve2d(averaged, prewitt, mode="valid"), convolve2d(averaged, prewitt.T, mode="valid"))


def main():
    pairs = load_file(FOLDER / "scikit-image.safetensors")
    results = {}
    for name in sorted({key.split(".")[0] for key in pairs}):
        first, second = (magnitude(pairs[f"{name}.{part}"]) for part in ("first", "second"))
        similarity = (2 * first * second + 170) / (first**2 + second**2 + 170)
        results[name] = numpy.array([similarity.std()])
    save_file(results, FOLDER / "gmsd.safetensors")
    (FOLDER / "gmsd.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
