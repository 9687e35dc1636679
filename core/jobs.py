"""Work in the background: a process of its own for each job, and its truth in files.

A job is a name in a folder. `<name>.json` says how far it is; `<name>.lock` is held by the process that works, and the
kernel frees it when that process dies, however it does. So a page that is loaded again, another page and a terminal see
the same, and a job that was killed reads as interrupted. What a job makes, and where, is its own business.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.errors import CheckpointError, LockedRun, VAEScopeError
from core.files import one_line, read_json, write_json

ROOT = Path(__file__).resolve().parents[1]
PATHS = ("VAESCOPE_STORE", "VAESCOPE_DATA")
"""Variables that name folders; a job has another working folder, so they are made absolute for it."""
PATIENCE = 5.0
"""Seconds that a job waits for its lock: whoever asks how it is holds it for a moment."""
PAUSE = 1.0
"""Seconds between two writes of the status."""
STARTING = 60.0
"""Seconds that a process may take to its lock; its number is believed no longer, for another may have it by then."""

_STARTED: dict[Path, subprocess.Popen[bytes]] = {}
"""Processes started here, by the path of their status: they live before they hold their lock."""
_STARTING = threading.Lock()


@dataclass(frozen=True)
class Job:
    """A job: where its files are, and what they are called."""

    folder: Path
    name: str

    @property
    def status(self) -> Path:
        """The file that says how far it is."""
        return self.folder / f"{self.name}.json"

    @property
    def lock(self) -> Path:
        """The file that the working process locks."""
        return self.folder / f"{self.name}.lock"

    @property
    def log(self) -> Path:
        """What a process started in the background said on stderr; gone once the job is done."""
        return self.folder / f"{self.name}.log"


@dataclass(frozen=True)
class JobState:
    """How a job is."""

    state: str
    """'none', 'running', 'interrupted', 'stopped' or 'failed'; a job that is done leaves no status: 'none' again"""
    phase: str = ""
    done: int = 0
    total: int = 0
    """Steps of this phase; 0 = nobody knows"""
    seconds: float = 0.0
    """Since its start"""
    left: float | None = None
    """Seconds until the phase ends, by its rate so far; None = nobody knows"""
    error: str | None = None

    @property
    def running(self) -> bool:
        """Whether a process works on it, or is about to."""
        return self.state == "running"


def held(lock: Path) -> bool:
    """Whether a living process holds a lock."""
    if not lock.exists():
        return False
    mine = FileLock(lock)
    try:
        mine.acquire(blocking=False)
    except Timeout:
        return True
    except OSError:
        # a folder that cannot be written, say: nobody can be working in it
        return False
    mine.release()
    return False


def read_job(job: Job) -> JobState:
    """Say how a job is, as its files have it."""
    process = _STARTED.get(job.status)
    alive = process is not None and process.poll() is None
    try:
        told = read_json(job.status)
    except CheckpointError:
        return JobState("running", phase="Starting") if alive else JobState("none")
    ended = told.get("state")
    if ended not in ("stopped", "failed"):
        ended = None
    state = ended or ("running" if alive or held(job.lock) or _starting(job, told) else "interrupted")
    left, error = told.get("left"), told.get("error")
    since = _seconds_since(job.status) if state == "running" else 0.0
    return JobState(
        state=state,
        phase=one_line(told.get("phase", ""), limit=60),
        done=int(_positive(told.get("done"))),
        total=int(_positive(told.get("total"))),
        seconds=_positive(told.get("seconds")) + since,
        left=max(0.0, left - since) if isinstance(left, int | float) else None,
        error=None if error is None else one_line(error, limit=600),
    )


def _starting(job: Job, told: dict[str, Any]) -> bool:
    """Whether a process that was started elsewhere lives, and has not come to its lock yet."""
    age, number = _seconds_since(job.status), told.get("pid")
    if told.get("phase") != "Starting" or age > STARTING:
        return False
    if number is None:
        return age < PAUSE  # it is being started this moment, and has no number yet
    if os.name != "posix" or not isinstance(number, int) or number <= 1:
        return False  # elsewhere than on POSIX, signal 0 is no question
    try:
        os.kill(number, 0)
    except (OSError, OverflowError):
        return False
    return True


def _positive(value: object) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0


def _seconds_since(path: Path) -> float:
    """Age of a file: between two steps a status grows old, and the time goes on."""
    with contextlib.suppress(OSError):
        return max(0.0, time.time() - path.stat().st_mtime)
    return 0.0


class Reporter:
    """Writes how far a job is, at each new phase and else once a second; called with (phase, done, total)."""

    def __init__(self, job: Job) -> None:
        """Begin to count the time."""
        self.job = job
        self._start = time.monotonic()
        self._phase, self._phase_start, self._first = "", self._start, 0
        self._written = 0.0
        self._told: dict[str, Any] = {}

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Tell a step: it is written if the last one is a second old, or the phase is new."""
        now = time.monotonic()
        fresh = phase != self._phase
        if fresh:
            self._phase, self._phase_start, self._first = phase, now, done
        if fresh or now - self._written >= PAUSE:
            self._written = now
            self._write("running", phase=phase, done=done, total=total, left=self._left(done, total, now))

    def _left(self, done: int, total: int, now: float) -> float | None:
        steps, spent = done - self._first, now - self._phase_start
        return spent / steps * (total - done) if steps > 0 and total else None

    def _write(self, state: str, **values: Any) -> None:
        self._told |= {**values, "state": state, "seconds": round(time.monotonic() - self._start, 2)}
        write_json(self.job.status, {**self._told, "pid": os.getpid()})

    def end(self, state: str, error: str | None = None) -> None:
        """Say how it ended; a disk that is full must not hide the error itself."""
        with contextlib.suppress(VAEScopeError):
            self._write(state, error=error, left=None)


