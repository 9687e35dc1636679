"""Small runs on the digits, trained once for all tests of the engine, and copies that a test may break."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config import RunConfig
from core.data import catalog
from core.runs import Run, open_run
from core.store import read_record
from tests.core.fitting import fitting

SMALL: dict[str, Any] = {"hidden": (32,), "epochs": 3, "threads": 1, "device": "cpu"}


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """Twenty test images of the digits."""
    return catalog.load("digits", "test").pixels[:20]


@pytest.fixture(scope="session")
def small() -> Callable[..., RunConfig]:
    """Make a config that trains on the digits in a blink; conv networks get few channels."""

    def make(**settings: Any) -> RunConfig:
        narrow = {"hidden": (4, 8)} if settings.get("network") == "conv" else {}
        brief = (
            fitting(settings.get("family", "vae"), **SMALL, **narrow) if not narrow else {**SMALL, **narrow}
        )
        return RunConfig.make({**brief, **settings})

    return make


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, small: Callable[..., RunConfig]) -> Callable[..., Run]:
    """Train a run with these settings, once a session: it is shared, so read it only."""
    from core.training.run import train

    store = tmp_path_factory.mktemp("trained")
    runs: dict[str, Path] = {}

    def get(**settings: Any) -> Run:
        key = json.dumps(settings, sort_keys=True)
        if key not in runs:
            runs[key] = train(small(**settings), name="Small", store=store).record.folder
        return open_run(runs[key], device="cpu")

    return get


@pytest.fixture
def copied(trained: Callable[..., Run], store: Path) -> Callable[..., Path]:
    """Copy a trained run into the test's own store, to be changed or broken."""

    def copy(run_id: str = "copy-1", **settings: Any) -> Path:
        folder = store / run_id
        shutil.copytree(trained(**settings).record.folder, folder)
        return folder

    return copy


@pytest.fixture
def edit_document() -> Callable[..., None]:
    """Change values of a run.json by hand, nested ones by names such as `data__dataset`."""

    def edit(folder: Path, **changes: Any) -> None:
        path = folder / "run.json"
        document = json.loads(path.read_text())
        for key, value in changes.items():
            place = document
            *parents, last = key.split("__")
            for parent in parents:
                place = place[parent]
            place[last] = value
        path.write_text(json.dumps(document))

    return edit


@pytest.fixture
def sentence() -> Callable[[BaseException], str]:
    """Read an error as people see it, and check that it is one sentence on one line."""

    def read(error: BaseException) -> str:
        text = str(error)
        assert text.endswith("."), text
        assert "\n" not in text, text
        assert "Traceback" not in text
        return text

    return read


@pytest.fixture
def state_of() -> Callable[[Path], str]:
    """Read the state of a run folder as a listing shows it."""
    return lambda folder: read_record(folder).state
