#!/usr/bin/env python3
"""Writes arrays as NumPy does, one of each kind that is read: Tests/Fixtures/npy.

    .venv/bin/pip install numpy
    .venv/bin/python scripts/make-npy-fixtures.py

All hold (i - 7) / 4 for i in 0...11, as [2, 2, 3]; the unsigned bytes hold i. The files are committed.
"""

from pathlib import Path

import numpy

FOLDER = Path(__file__).resolve().parent.parent / "Tests/Fixtures/npy"


def main():
    FOLDER.mkdir(exist_ok=True)
    values = ((numpy.arange(12) - 7) / 4).reshape(2, 2, 3)
    for kind in ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8"):
        name = kind.replace("<", "little-").replace(">", "big-")
        numpy.save(FOLDER / f"{name}.npy", values.astype(kind))
    numpy.save(FOLDER / "fortran.npy", numpy.asfortranarray(values.astype("<f4")))
    numpy.save(FOLDER / "bytes.npy", numpy.arange(12, dtype="u1").reshape(2, 2, 3))
    numpy.save(FOLDER / "integers.npy", numpy.arange(12, dtype="<i8").reshape(2, 2, 3))
    for version in ((2, 0), (3, 0)):
        with open(FOLDER / f"version-{version[0]}.npy", "wb") as file:
            numpy.lib.format.write_array(file, values.astype("<f4"), version=version)


if __name__ == "__main__":
    main()
