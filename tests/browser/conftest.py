"""A real Chromium against a real server, both started once and shared by all tests of this folder.

Fixtures: `page` (a fresh page), `app_url` (the dashboard over a copy of the bundled runs), `serve` (any
Streamlit script), `settle` (wait until a page stands still), `screenshots` (the ignored folder for pictures).
"""

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import chromium
from tests.conftest import REPO, copy_bundled
from tests.waiting import SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

HERE = Path(__file__).resolve().parent
SCREENSHOTS = HERE / "screenshots"
REQUIRED = bool(os.environ.get("VAESCOPE_REQUIRE_BROWSER"))  # `make test` sets it: then nothing is skipped
ARGUMENTS = [
    "--no-sandbox",  # the sandbox refuses to run as root, as continuous integration does
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60
PATIENCE = 1000 * SECONDS
"""Milliseconds that a page is awaited: the first one that decodes also imports torch."""
RERUNS = importlib.util.find_spec("pytest_rerunfailures") is not None
# Opened at a page's own address, Streamlit first looks for its server under that address and is told 404.
PROBE = re.compile(r"/\w+/_stcore/(health|host-config)$")

# Test files import Playwright at their top: without it they cannot even be collected.
if importlib.util.find_spec("playwright") is None and not REQUIRED:
    collect_ignore_glob = ["test_*.py"]


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # a file stays with one worker: its tests share that worker's servers and Chromium
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
            if RERUNS:
                # a real browser on a busy machine can miss any deadline: what fails is tried anew, in a fresh page, and
                # the report says so; what is broken fails each time
                item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with each failure what the browser showed: a screenshot and the console's errors."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page is not None and not page.is_closed():
        picture = SCREENSHOTS / f"failed-{re.sub(r'[^A-Za-z0-9_.-]+', '-', item.name)}.png"
        try:
            page.screenshot(path=picture)
            report.sections.append(("screenshot", str(picture)))
        except Exception as error:  # a page that hangs has no picture; the test's own failure matters more
            report.sections.append(("screenshot", f"none: {error}"))
        report.sections.append(("browser console errors", "\n".join(page.console_errors) or "none"))
    return report


class SharedBrowser:
    """The one Chromium of a worker, started when a test first needs it."""

    def __init__(self) -> None:
        self.playwright: Playwright | None = None
        self.chromium: Browser | None = None

    def get(self) -> "Browser":
        if self.chromium is None:
            path = find_chromium()
            from playwright.sync_api import sync_playwright

            self.playwright = sync_playwright().start()
            self.chromium = launch(self.playwright, path)
        return self.chromium

    def stop(self) -> None:
        if self.chromium is not None:
            self.chromium.close()
        if self.playwright is not None:
            self.playwright.stop()
        self.chromium = self.playwright = None


def launch(playwright: "Playwright", path: str) -> "Browser":
    """Start a Chromium whose pages are awaited with patience."""
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE)
    return playwright.chromium.launch(executable_path=path, args=ARGUMENTS)


SHARED = SharedBrowser()


def find_chromium() -> str:
    """Path of the browser; without one the test is skipped, or fails where browsers are required."""
    try:
        path = chromium.find()
    except chromium.ChromiumMissing as error:
        pytest.fail(str(error))
    if path is None:
        reason = "no Chromium on this machine: `make test` installs one, or set CHROMIUM to the path of one"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    return path


# Playwright's sync API keeps an event loop running in this thread while it lives, and tests of other
# folders (asyncio, streamlit.testing) must not meet it: so it ends with this folder's last test.
@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Generator[None]:
    try:
        return (yield)
    finally:
        if nextitem is None or HERE not in nextitem.path.parents:
            SHARED.stop()


@pytest.fixture
def browser() -> "Browser":
    """The one Chromium, headless, shared by all tests."""
    return SHARED.get()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page of its own context, 1280 x 900, free to use the clipboard.

    `page.console_errors` collects the console's errors and uncaught exceptions as text,
    `page.outside_requests` the addresses that it asked for and that are not this machine's.
    """
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(PATIENCE)
    new: Any = context.new_page()
    new.console_errors = []
    new.outside_requests = []
    new.on(
        "console",
        lambda m: (
            new.console_errors.append(f"{m.text} ({m.location})")
            if m.type == "error" and not PROBE.search(str(m.location.get("url")))
            else 0
        ),
    )
    new.on("pageerror", lambda error: new.console_errors.append(str(error)))
    new.on("request", lambda r: new.outside_requests.append(r.url) if not _is_here(r.url) else 0)
    yield new
    context.close()


@pytest.fixture(scope="session")
def settle() -> "Callable[[Page], None]":
    """A function that waits until the page is connected and its script has run to the end."""

    from tests.browser.pictures import wait_for_script  # needs Playwright

    def wait(page: "Page") -> None:
        wait_for_script(page, PATIENCE)

    return wait


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """The folder for pictures, ignored by git."""
    SCREENSHOTS.mkdir(exist_ok=True)
    return SCREENSHOTS


@pytest.fixture(scope="session")
def served_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of every server that `serve` starts without one of its own: a copy of the bundled runs."""
    return copy_bundled(tmp_path_factory.mktemp("served") / "checkpoints")


@pytest.fixture(scope="session")
def app_url(serve: Callable[..., str]) -> str:
    """Address of the dashboard, over a copy of the bundled runs (`served_store`)."""
    return serve(REPO / "streamlit_app.py")


@pytest.fixture(scope="session")
def serve(served_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """`serve(app: Path, *, env: dict | None = None) -> address`: a Streamlit server.

    One per app and environment, kept until the end. It starts as a user starts it, in the project's folder,
    so that `.streamlit/config.toml` holds.
    """
    servers: dict[tuple[Path, frozenset[tuple[str, str]]], Server] = {}
    logs = tmp_path_factory.mktemp("servers")

    def get(app: Path, *, env: Mapping[str, str] | None = None) -> str:
        wanted = {"VAESCOPE_STORE": str(served_store), **(env or {})}
        key = (app.resolve(), frozenset(wanted.items()))
        if key not in servers:
            servers[key] = Server(app.resolve(), wanted, logs / f"{len(servers)}-{app.stem}.log")
        return servers[key].url

    yield get
    for server in servers.values():
        server.stop()


class Server:
    """`streamlit run` in a process group of its own, up when the constructor returns."""

    def __init__(self, app: Path, env: Mapping[str, str], log: Path) -> None:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        command = [sys.executable, "-m", "streamlit", "run", str(app)]
        options = ["--server.port", str(port), "--server.headless", "true", "--server.address", "127.0.0.1"]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, *options],
                cwd=REPO,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        end = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < end:
            try:
                if opener.open(f"{self.url}/_stcore/health", timeout=5).status == 200:
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        said = self.log.read_text(errors="replace")[-3000:]
        raise RuntimeError(f"the Streamlit server did not come up within {START_SECONDS} s; it said:\n{said}")

    def stop(self) -> None:
        """End the whole process group, at once if it does not listen."""
        for sent in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, sent)
                self.process.wait(timeout=5)
                return
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _is_here(url: str) -> bool:
    return re.match(r"(https?|wss?)://(127\.0\.0\.1|localhost)(:|/)|(data|blob|about):", url) is not None
