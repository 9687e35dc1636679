"""The set-up: pins, make, continuous integration, what git ignores, the server's settings, Chromium."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import chromium

REPO = Path(__file__).resolve().parents[1]


def make(*arguments: str, folder: Path = REPO, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make away from the one that may have started these tests (its flags travel in the environment)."""
    not_ours = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PORT", "PYTHON", "WORKERS"}
    kept = {name: value for name, value in os.environ.items() if name not in not_ours}
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def fresh_copy(folder: Path) -> Path:
    """A project of nothing but the Makefile and its requirements."""
    (folder / "tests").mkdir(parents=True)
    shutil.copy(REPO / "Makefile", folder)
    (folder / "requirements.txt").write_text("# nothing to install\n")
    (folder / "tests" / "requirements.txt").write_text("# nothing to install\n")
    return folder


def with_python(project: Path) -> Path:
    """Give it a .venv that is this Python under another name, with a pip that fails if BROKEN_PIP is set."""
    pip = '[ "$1 $2" = "-m pip" ] && exit ${BROKEN_PIP:-0}'
    fake_program(project / ".venv/bin/python", f'{pip}\nexec "{sys.executable}" "$@"')
    return project


def fake_program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("file", ["requirements.txt", "tests/requirements.txt"])
def test_every_requirement_is_pinned(file: str) -> None:
    lines = [line.partition("#")[0].strip() for line in (REPO / file).read_text().splitlines()]
    wanted = [line for line in lines if line]
    assert wanted
    assert [line for line in wanted if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line)] == []


def test_the_base_packages_are_there() -> None:
    text = (REPO / "requirements.txt").read_text()
    assert [
        name for name in ("streamlit", "torch", "plotly", "scikit-learn", "pandas", "pytest")
        if f"\n{name}==" not in text
    ] == []  # fmt: skip


LINES = {
    "run": (
        "-m pip install --disable-pip-version-check -r requirements.txt",
        "Open http://127.0.0.1:8501",
        "-m streamlit run streamlit_app.py",
        "--server.address=127.0.0.1 --server.port=8501",
    ),
    "test": (
        "-r requirements.txt",
        "-r tests/requirements.txt",
        "tests/chromium.py",
        "-m ruff check .",
        "-m ruff format --check .",
        "-m mypy",
        "-m pytest -n 3 --dist loadgroup",
    ),
    "test-slow": ("-m pytest -m slow",),
    "bundled": ("-m core.bundled",),
}


@pytest.mark.parametrize("target", LINES)
def test_make_would_run(target: str) -> None:
    said = make("-n", target)
    assert said.returncode == 0, said.stderr
    assert [line for line in LINES[target] if line not in said.stdout] == []


def test_make_takes_another_port() -> None:
    assert "Open http://127.0.0.1:9000" in make("-n", "run", "PORT=9000").stdout


def test_make_alone_lists_its_targets() -> None:
    assert all(f"make {target}" in make().stdout for target in LINES)


@pytest.mark.parametrize("how", ["-C", "-f"])
def test_make_finds_the_project_from_any_folder(how: str, tmp_path: Path) -> None:
    project = fresh_copy(tmp_path / "a folder with spaces")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    named = project if how == "-C" else project / "Makefile"
    said = make("-n", how, str(named), "bundled", folder=elsewhere)
    assert f'cd "{project}" && .venv/bin/python -m core.bundled' in said.stdout


def test_make_installs_once_per_content(tmp_path: Path) -> None:
    project = with_python(fresh_copy(tmp_path / "project"))
    first = make("test-tools", folder=project)
    assert first.returncode == 0, first.stderr
    assert "Installing requirements.txt" in first.stdout
    assert "Installing tests/requirements.txt" in first.stdout
    assert make("test-tools", folder=project).stdout == ""
    (project / "requirements.txt").write_text("# changed\n")
    broken = make("test-tools", folder=project, BROKEN_PIP="1")
    assert broken.returncode != 0
    assert "pip could not install requirements.txt" in broken.stderr
    mended = make("test-tools", folder=project)
    assert mended.returncode == 0, mended.stderr
    assert "Installing requirements.txt" in mended.stdout
    assert "Installing tests/requirements.txt" not in mended.stdout


def test_an_old_python_gets_one_sentence(tmp_path: Path) -> None:
    project = fresh_copy(tmp_path / "project")
    old = fake_program(tmp_path / "old" / "python3", "exit 1")
    said = make("venv", f"PYTHON={old}", folder=project)
    assert said.returncode != 0
    assert "VAEScope needs Python 3.11 or newer" in said.stderr
    assert str(old) in said.stderr
    assert not (project / ".venv").exists()


def test_a_port_in_use_gets_one_sentence(tmp_path: Path) -> None:
    project = with_python(fresh_copy(tmp_path / "project"))
    said = make("run", "PORT=70000", folder=project)
    assert said.returncode != 0
    assert "Port 70000 of 127.0.0.1 cannot be used" in said.stderr
    assert "Open http" not in said.stdout


