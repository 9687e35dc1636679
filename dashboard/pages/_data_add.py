"""Adding a data set: choose a source, look at a sample of it, then add the whole."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import controls, gateway, state
from dashboard.charts.glyphs import reading
from dashboard.gateway import OwnSet, VAEScopeError
from dashboard.pages._data_sets import examples_grid, left_out_table, size_words
from dashboard.pages._data_way import running_bar

SOURCES = {"upload": "Upload a file", "inbox": "From the inbox folder"}
SIZES = {
    "none": "As the first image",
    **{str(k): f"{k} × {k}" for k in (8, 16, 28, 32, 48, 64, 96, 128, 256)},
}
FITS = {"crop": "Cut the edges", "pad": "Black borders", "stretch": "Distort"}
COLOURS = {"auto": "As the images", "grey": "Grey", "rgb": "RGB"}


def add_form() -> None:
    """Draw the form; a sample that was looked at stands below it."""
    looked = next((one for one in gateway.on_their_way() if one.request.look), None)
    if looked is None:
        _source()
    else:
        _looked(looked)


Begin = Callable[[str, dict[str, Any], dict[str, Any]], OwnSet]
"""Called with a name, options and limits; makes a place for the data set and begins to look at its source"""


def _source() -> None:
    st.markdown("Choose what to add, and look at a sample of it before anything is added.")
    kind = controls.segmented("Source", SOURCES, key="data-source", default="upload")
    called, begin = _uploaded() if kind == "upload" else _of_inbox()
    name = st.text_input(
        "Name of the data set",
        value=gateway.suggested_name(called, gateway.taken_names()) if called else "",
        key=f"data-name-{called}",
        max_chars=40,
        help="a to z, 0 to 9, '-' and '_'. It is what runs are trained on: dataset=NAME.",
    )
    options, limits = _boxes({})
    if st.button(
        "Look at a sample",
        type="primary",
        key="data-look",
        icon=":material/preview:",
        disabled=begin is None,
        help=None if begin else "Choose a source first.",
    ):
        assert begin is not None
        chosen = begin

        def look() -> None:
            chosen(name, options, limits)

        controls.attempt(look)


def _uploaded() -> tuple[str, Begin | None]:
    """What the browser calls an uploaded file, and what begins with it."""
    uploaded = st.file_uploader(
        "npz, zip, CSV or Parquet",
        type=["npz", "zip", "csv", "parquet"],
        key="data-upload",
        help="A zip holds a folder of images for each class. For what is larger, use the inbox folder.",
    )
    if uploaded is None:
        return "", None
    return uploaded.name, lambda name, options, limits: gateway.stage_upload(
        name, uploaded, uploaded.name, options, limits
    )


def _of_inbox() -> tuple[str, Begin | None]:
    """The name of what was chosen in the inbox, and what begins with it."""
    entries = gateway.in_inbox()
    if not entries:
        st.info(
            f"Put a folder of images, or an npz, zip, CSV or Parquet file, into "
            f"{controls.plain(str(gateway.inbox()))} and reload. In a terminal any path will do: python -m core "
            "data add NAME PATH.",
            icon=":material/inbox:",
        )
        return "", None
    entry = st.selectbox("In the inbox", entries, key="data-inbox")
    return entry, lambda name, options, limits: gateway.stage_from_inbox(name, entry, options, limits)


TURN = "data-turn"
"""How many sources were added or given up: each has boxes of its own"""


def _key(name: str) -> str:
    turn = state.recall(TURN, 0)
    return f"data-set-{name}-{turn}" if turn else f"data-set-{name}"


def _next_turn() -> None:
    state.remember(TURN, state.recall(TURN, 0) + 1)


def _chosen(label: str, options: dict[str, str], name: str, default: str) -> str:
    return str(
        st.selectbox(
            label,
            list(options),
            index=list(options).index(default) if default in options else 0,
            format_func=lambda one: options[one],
            key=_key(name),
        )
    )


def _boxes(now: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a box for each option and limit, and return both; `now` holds what a look was asked with."""
    sizes, shown = SIZES, "none"
    if now.get("size") is not None:
        height, width = now["size"]
        shown = str(height) if height == width else f"{height}x{width}"
        sizes = {**SIZES, shown: SIZES.get(shown, f"{width} × {height}")}
    one, two, three, four = st.columns(4)
    options: dict[str, Any] = {}
    with one:
        options["size"] = _chosen("Size in pixels", sizes, "size", shown)
    with two:
        options["fit"] = _chosen("Another shape", FITS, "fit", str(now.get("fit", "crop")))
    with three:
        options["colour"] = _chosen("Colour", COLOURS, "colour", str(now.get("colour", "auto")))
    with four:
        crop = st.number_input(
            "Cut out first (pixels)",
            min_value=0,
            max_value=65_535,
            value=int(now.get("crop") or 0),
            key=_key("crop"),
            help="Side of the square that is cut out of the centre before the image is scaled; 0 cuts nothing. 148 for "
            "the faces of CelebA.",
        )
    options["crop"] = int(crop) or None
    one, two, three, _ = st.columns(4)
    with one:
        label = st.text_input(
            "Column of the labels",
            value=str(now.get("label") or ""),
            max_chars=200,
            key=_key("label"),
            help="Of a table of vectors, or of the attribute table beside images. Empty: the folders are the classes, "
            "or there are none.",
        )
    options["label"] = label.strip() or None
    with two:
        options["test"] = st.number_input(
            "Share of test items",
            min_value=0.01,
            max_value=0.9,
            step=0.05,
            value=float(now.get("test", 0.15)),
            key=_key("test"),
            help="Where the source has no split of its own.",
        )
    with three:
        options["seed"] = int(
            st.number_input(
                "Seed of the split",
                min_value=0,
                max_value=2**31 - 1,
                value=int(now.get("seed", 0)),
                key=_key("seed"),
            )
        )
    return options, _limit_boxes(now)


