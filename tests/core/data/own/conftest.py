"""A data folder of its own for each test, and small sources to add."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.data import own
from core.data.own.building import build
from core.data.own.opening import open_source
from core.errors import VAEScopeError

Adds = Callable[..., own.OwnSet]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the person's data sets lie in."""
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "own"


@pytest.fixture
def adds(home: Path) -> Adds:
    """Add a source in this process, without the limits of memory and time of its own process."""

    def add(
        path: Path, *, name: str = "mine", limits: dict[str, Any] | None = None, **options: Any
    ) -> own.OwnSet:
        made = own.stage(
            name,
            path,
            own.Options.make(options),
            own.Limits.make(limits or {}),
            look=False,
            builtin=("digits",),
        )
        try:
            source = open_source(path, made.request.options, made.request.limits)
            build(made.folder, made.request, source, lambda *_: None)
        except VAEScopeError:
            own.delete_own(made)
            raise
        return own.find_own(name)

    return add


def picture(path: Path, values: np.ndarray) -> Path:
    """Write an image (H, W) or (H, W, 3)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder per class: 8 cats and 12 dogs of 6 x 4 RGB pixels, each all of one colour."""
    for label, count, red in (("cat", 8, 10), ("dog", 12, 100)):
        for k in range(count):
            picture(tmp_path / "pets" / label / f"{k}.png", np.full((6, 4, 3), (red + k, k, 3)))
    return tmp_path / "pets"


def values_of(one: own.OwnSet) -> tuple[np.ndarray, list[str | None]]:
    """Stored values, and the name of each label."""
    values, labels = own.arrays(one)
    assert one.document is not None
    return np.asarray(values), [one.document.class_names[k] if k >= 0 else None for k in labels.tolist()]
