"""`python -m core`: see core/cli."""

import io
import sys

from core.cli import main

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a terminal that cannot show a character of a name gets its escape
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
