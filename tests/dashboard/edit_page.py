"""The Edit images page as its tests drive it: opened, read, and the figures it is held against."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import core
from core.runs import Run
from dashboard import controls
from dashboard.pages import _edit_path

TWO, EIGHT, AE = "bundled-digits-beta-1", "bundled-digits-8d", "bundled-digits-ae"


FASHION = "bundled-fashion-weight-500"


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """The pixels behind each picture, as its CSV has them, by the picture's key."""
    caught: dict[str, pd.DataFrame] = {}
    draw = controls.picture

    def picture(png: bytes, *, key: str, frame: pd.DataFrame, **options: Any) -> None:
        caught[key] = frame
        draw(png, key=key, frame=frame, **options)

    monkeypatch.setattr(controls, "picture", picture)
    return caught


@pytest.fixture
def films(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The films that the page makes."""
    made: list[bytes] = []
    make = _edit_path.gateway.film_gif

    def film(*args: Any, **options: Any) -> bytes:
        made.append(make(*args, **options))
        return made[-1]

    monkeypatch.setattr(_edit_path.gateway, "film_gif", film)
    return made


def means(run: str, rows: list[int]) -> np.ndarray:
    stored = core.open_run(run).latents("test")
    return stored.means[[int(np.flatnonzero(stored.ids == row)[0]) for row in rows]]


def pixels(frame: pd.DataFrame, run: Run) -> np.ndarray:
    return frame["value"].to_numpy().reshape(-1, *run.shape)


def linked(at: AppTest, key: str) -> str:
    """What the link says for a choice."""
    value = at.query_params[key]
    return value if isinstance(value, str) else value[0]


def options(at: AppTest, key: str) -> list[str]:
    return list(next(box for box in at.selectbox if box.key == key).options)


def gallery_items(at: AppTest) -> list[dict[str, Any]]:
    (element,) = at.get("bidi_component")
    return json.loads(element.proto.json)["items"]


def trained(store: Path, **settings: Any) -> Run:
    from core.config import RunConfig

    config = RunConfig.make({"hidden": (16,), "epochs": 1, "threads": 1, "device": "cpu", **settings})
    return core.train(config, name="Small", store=store)


NONSENSE = {
    "rows": "<b>21</b>,99999999999999999999999,,x",
    "of": "validation",
    "start": "foo",
    "frames": "0",
    "steps": "500",
    "path": "round",
    "pace": "-3",
    "gallery": "1e9",
    "by": "1",
    "with": "11",
    "without": "-1",
    "strength": "nan",
    "edit": "5",
    "a": "x",
    "b": "99",
    "c": "",
}


def relabelled(store: Path, labels: np.ndarray) -> None:
    """Give the stored test images of a run these labels."""
    path = store / TWO / "latents-test.npz"
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    np.savez(path, **{**arrays, "labels": np.resize(labels, len(arrays["ids"])).astype(np.int64)})
