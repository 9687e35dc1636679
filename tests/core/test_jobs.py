"""Jobs: running, stopped, failed, killed and started twice, as their files say it, with real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from core import jobs
from core.errors import CheckpointError, DataError, LockedRun
from core.jobs import Job, held, read_job, start_job, stop_job, working
from tests.waiting import SECONDS, wait


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "jobs").mkdir()
    return Job(tmp_path / "jobs", "work")


WORK = """
import sys, time
from pathlib import Path
from core.jobs import Job, working
with working(Job(Path(sys.argv[1]), "work")) as tell:
    tell("Counting", 0, 100)
    (Path(sys.argv[1]) / "begun").touch()
    time.sleep(600)
"""


STOP = """
import sys
from pathlib import Path
from core.jobs import Job, stop_job
stop_job(Job(Path(sys.argv[1]), "work"))
"""


@pytest.fixture
def worker(job: Job, repo: Path) -> subprocess.Popen[bytes]:
    """A process that works on the job until it is ended; started by somebody else than this process' `start_job`."""
    process = subprocess.Popen([sys.executable, "-c", WORK, str(job.folder)], cwd=repo)
    wait((job.folder / "begun").exists)
    yield process
    process.kill()
    process.wait()


def test_nothing_is_a_job_that_nobody_began(job: Job) -> None:
    assert read_job(job).state == "none"
    stop_job(job)
    assert list(job.folder.iterdir()) == []


def test_a_job_that_is_done_leaves_nothing_behind(job: Job) -> None:
    with working(job) as tell:
        tell("Counting", 3, 10)
        state = read_job(job)
        assert (state.state, state.phase, state.done, state.total) == ("running", "Counting", 3, 10)
        assert held(job.lock)
    assert read_job(job).state == "none"
    assert list(job.folder.iterdir()) == []


def test_steps_are_written_once_a_second_and_phases_at_once(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: clock[0])
    tell = jobs.Reporter(job.status)
    tell("Counting", 10, 100)
    for now, done in ((100.5, 15), (100.9, 19)):
        clock[0] = now
        tell("Counting", done, 100)
        assert read_job(job).done == 10
    clock[0] = 102.0
    tell("Counting", 30, 100)
    state = read_job(job)
    assert state.done == 30
    assert state.left == pytest.approx(70 / 10, abs=0.5)  # 20 steps in 2 s, and 70 to go
    tell("Judging", 0, 0)
    assert (read_job(job).phase, read_job(job).left) == ("Judging", None)


def test_the_time_goes_on_between_two_steps(job: Job) -> None:
    with working(job):
        job.status.write_text(json.dumps({"state": "running", "seconds": 5, "left": 100}))
        a_minute_ago = time.time() - 60
        os.utime(job.status, (a_minute_ago, a_minute_ago))
        state = read_job(job)
        assert (state.seconds, state.left) == (pytest.approx(65, abs=2), pytest.approx(40, abs=2))
    job.status.write_text(json.dumps({"state": "stopped", "seconds": 5}))
    os.utime(job.status, (a_minute_ago, a_minute_ago))
    assert read_job(job).seconds == 5


def test_an_error_is_kept_in_words(job: Job) -> None:
    with pytest.raises(DataError), working(job):
        raise DataError("It is too small: take more.")
    assert (read_job(job).state, read_job(job).error) == ("failed", "It is too small: take more.")
    with pytest.raises(KeyError), working(job):
        raise KeyError("x\ny")
    said = read_job(job).error
    assert said is not None
    assert said.startswith("KeyError: ")
    assert "\n" not in said
    with pytest.raises(KeyboardInterrupt), working(job):
        raise KeyboardInterrupt
    assert read_job(job).state == "stopped"
    assert not held(job.lock)


