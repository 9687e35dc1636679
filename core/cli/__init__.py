"""The command line, `python -m core`: the same engine as the pages, for a terminal and for scripts.

`parser` holds the grammar, `commands` what each command does, `documents` what is said of a run, as JSON and as text,
`terminal` how it is printed. Torch is loaded by the commands that need a model, and by no other.
"""

import contextlib
import os
import sys
from collections.abc import Sequence

from core.cli.parser import build_parser
from core.cli.terminal import STOPPED, complain
from core.errors import ConfigError, VAEScopeError

__all__ = ["main"]

FAILURE, USAGE = 1, 2
BROKEN_PIPE = 141
"""What a shell reports of a program that the closed pipe ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `python -m core`; those of this process if None.

    Returns:
        The exit code: 0 done, 1 failure, 2 wrong arguments or settings, 130 stopped by Ctrl+C or SIGTERM. Errors people
        can mend are one sentence on stderr; anything else is a defect of VAEScope and keeps its traceback.

    Raises:
        SystemExit: after --help was printed.
    """
    try:
        args = build_parser().parse_args(arguments)
        code: int = args.command(args)
        sys.stdout.flush()
        return code
    except ConfigError as error:
        complain(f"error: {error}")
        return USAGE
    except VAEScopeError as error:
        complain(f"error: {error}")
        return FAILURE
    except KeyboardInterrupt:
        complain("Stopped by Ctrl+C.")
        return STOPPED
    except BrokenPipeError:
        # `... | head`: the interpreter would complain when it flushes stdout at its end
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        complain(f"error: The system refused: {error.strerror or error}{where}.")
        return FAILURE
    except (MemoryError, RuntimeError) as error:
        # torch says it in a RuntimeError, on the CPU and on a GPU in different words
        text = str(error).lower()
        if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
            complain(
                "error: The memory is not enough: choose smaller settings (hidden, latent, batch_size), or a smaller "
                "--batch-size, --steps or --scale where the command has them."
            )
            return FAILURE
        raise
