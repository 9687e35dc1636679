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
    since = seconds_since(job.status) if state == "running" else 0.0
    return JobState(
        state=state,
        phase=one_line(told.get("phase", ""), limit=60),
        done=int(positive(told.get("done"))),
        total=int(positive(told.get("total"))),
        seconds=positive(told.get("seconds")) + since,
        left=max(0.0, left - since) if isinstance(left, int | float) else None,
        error=None if error is None else one_line(error, limit=600),
    )


def _starting(job: Job, told: dict[str, Any]) -> bool:
    """Whether a process that was started elsewhere lives, and has not come to its lock yet."""
    age, number = seconds_since(job.status), told.get("pid")
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


def positive(value: object) -> float:
    """Read a number of a status: 0 for one below, and for what is none."""
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0


def seconds_since(path: Path) -> float:
    """Age of a file: between two steps a status grows old, and the time goes on."""
    with contextlib.suppress(OSError):
        return max(0.0, time.time() - path.stat().st_mtime)
    return 0.0


class Reporter:
    """Writes how far work is, at each new phase and else once a second; called with (phase, done, total)."""

    def __init__(self, path: Path) -> None:
        """Begin to count the time; `path` is the file of the status."""
        self.path = path
        self._start = time.monotonic()
        self._phase, self._phase_start, self._first = "", self._start, 0
        self._written, self._writes = 0.0, 0
        self._told: dict[str, Any] = {}

    def __call__(self, phase: str, done: int, total: int, **facts: Any) -> None:
        """Tell a step: it is written if the last one is a second old, or the phase is new; `facts` beside it."""
        now = time.monotonic()
        fresh = phase != self._phase
        if fresh:
            self._phase, self._phase_start, self._first, self._writes = phase, now, done, 0
        if fresh or now - self._written >= PAUSE:
            self._written, self._writes = now, self._writes + 1
            each = self._seconds_a_step(done, now)
            self._write(
                "running",
                **facts,
                phase=phase,
                done=done,
                total=total,
                rate=1 / each if each else None,
                left=each * (total - done) if each is not None and total else None,
                every=(now - self._phase_start) / self._writes,
            )

    def _seconds_a_step(self, done: int, now: float) -> float | None:
        """By the rate of this phase so far: its steps before the first told one were done at another time."""
        steps = done - self._first
        return (now - self._phase_start) / steps if steps > 0 else None

    def _write(self, state: str, **values: Any) -> None:
        self._told |= {**values, "state": state, "seconds": round(time.monotonic() - self._start, 2)}
        write_json(self.path, {**self._told, "pid": os.getpid()})

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
    reporter = Reporter(job.status)
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


def launch(words: Sequence[str], *, log: Path) -> subprocess.Popen[bytes]:
    """Start `python -m core WORDS` on its own; what it says on stderr goes to `log`, which is begun anew.

    The process outlives this one, and knows the same store and data.

    Raises:
        CheckpointError: the log cannot be written, or the process cannot be started.
    """
    paths = {name: os.environ[name] for name in PATHS if os.environ.get(name)}
    absolute = {name: os.path.abspath(os.path.expanduser(path)) for name, path in paths.items()}
    try:
        with log.open("wb") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "core", *words],
                cwd=ROOT,
                env={**os.environ, **absolute},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
    except OSError as error:
        raise CheckpointError(
            f"No process could be started: {error.strerror or error}; close other programs, and try again."
        ) from error


def start_job(job: Job, words: Sequence[str]) -> None:
    """Start `python -m core WORDS` on its own, as `launch` does, unless somebody is at this job already.

    Raises:
        CheckpointError: the folder cannot be written, or the process cannot be started.
    """
    with _STARTING:
        if read_job(job).running:
            return
        write_json(job.status, {"state": "running", "phase": "Starting"})
        try:
            _STARTED[job.status] = launch(words, log=job.log)
        except CheckpointError:
            job.status.unlink(missing_ok=True)
            raise
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
    with contextlib.suppress(CheckpointError):
        told = read_json(job.status)
        signal_holder(job.lock, told.get("pid"), sent, starting=_starting(job, told))


def signal_holder(lock: Path, number: object, sent: signal.Signals, *, starting: bool = False) -> bool:
    """Signal the process that said it has this number, if it still holds its lock: else the number may be anyone's.

    With `starting` it is known to live, and to be on its way to the lock.
    """
    with contextlib.suppress(OSError):
        if isinstance(number, int) and number > 1 and (starting or held(lock)):
            os.kill(number, sent)
            return True
    return False
