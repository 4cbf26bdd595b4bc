#!/usr/bin/env python3
"""Writes the safetensors files that the tests read, with the format's own Python package.

    pip install numpy safetensors
    scripts/make-safetensors-fixtures.py

The files are committed; run this only to change them. Values are chosen to be exact in every type.
"""

import json
import pathlib
import struct

import numpy
from safetensors.numpy import save_file

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/safetensors"


def entry(dtype, shape, start, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def write_bfloat16():
    """NumPy has no bfloat16, so this file is put together by hand: 1, -2, 3.140625, infinity."""
    header = json.dumps({"b": entry("BF16", [2, 2], 0, 8)}).encode()
    data = struct.pack("<4H", 0x3F80, 0xC000, 0x4049, 0x7F80)
    (FOLDER / "bfloat16.safetensors").write_bytes(
        struct.pack("<Q", len(header)) + header + data)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    save_file(
        {
            "f64": numpy.array([[1.5, -2.25, 1e300], [0.0, -0.0, 0.1]], dtype=numpy.float64),
            "f32": numpy.array([[[0.5], [-1.25]]], dtype=numpy.float32),
            "f16": numpy.array([1.0, -0.5, 65504.0, 6e-8], dtype=numpy.float16),
            "i64": numpy.array([-(2**62), 7], dtype=numpy.int64),
            "i32": numpy.array([[-5], [2**31 - 1]], dtype=numpy.int32),
            "i16": numpy.array([-300, 300], dtype=numpy.int16),
            "i8": numpy.array([-128, 127], dtype=numpy.int8),
            "u32": numpy.array([2**32 - 1], dtype=numpy.uint32),
            "u16": numpy.array([65535], dtype=numpy.uint16),
            "u8": numpy.array([0, 255, 3], dtype=numpy.uint8),
            "bool": numpy.array([True, False, True]),
            "scalar": numpy.array(42.0, dtype=numpy.float32),
            "empty": numpy.zeros((0, 3), dtype=numpy.float32),
            'name with "quotes", é and \n': numpy.array([1.0], dtype=numpy.float32),
        },
        FOLDER / "all-types.safetensors",
        metadata={"format": "np", "note": 'a "quoted" \\ value'},
    )
    write_bfloat16()


if __name__ == "__main__":
    main()
