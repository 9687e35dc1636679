"""Chromium for the browser tests: find one that is there, else install one.

`make test` runs this file; it prints the path of the browser that the tests will drive. In order: the one
that the environment variable CHROMIUM names, one on the PATH, one that Playwright has downloaded, Debian's
package, Playwright's own download.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Debian's package needs a font for text that a page draws itself (canvas) in a system font.
DEBIAN_PACKAGES = ("chromium", "fonts-liberation")


class ChromiumMissing(RuntimeError):
    """No Chromium was found, or none could be installed; the message says what to do."""


def find() -> str | None:
    """Path of a Chromium that starts, or None.

    Raises:
        ChromiumMissing: CHROMIUM names something that does not start.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if not starts(named):
            raise ChromiumMissing(
                f"CHROMIUM is {named!r}, and that does not start as a browser: set it to the path of a "
                "Chromium or Chrome, or unset it to have one found."
            )
        return named
    candidates = [shutil.which(name) for name in NAMES] + [playwrights_own()]
    return next((path for path in candidates if path and starts(path)), None)


def ensure() -> str:
    """Path of a Chromium that starts, installed if need be.

    Raises:
        ChromiumMissing: no way of installing one worked; the message names each way.
    """
    path = find()
    if path:
        return path
    tried = []
    for title, commands in ways_to_install():
        print(f"Installing Chromium: {title}", file=sys.stderr, flush=True)
        worked = all(
            subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0 for command in commands
        )
        path = find() if worked else None
        if path:
            return path
        tried.append(title)
    raise ChromiumMissing(
        f"No Chromium was found, and installing one failed ({'; '.join(tried)}): install Chromium or Chrome, "
        "or set CHROMIUM to the path of one."
    )


def ways_to_install() -> list[tuple[str, list[list[str]]]]:
    """The ways that this machine and this user have, best first: a title and its commands in order."""
    ways = []
    as_root = root_prefix()
    if shutil.which("apt-get") and as_root is not None:
        apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
        install = [*apt, "install", "--yes", "--no-install-recommends", *DEBIAN_PACKAGES]
        ways.append(("Debian's package, by apt-get", [[*apt, "update"], install]))
    ways.append(("Playwright's own", [[sys.executable, "-m", "playwright", "install", "chromium"]]))
    return ways


def root_prefix() -> list[str] | None:
    """What stands before a command to run it as root: nothing, sudo (if it asks nothing), or None."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return None


def playwrights_own() -> str | None:
    """Path of the browser that `playwright install chromium` downloads, whether or not it is there."""
    try:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            return playwright.chromium.executable_path
    except Exception:  # not installed, or its driver does not start: then this is no way to a browser
        return None


def starts(path: str) -> bool:
    """Whether it answers `--version`; a stub that only points to another package manager does not."""
    if not shutil.which(path):
        return False
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def version(path: str) -> str:
    """What the browser calls itself, for example `Chromium 156.0.8078.79`."""
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
    return answer.stdout.strip() or Path(path).name


if __name__ == "__main__":
    try:
        found = ensure()
    except ChromiumMissing as error:
        sys.exit(str(error))
    print(f"Browser for the tests: {found} ({version(found)})")
