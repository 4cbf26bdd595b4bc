#!/usr/bin/env python3
"""Makes the wheel: the Python package of python/gradleak and the program that scripts/wheel/program.sh built, which pip puts
where it puts scripts. A wheel is a zip with a list of its files (PyPA's "Binary distribution format"), so that no build
backend is needed. The same inputs give the same bytes.

    scripts/wheel/wheel.py --program out/wheel/gradleak --man out/man --completions out/completions --out out/wheel

The tag comes from the program itself: the newest glibc whose symbols it asks for. Needs Python 3.11, readelf, objdump.
"""

from __future__ import annotations

import argparse
import base64
import email.message
import hashlib
import pathlib
import re
import subprocess
import sys
import time
import zipfile

try:
    import tomllib
except ImportError:
    sys.exit("wheel: making it needs Python 3.11 or later; the wheel itself runs from 3.9 on")

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What every Linux with glibc has; all else must be in the program (PEP 600 allows some more).
SYSTEM_LIBRARIES = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"}

# Debian's texts of the licences of what is linked in, by the package that carries them.
LINKED = {
    "libpng": "libpng-dev",
    "libjpeg-turbo": "libturbojpeg0-dev",
    "zlib": "zlib1g-dev",
    "SQLite": "libsqlite3-dev",
    "libyaml": "libyaml-dev",
    "GMP": "libgmp-dev",
    "libstdc++": "libstdc++-12-dev",
}

# What GMP's text refers to: the LGPL asks for both with a program that its library is linked into.
COMMON_LICENCES = ("LGPL-3", "GPL-3")


def printed(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed_libraries(program: pathlib.Path) -> set[str]:
    return set(re.findall(r"\(NEEDED\).*\[(.+?)\]", printed("readelf", "-d", str(program))))


def glibc(program: pathlib.Path) -> tuple[int, int]:
    """The newest version of glibc that the program's symbols need."""
    found = re.findall(r"GLIBC_(\d+)\.(\d+)", printed("objdump", "-T", str(program)))
    return max((int(major), int(minor)) for major, minor in found)


def metadata(project: dict, readme: str) -> str:
    """Core metadata 2.4 of the project table of pyproject.toml (PEP 621)."""
    message = email.message.EmailMessage()
    message["Metadata-Version"] = "2.4"
    message["Name"] = project["name"]
    message["Version"] = project["version"]
    message["Summary"] = project["description"]
    message["Keywords"] = ",".join(project["keywords"])
    message["License-Expression"] = project["license"]
    for classifier in project["classifiers"]:
        message["Classifier"] = classifier
    message["Requires-Python"] = project["requires-python"]
    for requirement in project["dependencies"]:
        message["Requires-Dist"] = requirement
    for extra, requirements in project["optional-dependencies"].items():
        message["Provides-Extra"] = extra
        for requirement in requirements:
            message["Requires-Dist"] = f'{requirement} ; extra == "{extra}"'
    message["Description-Content-Type"] = "text/markdown"
    head = "".join(f"{name}: {value}\n" for name, value in message.items())
    return f"{head}\n{readme}"


def entry_points(project: dict) -> str:
    groups = project["entry-points"].items()
    return "\n".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in groups
    )


def licences() -> dict[str, bytes]:
    """Ours, and those of all that is linked in, by their file's name in the wheel."""
    texts = {name: (ROOT / name).read_bytes() for name in ("LICENSE", "NOTICE")}
    for name, package in LINKED.items():
        texts[f"{name}.txt"] = pathlib.Path("/usr/share/doc", package, "copyright").read_bytes()
    for name in COMMON_LICENCES:
        texts[f"{name}.txt"] = pathlib.Path("/usr/share/common-licenses", name).read_bytes()
    swift = pathlib.Path(printed("sh", "-c", "readlink -f $(command -v swift)").strip())
    texts["Swift.txt"] = (swift.parents[1] / "share/swift/LICENSE.txt").read_bytes()
    return texts


