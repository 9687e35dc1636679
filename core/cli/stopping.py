"""Ctrl+C and SIGTERM while a run trains: the first asks for a checkpoint and an end there, another one ends at once."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Hear both signals in here, and give what says whether one came: a signal alone would cut a step in two.

    Raises:
        KeyboardInterrupt: at the second signal, wherever the work is.
    """
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        if len(heard) > 1:
            raise KeyboardInterrupt
        # past Python's own buffers: the signal may have come in the middle of a print
        with contextlib.suppress(OSError, ValueError):
            os.write(
                sys.stderr.fileno(),
                b"\nStopping at the next step, with a checkpoint; once more ends at once.\n",
            )

    if threading.current_thread() is not threading.main_thread():
        # only the main thread hears signals
        yield lambda: bool(heard)
        return
    before = {number: signal.signal(number, hear) for number in SIGNALS}
    try:
        yield lambda: bool(heard)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