def _limit_boxes(now: dict[str, Any]) -> dict[str, Any]:
    limits = {}
    with st.expander("Limits of the reading", key="data-limits"):
        columns = st.columns(4)
        for k, (name, (default, about)) in enumerate(gateway.limit_settings().items()):
            kind = type(default)
            with columns[k % 4]:
                limits[name] = kind(
                    st.number_input(
                        name.capitalize(),
                        value=kind(now.get(name, default)),
                        min_value=kind(1) if kind is int else 0.01,
                        key=_key(f"limit-{name}"),
                        help=about,
                    )
                )
    return limits


def _looked(one: OwnSet) -> None:
    st.subheader(controls.plain(one.name), anchor=False)
    if one.state == "running":
        _looking()
        return
    if one.state != "looked":
        st.error(
            controls.plain(one.reason or one.job.error or "The look was cut off: look again."),
            icon=":material/error:",
        )
    else:
        _sample(one)
    options, limits = _boxes(one.request.options.model_dump() | one.request.limits.model_dump())
    changed = not gateway.asked_with(one, options, limits)
    with st.container(horizontal=True):
        if one.state == "looked" and st.button(
            "Add it",
            type="primary",
            key="data-add",
            icon=":material/add:",
            disabled=changed,
            help="The options were changed: look again first." if changed else "As the sample shows it.",
        ):
            controls.attempt(lambda: _added(one))
        if st.button(
            "Look again", key="data-look-again", icon=":material/preview:", help="With these options."
        ):
            controls.attempt(lambda: gateway.look_again(one, options, limits))
        if st.button("Give up", key="data-give-up", icon=":material/close:", help="Nothing is added."):
            controls.attempt(lambda: _given_up(one))
    if changed and one.state == "looked":
        st.caption("The options above are not those of the sample: look again, then add it.")


def _given_up(one: OwnSet) -> None:
    gateway.delete_own(one)
    _next_turn()


def _added(one: OwnSet) -> None:
    gateway.add_looked(one)
    _next_turn()
    state.put("data-part", "sets")
    state.share("data-part", "sets", None)


@st.fragment(run_every=0.5)
def _looking() -> None:
    one = next((one for one in gateway.on_their_way() if one.request.look), None)
    if one is None or one.state != "running":
        st.rerun()
    running_bar(one)
    if st.button("Stop", key="data-look-stop", icon=":material/stop:"):
        controls.attempt(lambda: gateway.stop_import(one))


def _sample(one: OwnSet) -> None:
    try:
        sample = gateway.read_sample(one)
    except VAEScopeError as error:
        st.error(controls.plain(str(error)), icon=":material/error:")
        return
    shape = sample.values.shape[1:]
    st.markdown(
        f"**{sample.items:,} items**, {controls.plain(sample.what)}, to be stored as {sample.kind}s of "
        f"{size_words(shape, sample.kind)}."
    )
    png = examples_grid(sample.values)
    st.image(
        png,
        caption=f"A sample of {len(sample.values)}, as they would be stored.{reading(shape)}",
        alt="A sample of the source",
        width=controls.width_of(png),
    )
    counts: dict[str, int] = {}
    for label in sample.labels:
        counts[label or "no label"] = counts.get(label or "no label", 0) + 1
    shown_counts = ", ".join(f"{controls.plain(name)} ({count})" for name, count in list(counts.items())[:20])
    more = f" and {len(counts) - 20} more" if len(counts) > 20 else ""
    st.caption(f"Labels in the sample: {shown_counts}{more}.")
    if sample.columns:
        quoted = ", ".join(f"'{name}'" for name in sample.columns)
        st.caption(f"Columns that can be the label: {controls.plain(quoted)}.")
    left_out_table(sample.left_out, sample.left_out_count)