def test_one_computation_at_a_time(job: Job, worker: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PATIENCE", 0.2)
    with pytest.raises(LockedRun, match="already"), working(job):
        pytest.fail("two at once")
    assert read_job(job).phase == "Counting"  # whoever is refused writes nothing over it
    start_job(job, ["no-such-command"])
    assert job.status not in jobs._STARTED


def test_a_killed_job_reads_as_interrupted(job: Job, worker: subprocess.Popen[bytes]) -> None:
    assert read_job(job).running
    worker.kill()
    worker.wait()
    assert read_job(job).state == "interrupted"
    with working(job):  # and its lock is free again
        pass


def test_stop_ends_a_process_that_somebody_else_started(job: Job, worker: subprocess.Popen[bytes]) -> None:
    stop_job(job)
    assert worker.wait(SECONDS) == -signal.SIGTERM
    assert read_job(job).state == "stopped"
    assert "pid" not in json.loads(job.status.read_text())  # a number that another process may have by now


def test_stop_ends_a_process_that_does_not_listen(
    job: Job, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PATIENCE", 0.5)
    deaf = WORK.replace(
        "import sys, time", "import signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)"
    )
    with subprocess.Popen([sys.executable, "-c", deaf, str(job.folder)], cwd=repo) as process:
        wait((job.folder / "begun").exists)
        stop_job(job)
        assert process.wait(SECONDS) == -signal.SIGKILL


def test_a_stale_number_is_not_signalled(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.status.write_text(json.dumps({"state": "running", "pid": os.getpid()}))
    monkeypatch.setattr(
        jobs.os, "kill", lambda *_: pytest.fail("it signalled a process that may be anyone's")
    )
    jobs._send(job, signal.SIGTERM)
    assert read_job(job).state == "interrupted"


def test_a_started_job_runs_before_it_holds_its_lock_and_tells_the_store(
    job: Job, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store.parent)
    monkeypatch.setenv("VAESCOPE_STORE", "checkpoints")
    start_job(job, ["show", "no-such-run"])
    first = jobs._STARTED[job.status]
    assert read_job(job).running
    start_job(job, ["show", "no-such-run"])
    assert jobs._STARTED[job.status] is first  # the second start found it running
    first.wait(SECONDS)
    assert read_job(job).state == "interrupted"  # it ended without a word in its files
    assert f"There is no run 'no-such-run' in {store}" in job.log.read_text()  # made absolute


def test_a_job_that_another_process_is_starting_runs(job: Job) -> None:
    def told(**values: object) -> None:
        job.status.write_text(json.dumps({"state": "running", "phase": "Starting", **values}))

    told()  # as it is before its process has a number
    assert read_job(job).running
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        told(pid=process.pid)
        assert read_job(job).running
        told(pid=process.pid, phase="Reading")  # it had its lock by then, and has it no more
        assert read_job(job).state == "interrupted"
        told(pid=process.pid)
        long_ago = time.time() - 100  # the number may be anyone's by now
        os.utime(job.status, (long_ago, long_ago))
        assert read_job(job).state == "interrupted"
        told(pid=process.pid)
        stop_job_of_another = subprocess.Popen(
            [sys.executable, "-c", STOP, str(job.folder)], cwd=Path(jobs.__file__).parents[1]
        )
        assert process.wait(SECONDS) == -signal.SIGTERM
        assert stop_job_of_another.wait(SECONDS) == 0
    assert read_job(job).state == "stopped"


def test_whoever_starts_a_job_tells_its_number(job: Job) -> None:
    start_job(job, ["list"])
    told = json.loads(job.status.read_text())
    assert told == {"state": "running", "phase": "Starting", "pid": jobs._STARTED[job.status].pid}
    stop_job(job)


def test_stop_ends_a_process_that_was_just_started(job: Job) -> None:
    start_job(job, ["list"])
    stop_job(job)
    assert jobs._STARTED[job.status].poll() is not None
    assert not read_job(job).running


def test_a_process_that_cannot_be_started_is_one_sentence(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.sys, "executable", str(job.folder / "nothing"))
    with pytest.raises(CheckpointError, match=r"No process could be started: .*\."):
        start_job(job, ["list"])
    assert read_job(job).state == "none"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"state": 3, "done": "x", "total": -1, "left": "y", "phase": 5}',
        '{"state": "running", "phase": "Starting", "pid": 1000000000000000000000}',
    ],
)
def test_a_status_that_is_damaged_breaks_nothing(job: Job, text: str) -> None:
    job.status.write_text(text)
    state = read_job(job)
    assert state.state in ("none", "interrupted")
    assert (state.done, state.total, state.left) == (0, 0, None)


def test_held_looks_at_the_lock_and_not_at_the_file(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert not held(lock)
    lock.touch()
    assert not held(lock)
    with FileLock(lock):
        assert held(lock)
    assert not held(lock)