class Wheel:
    """A wheel that is being written; every file goes into its record."""

    def __init__(self, path: pathlib.Path, epoch: int):
        self.zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9)
        self.date = time.gmtime(max(epoch, 315532800))[:6]  # a zip begins in 1980
        self.record: list[str] = []

    def add(self, name: str, data: bytes, mode: int = 0o644) -> None:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        self.record.append(f"{name},sha256={digest},{len(data)}")
        self._write(name, data, mode)

    def close(self, info: str) -> None:
        name = f"{info}/RECORD"
        self._write(name, ("\n".join(self.record) + f"\n{name},,\n").encode(), 0o644)
        self.zip.close()

    def _write(self, name: str, data: bytes, mode: int) -> None:
        entry = zipfile.ZipInfo(name, self.date)
        entry.external_attr = (0o100000 | mode) << 16  # a regular file; pip keeps the x bits
        entry.compress_type = zipfile.ZIP_DEFLATED
        self.zip.writestr(entry, data, compresslevel=9)


def commit_time() -> int:
    """SOURCE_DATE_EPOCH, else the last commit's time."""
    import os

    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    shown = subprocess.run(
        ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"], capture_output=True, text=True
    )
    return int(shown.stdout) if shown.returncode == 0 and shown.stdout.strip() else 315532800


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--man", type=pathlib.Path, help="a folder of man pages")
    parser.add_argument("--completions", type=pathlib.Path, help="a folder with bash, zsh and fish")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()

    project = tomllib.loads((ROOT / "python/pyproject.toml").read_text())["project"]
    version = project["version"]
    told = printed(str(options.program), "--version").strip()
    if told != version:
        sys.exit(f"wheel: the program is version {told}, python/pyproject.toml says {version}; make them one")
    foreign = needed_libraries(options.program) - SYSTEM_LIBRARIES
    if foreign:
        sys.exit(f"wheel: the program asks for {', '.join(sorted(foreign))}, which not every machine has")
    major, minor = glibc(options.program)
    tag = f"py3-none-manylinux_{major}_{minor}_x86_64"

    options.out.mkdir(parents=True, exist_ok=True)
    for old in options.out.glob("gradleak-*.whl"):
        old.unlink()
    path = options.out / f"gradleak-{version}-{tag}.whl"
    unfinished = path.with_suffix(".new")
    wheel = Wheel(unfinished, commit_time())
    package = ROOT / "python/gradleak"
    for file in sorted(package.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            wheel.add(f"gradleak/{file.relative_to(package).as_posix()}", file.read_bytes())
    data, info = f"gradleak-{version}.data", f"gradleak-{version}.dist-info"
    wheel.add(f"{data}/scripts/gradleak", options.program.read_bytes(), 0o755)
    for page in sorted(options.man.glob("*.1")) if options.man else []:
        wheel.add(f"{data}/data/share/man/man1/{page.name}", page.read_bytes())
    places = {
        "gradleak.bash": "share/bash-completion/completions/gradleak",
        "_gradleak": "share/zsh/site-functions/_gradleak",
        "gradleak.fish": "share/fish/vendor_completions.d/gradleak.fish",
    }
    for name, place in places.items() if options.completions else []:
        wheel.add(f"{data}/data/{place}", (options.completions / name).read_bytes())
    wheel.add(f"{info}/METADATA", metadata(project, (ROOT / "README.md").read_text()).encode())
    wheel.add(
        f"{info}/WHEEL",
        f"Wheel-Version: 1.0\nGenerator: gradleak\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
    )
    wheel.add(f"{info}/entry_points.txt", entry_points(project).encode())
    for name, text in licences().items():
        wheel.add(f"{info}/licenses/{name}", text)
    wheel.close(info)
    unfinished.rename(path)

    unpacked, packed = options.program.stat().st_size, path.stat().st_size
    print(f"{path}: {packed / 1e6:.1f} MB; the program {unpacked / 1e6:.1f} MB, glibc {major}.{minor} or later")


if __name__ == "__main__":
    main()
