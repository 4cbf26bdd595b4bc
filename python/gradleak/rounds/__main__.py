"""``python -m gradleak.rounds FOLDER``: audits what was captured there and prints a table."""

from __future__ import annotations

import argparse
import os
import sys

from .._errors import GradleakError
from ._audits import audits


def main() -> int:
    """Runs it; the status is 2 where the folder cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m gradleak.rounds", description=__doc__)
    parser.add_argument("folder", help="where updates were captured")
    parser.add_argument("--again", action="store_true", help="audit again what has an audit")
    parser.add_argument("--background", action="store_true", help="leave the processor to others")
    arguments = parser.parse_args()
    if arguments.background:
        os.nice(19)
    try:
        print(audits(arguments.folder, again=arguments.again))
    except GradleakError as error:
        print(f"gradleak: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