def test_continuous_integration_calls_make_test() -> None:
    script = REPO / ".ci/run"
    assert os.access(script, os.X_OK)
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert lines[-1] == "make test"


@pytest.mark.parametrize("beside", [True, False])
def test_continuous_integration_takes_the_data_beside_the_checkout(beside: bool, tmp_path: Path) -> None:
    project = tmp_path / "checkout"
    (project / ".ci").mkdir(parents=True)
    shutil.copy(REPO / ".ci/run", project / ".ci/run")
    (project / "Makefile").write_text('test:\n\t@echo "data=$$VAESCOPE_DATA in $(CURDIR)"\n')
    if beside:
        (tmp_path / "shared/data").mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if name != "VAESCOPE_DATA"}
    said = subprocess.run(
        ["bash", project / ".ci/run"], cwd="/", env=environment, capture_output=True, text=True, timeout=60
    )
    expected = f"data={tmp_path / 'shared/data' if beside else ''} in {project}"
    assert expected in said.stdout, said.stderr


IGNORED = {
    "checkpoints/20260101-run/run.json": True,
    "checkpoints/.trash/20260101T000000Z-abcdef/my-run-abcdef/run.json": True,
    "checkpoints/bundled-digits-beta-1/run.json": False,
    "checkpoints/bundled-digits-beta-1/latents-test.npz": False,
    "checkpoints/bundled-digits-beta-1/annotations.json": True,
    "checkpoints/bundled-digits-beta-1/cache/latents-test.npz": True,
    "checkpoints/bundled-digits-beta-1/lock": True,
    "checkpoints/bundled-digits-beta-1/run.json.1234.tmp": True,
    "checkpoints/bundled-fashion-w500/model-5.safetensors": False,
    "checkpoints/bundled-fashion-w500/latents-test.npz": True,
    "core/data/idx.py": False,
    "dashboard/charts/curves.py": False,
    "data/mnist/train-images-idx3-ubyte.gz": True,
    ".venv/bin/python": True,
    "tests/browser/screenshots/home.png": True,
}


def test_git_ignores_what_people_make_and_keeps_what_is_the_projects(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True, timeout=60)
    shutil.copy(REPO / ".gitignore", tmp_path)
    said = subprocess.run(
        ["git", "check-ignore", *IGNORED], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert set(said.stdout.split()) == {path for path, ignored in IGNORED.items() if ignored}


def test_the_server_stays_on_this_machine() -> None:
    config = tomllib.loads((REPO / ".streamlit/config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"


class TestChromium:
    """Finding and installing a browser, with programs that only pretend."""

    @pytest.fixture(autouse=True)
    def bare_machine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        programs = tmp_path / "programs"
        programs.mkdir()
        monkeypatch.setenv("PATH", str(programs))
        monkeypatch.delenv("CHROMIUM", raising=False)
        monkeypatch.setattr(chromium, "playwrights_own", lambda: None)
        return programs

    def test_none(self) -> None:
        assert chromium.find() is None

    def test_on_the_path(self, bare_machine: Path) -> None:
        fake_program(bare_machine / "chromium", "exit 1")  # a stub that starts nothing is passed over
        works = fake_program(bare_machine / "google-chrome", "echo Chrome 1")
        assert chromium.find() == str(works)
        assert chromium.version(str(works)) == "Chrome 1"

    def test_the_variable_comes_first(self, bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_program(bare_machine / "chromium", "exit 0")
        named = fake_program(bare_machine / "mine", "exit 0")
        monkeypatch.setenv("CHROMIUM", str(named))
        assert chromium.find() == str(named)

    def test_a_wrong_variable_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHROMIUM", "/no/such/browser")
        with pytest.raises(chromium.ChromiumMissing, match="CHROMIUM is '/no/such/browser'"):
            chromium.find()

    def test_installed_when_there_is_none(self, bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        target = bare_machine / "chromium"
        make_it = ["/bin/sh", "-c", f"printf '#!/bin/sh\\nexit 0\\n' > {target}; /bin/chmod +x {target}"]
        ways = [("a way that fails", [["/bin/false"]]), ("a way that works", [make_it])]
        monkeypatch.setattr(chromium, "ways_to_install", lambda: ways)
        assert chromium.ensure() == str(target)

    def test_no_way_works(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chromium, "ways_to_install", lambda: [("a way that fails", [["/bin/false"]])])
        with pytest.raises(chromium.ChromiumMissing, match="a way that fails"):
            chromium.ensure()

    def test_debians_package_comes_before_a_download(
        self, bare_machine: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake_program(bare_machine / "apt-get", "exit 0")
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        assert [title for title, _ in chromium.ways_to_install()] == [
            "Debian's package, by apt-get",
            "Playwright's own",
        ]
        monkeypatch.setattr(os, "geteuid", lambda: 1000)  # and there is no sudo here
        assert [title for title, _ in chromium.ways_to_install()] == ["Playwright's own"]
