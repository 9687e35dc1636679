"""A page around one latent map, for the browser test: buttons that rerun, change the data and remount it.

The environment says how many points there are (LATENT_MAP_POINTS); the address says `?renderer=webgl` and
`?colour=markers`, `values`, `own` (each panel has numbers of its own) or `signed`. `scene` is imported by the test as
well: what the test compares with is computed from the arrays, never read from the browser.
"""

import os

import numpy as np
import streamlit as st

from dashboard.components.latent_map import Panel, latent_map, make_scale, make_sprites

KEY = "map"
COLOURS = [
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
]
NAMES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "=Sandal",
    "Shirt",
    "<b>Sneaker</b>",
    "Bag",
    "Ankle boot",
]


def scene(count: int, version: int = 0) -> dict[str, np.ndarray]:
    """Ten clouds of points on a spiral, their p-values, and images of noise: all from one seed."""
    rng = np.random.default_rng(7)
    classes = rng.integers(0, 10, count).astype(np.uint8)
    angle = classes * 0.9
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (0.5 + 0.15 * classes)[:, None]
    xy = (centres + 0.22 * rng.normal(size=(count, 2)) + 0.05 * version).astype(np.float32)
    p = (1 / (1 + np.exp(-1.702 * xy))).astype(np.float32)  # a logistic stand-in for Phi
    xy[3] = np.nan  # absent in one panel
    classes[:5] = 255
    ids = (np.arange(count) * 3 + 11).astype(np.uint32)
    pixels = rng.integers(0, 256, (count, 1, 8, 8)).astype(np.uint8)
    values = rng.normal(20, 5, count)
    values[7:9] = np.nan
    return {
        "ids": ids,
        "classes": classes,
        "xy": xy,
        "p": p,
        "pixels": pixels,
        "values": values,
        "others": values - rng.normal(2, 6, count),
        "markers": (ids % 2).astype(np.uint8),
    }


def page() -> None:
    """Draw the map and write what came back."""
    st.set_page_config(layout="wide")
    left = st.columns(6)
    left[0].button("Rerun", key="rerun")
    if left[1].button("Move the points", key="change"):
        st.session_state["version"] = st.session_state.get("version", 0) + 1
    if left[2].button("Another view", key="another"):
        st.session_state["view"] = st.session_state.get("view", 0) + 1
    above = left[3].toggle("Element above", key="above")
    report = left[4].toggle("Report", key="report")
    version = st.session_state.get("version", 0)
    data = scene(int(os.environ.get("LATENT_MAP_POINTS", "2000")), version)
    place = st.session_state.get("place")
    common = {"alt": "", "draws": np.array([[-1.2, 1.4], [1.5, -0.4], [0.2, 0.9]])}
    panels = [
        Panel(
            id="latent",
            title="Latent means",
            xy=data["xy"],
            x_title="z₁ (mean)",
            y_title="z₂ (mean)",
            circles=(1.0, 2.0),
            marker=place if place and st.session_state["panel"] == "latent" else None,
            **common,
        ),
        Panel(
            id="p",
            title="p-value map Φ(z)",
            xy=data["p"],
            x_title="Φ(z₁)",
            y_title="Φ(z₂)",
            domain=(0, 1, 0, 1),
            marker=place if place and st.session_state["panel"] == "p" else None,
        ),
    ]
    colour = st.query_params.get("colour", "classes")
    if colour == "values":
        colour = make_scale(data["values"], name="Distortion D", unit="nats", direction="lower")
    elif colour == "signed":
        colour = make_scale(
            data["values"] - data["others"], name="D, A − B", unit="nats", signed=True, says="red: B"
        )
    elif colour == "own":
        both = np.concatenate([data["values"], data["others"]])
        colour = {
            panel: make_scale(data[name], name="Distortion D", unit="nats", among=both, whose=whose)
            for panel, name, whose in (("latent", "values", "A"), ("p", "others", "B"))
        }
    # In a column instead of a container the same key is another element: the map is mounted anew.
    with st.columns(1)[0] if above else st.container():
        if above:
            st.write("An element above the map.")
        events = latent_map(
            panels,
            key=KEY,
            ids=data["ids"],
            classes=data["classes"],
            class_names=NAMES,
            colours=COLOURS,
            markers=data["markers"],
            marker_names=("test", "train"),
            marker_title="split",
            colour=colour,
            renderer=st.query_params.get("renderer", "auto"),
            sprites=make_sprites(data["pixels"]),
            view_key=f"run {st.session_state.get('view', 0)}",
            report_selection=report,
        )
    runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.text(f"run {runs}")
    st.text(f"version {version}")
    if events.click:
        st.session_state["click"] = events.click
    if events.selection is not None:
        st.session_state["selection"] = events.selection.tolist()
    if events.empty:
        st.session_state["place"] = (events.empty["x"], events.empty["y"])
        st.session_state["panel"] = events.empty["panel"]
        st.rerun()
    st.text(f"click {st.session_state.get('click')}")
    st.text(f"place {st.session_state.get('panel')} {st.session_state.get('place')}")
    st.text(f"selection {st.session_state.get('selection')}")


if __name__ == "__main__":
    page()
