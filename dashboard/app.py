"""The list of pages, and the frame around them."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard import gateway, state
from dashboard.components.room import look_at_room
from dashboard.controls import guarded


@dataclass(frozen=True)
class PageRow:
    """One page: its module under dashboard/pages, whose function `page` draws it."""

    module: str
    title: str
    icon: str


SIDEBAR = 224
"""Width of the menu in pixels; the rest of a 1440 wide window holds the table of runs, which is the widest one."""

PAGES = (
    PageRow("runs", "Runs", ":material/table_rows:"),
    PageRow("data", "Data", ":material/dataset:"),
    PageRow("train", "Train", ":material/model_training:"),
    PageRow("latent", "Latent space", ":material/scatter_plot:"),
    PageRow("curves", "Loss curves", ":material/show_chart:"),
    PageRow("tradeoff", "Beta trade-off", ":material/balance:"),
    PageRow("compare", "Compare", ":material/compare:"),
    PageRow("families", "Families", ":material/category:"),
    PageRow("edit", "Edit images", ":material/auto_fix_high:"),
    PageRow("selections", "Selections", ":material/bookmarks:"),
)


def _draw(row: PageRow) -> Callable[[], None]:
    def draw() -> None:
        # imported when first opened: the home page does not wait for what other pages need
        guarded(importlib.import_module(f"dashboard.pages.{row.module}").page)()

    return draw


def run() -> None:
    """Draw the chosen page; called by streamlit_app.py on every run."""
    st.set_page_config(
        page_title="VAEScope",
        page_icon=str(Path(__file__).parent / "icon.png"),  # our own file: a Material icon comes from the web
        layout="wide",
        initial_sidebar_state=SIDEBAR,
        # with a minimal toolbar the menu, and the choice of light or dark in it, only shows where it has items
        menu_items={"About": "VAEScope trains variational autoencoders and shows what they learned."},
    )
    pages = {
        row.module: st.Page(
            _draw(row), title=row.title, icon=row.icon, url_path=row.module, default=index == 0
        )
        for index, row in enumerate(PAGES)
    }
    state.remember("pages", pages)  # what `controls.go` goes to
    state.remember("scale", look_at_room(state.recall("scale")))  # what `controls.figure` enlarges by
    chosen = st.navigation(list(pages.values()))
    state.enter(chosen.title)
    chosen.run()
    gateway.warm_up()
