"""``python -m gradleak``: the program itself."""

import os
import sys

from ._errors import ProgramMissingError
from ._program import find_program


def main() -> None:
    """Becomes the program, with the same arguments."""
    try:
        program = find_program()
    except ProgramMissingError as error:
        sys.exit(f"gradleak: {error}")
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    main()
