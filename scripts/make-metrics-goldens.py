#!/usr/bin/env python3
"""Writes image pairs and their MSE, PSNR and SSIM as scikit-image computes them.

    pip install numpy pillow safetensors scikit-image
    scripts/make-metrics-goldens.py FOLDER_OF_32x32_PNGS

The file is committed; run this only to change it.
"""

import pathlib
import sys

import numpy
from PIL import Image
from safetensors.numpy import save_file
from skimage.metrics import (
    mean_squared_error, peak_signal_noise_ratio, structural_similarity)

TARGET = (pathlib.Path(__file__).resolve().parent.parent
          / "Tests/Fixtures/metrics/scikit-image.safetensors")


def load(name):
    return numpy.asarray(Image.open(pathlib.Path(sys.argv[1]) / name).convert("RGB"))


def main():
    generator = numpy.random.default_rng(0)
    astronaut, coffee, retina = (
        load(f"{name}.png") for name in ("astronaut", "coffee", "retina"))
    noise = generator.normal(0, 12, astronaut.shape)
    pairs = {
        "noisy": (astronaut, numpy.clip(astronaut + noise, 0, 255).astype(numpy.uint8)),
        "different": (coffee, retina),
        "shifted": (coffee[:19, :27], coffee[2:21, 1:28]),
        "grey": (astronaut[:11, :13, :1], retina[:11, :13, 1:2]),
        "flat": (numpy.full((16, 16, 3), 128, numpy.uint8), numpy.full((16, 16, 3), 90, numpy.uint8)),
    }
    tensors = {}
    for name, (first, second) in pairs.items():
        a, b = first / 255, second / 255
        similarity = structural_similarity(
            a, b, data_range=1.0, channel_axis=2, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False)
        tensors[f"{name}.first"] = numpy.ascontiguousarray(first.transpose(2, 0, 1))
        tensors[f"{name}.second"] = numpy.ascontiguousarray(second.transpose(2, 0, 1))
        tensors[f"{name}.measures"] = numpy.array([
            mean_squared_error(a, b), peak_signal_noise_ratio(a, b, data_range=1.0), similarity])
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, TARGET)
    TARGET.chmod(0o644)


if __name__ == "__main__":
    main()