@contextlib.contextmanager
def working(job: Job) -> Iterator[Reporter]:
    """Hold a job's lock while it is done, and tell how it ends.

    Raises:
        LockedRun: another process is at it.
        CheckpointError: the folder cannot be written.
    """
    lock = FileLock(job.lock)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise LockedRun(
            f"Another process is computing '{job.name}' already: wait for it, or stop it on the page."
        ) from None
    except OSError as error:
        raise CheckpointError(
            f"'{job.lock.name}' could not be written to {job.folder}: {error.strerror or error}."
        ) from error
    reporter = Reporter(job)
    try:
        reporter("Starting", 0, 0)
        yield reporter
        for path in (job.status, job.log):
            path.unlink(missing_ok=True)
    except KeyboardInterrupt:
        reporter.end("stopped")
        raise
    except VAEScopeError as error:
        reporter.end("failed", str(error))
        raise
    except MemoryError:
        reporter.end("failed", "The memory is not enough: close other programs, and start it again.")
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {one_line(error)}; the details are in {job.log.name} in its folder."
        reporter.end("failed", said)
        raise
    finally:
        with contextlib.suppress(OSError):
            job.lock.unlink(missing_ok=True)
        lock.release()


def start_job(job: Job, words: Sequence[str]) -> None:
    """Start `python -m core WORDS` on its own, unless somebody is at this job already.

    The process outlives this one, and knows the same store and data.

    Raises:
        CheckpointError: the folder cannot be written, or the process cannot be started.
    """
    with _STARTING:
        if read_job(job).running:
            return
        write_json(job.status, {"state": "running", "phase": "Starting"})
        paths = {name: os.environ[name] for name in PATHS if os.environ.get(name)}
        absolute = {name: os.path.abspath(os.path.expanduser(path)) for name, path in paths.items()}
        try:
            with job.log.open("wb") as log:
                _STARTED[job.status] = subprocess.Popen(
                    [sys.executable, "-m", "core", *words],
                    cwd=ROOT,
                    env={**os.environ, **absolute},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            job.status.unlink(missing_ok=True)
            raise CheckpointError(
                f"No process could be started: {error.strerror or error}; close other programs, and try again."
            ) from error
        process = _STARTED[job.status]
        # whoever asks for it elsewhere must not find it among the living once it has ended
        threading.Thread(target=process.wait, daemon=True).start()
        with contextlib.suppress(CheckpointError):  # it works without
            write_json(job.status, {"state": "running", "phase": "Starting", "pid": process.pid})


def stop_job(job: Job) -> None:
    """End the process that works on a job, if there is one; what it had is lost.

    Raises:
        CheckpointError: it does not end.
    """
    if not read_job(job).running:
        return
    for sent in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        _send(job, sent)
        end = time.monotonic() + PATIENCE
        while read_job(job).running and time.monotonic() < end:
            time.sleep(0.05)
        if not read_job(job).running:
            break
    else:
        raise CheckpointError("The process that computes it does not end: end it in a terminal.")
    if job.status.exists():  # else it was done at the same moment
        write_json(job.status, {"state": "stopped"})


def _send(job: Job, sent: signal.Signals) -> None:
    """Signal the process that works: the one started here, else the one that holds the lock, which wrote its number."""
    process = _STARTED.get(job.status)
    if process is not None and process.poll() is None:
        process.send_signal(sent)
        return
    with contextlib.suppress(CheckpointError, OSError):
        told = read_json(job.status)
        number = told.get("pid")
        if isinstance(number, int) and number > 1 and (held(job.lock) or _starting(job, told)):
            os.kill(number, sent)
