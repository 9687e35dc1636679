"""The page of one latent map that browser tests open, and numpy's own answers to what is asked of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.apps.latent_map_app import scene
from tests.browser.maps import Map

APP = Path(__file__).parent / "apps" / "latent_map_app.py"


COUNT = 2000


DATA = scene(COUNT)


@pytest.fixture
def latent(page: Page, serve: Callable[..., str]) -> Iterator[Map]:
    page.goto(serve(APP, env={"LATENT_MAP_POINTS": str(COUNT)}))
    yield Map(page)
    assert page.console_errors == []


def wait_text(page: Page, text: str) -> None:
    expect(page.get_by_text(text, exact=True)).to_be_visible()


def even_odd(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which points (N, 2) have an odd number of edges to their right: numpy's own answer to the lasso."""
    x, y = points.astype(np.float64).T
    odd = np.zeros(len(points), dtype=bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, 1, axis=0), strict=True):
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            odd ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd


def lonely(latent: Map, panel: str, xy: np.ndarray, away: float = 9) -> np.ndarray:
    """Rows whose nearest neighbour is at least `away` CSS pixels off, so that nothing is drawn over them."""
    view, rect = latent.call("view", panel), latent.call("rect", panel)
    seen = np.where(np.isnan(xy), 1e6, xy).astype(np.float64) * rect["w"] / (view["x1"] - view["x0"])
    far = np.hypot(*(seen[:, None] - seen[None]).transpose(2, 0, 1))
    np.fill_diagonal(far, np.inf)
    inside = (
        (xy[:, 0] > view["x0"]) & (xy[:, 0] < view["x1"]) & (xy[:, 1] > view["y0"]) & (xy[:, 1] < view["y1"])
    )
    return np.flatnonzero((far.min(axis=1) >= away) & inside)
