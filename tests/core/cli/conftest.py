"""A shell, and runs of two families that are trained once a file."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli import main
from core.store import read_record
from tests.core.cli.shell import QUICK, Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store with one run of each family, trained for one epoch. Not to be written to: see `runs`."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    for recipe in ("digits-vae", "digits-ae"):
        assert main(["train", recipe, *QUICK, "--store", str(folder)]) == 0
    yield folder
    torch.set_num_threads(threads)


@pytest.fixture
def runs(trained: Path, store: Path) -> dict[str, Path]:
    """Copies of the trained runs in the default store, by family."""
    for folder in trained.iterdir():
        shutil.copytree(folder, store / folder.name)
    return {read_record(folder).config.family: folder for folder in store.iterdir()}
