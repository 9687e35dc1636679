"""The Selections page as its tests drive it: opened, asked, pressed and read."""

import importlib
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.runs import open_run
from core.store import save_selection
from dashboard import gateway
from tests.dashboard.headless import healthy, open_page

# the function of that name, which pages use, hides the module
panel = importlib.import_module("dashboard.controls.selection_panel")


ONE, CODE, FASHION = "bundled-digits-beta-1", "bundled-digits-ae", "bundled-fashion-weight-500"


MARKUP = "<script>1</script> **b** [a](http://b) $x$ :smile: =1+1"


@pytest.fixture(autouse=True)
def no_image_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digits alone: a selection of Fashion images would encode 10,000 of them through a convolutional network."""
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "no-data"))


def opened(**query: str) -> AppTest:
    return healthy(open_page("selections", **query))


def keep(name: str = "Threes", run: str = ONE, **rows: list[int]) -> gateway.Selection:
    data = open_run(run).document.data
    if not rows:
        latents = open_run(run).latents("test")
        rows = {"test": latents.ids[latents.labels == 3].tolist()}
    return save_selection(
        name, dataset=data.dataset, fingerprint=data.fingerprint, rows=rows, origin=f"By {name}.", run=run
    )


def press(at: AppTest, key: str) -> AppTest:
    button = at.button(key=key)
    assert not button.disabled
    return healthy(button.click().run())


def table(at: AppTest) -> pd.DataFrame:
    return at.dataframe[0].value


SCRIPT = """
from dashboard import controls, gateway
record = next(one for one in gateway.runs() if one.id == "{run}")
controls.selection_panel(record, {ids}, key="p")
"""


def shown(ids: list[int], run: str = ONE) -> AppTest:
    return healthy(AppTest.from_string(SCRIPT.format(run=run, ids=ids), default_timeout=60).run())


PICK = """
import streamlit as st
from dashboard import controls, gateway
record = next(one for one in gateway.runs() if one.id == "{run}")
chosen = controls.pick_selection(record)
st.caption("none" if chosen is None else chosen.name)
controls.keep_selection(record, {ids}, origin="Lasso.", key="lasso")
"""


def picked(run: str = ONE, ids: list[int] | None = None, **query: str) -> AppTest:
    at = AppTest.from_string(PICK.format(run=run, ids=ids or []), default_timeout=60)
    for key, value in query.items():
        at.query_params[key] = value
    return healthy(at.run())
