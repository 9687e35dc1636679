"""Pickers, guards and frames used by more than one page."""

import functools
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from plotly.graph_objects import Figure

from dashboard import gateway, state
from dashboard.charts import plot_config
from dashboard.components.latent_map import Sprites, make_sprites
from dashboard.gateway import MapData, RunRecord, VAEScopeError

log = logging.getLogger("vaescope")

DEFAULT_RUN = "bundled-digits-beta-1"
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&^=@\"'])")


def is_dark() -> bool:
    """Whether the reader looks at the dark theme."""
    return st.context.theme.type == "dark"


def plain(text: str) -> str:
    """Escape text that a person typed, so that Markdown shows it letter by letter."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def guarded(page: Callable[[], None]) -> Callable[[], None]:
    """Wrap a page: an error becomes one sentence, its traceback goes to the server's log under a number."""

    @functools.wraps(page)
    def safe() -> None:
        try:
            page()
        except VAEScopeError as error:
            st.error(plain(str(error)), icon=":material/error:")
        except Exception:
            number = secrets.token_hex(4)
            log.exception("error %s on page %s", number, page.__module__)
            st.error(
                f"This page met an error that it did not expect. Its number is {number}: the details stand under it "
                "in the server's log. Reload the page, or choose another run.",
                icon=":material/error:",
            )

    return safe


# --- other pages --------------------------------------------------------------------------------------------------


def go(page: str, **choices: str) -> None:
    """Open another page with these choices in its URL, as in `go("latent", run=record.id)`; does not come back.

    Args:
        page: its module's name: runs, latent, curves, tradeoff, compare.
        **choices: parameters of its URL; several ids are joined by `state.ids_text`.
    """
    pages = state.recall("pages")
    if pages is None:  # the page stands alone, without the frame of dashboard.app, as in tests
        state.remember("went", (page, choices))
        st.rerun()
    st.switch_page(pages[page], query_params=choices)


# --- choices that live in the URL ---------------------------------------------------------------------------------


def segmented(
    label: str, options: Mapping[str, str], *, key: str, default: str, help: str | None = None
) -> str:
    """Choose one of a few options, {value: text people read}; the value lives in the URL."""
    state.restore(key, parse=lambda text: text if text in options else None, default=default)
    state.limit(key, lambda value: value in options, default)
    value = st.segmented_control(
        label, list(options), key=key, format_func=lambda one: options[one], required=True, help=help
    )
    state.share(key, value, value if value != default else None)
    return str(value)


def select(label: str, options: Mapping[str, str], *, key: str, default: str, help: str | None = None) -> str:
    """Choose one of many options, {value: text people read}; the value lives in the URL."""
    state.restore(key, parse=lambda text: text if text in options else None, default=default)
    state.limit(key, lambda value: value in options, default)
    value = st.selectbox(label, list(options), key=key, format_func=lambda one: options[one], help=help)
    state.share(key, value, value if value != default else None)
    return str(value)


def number(
    label: str, *, key: str, default: int, low: int, high: int, step: int = 1, help: str | None = None
) -> int:
    """Choose a whole number; it lives in the URL."""

    def parse(text: str) -> int | None:
        return int(text) if text.isascii() and text.isdigit() and low <= int(text) <= high else None

    state.restore(key, parse=parse, default=default)
    state.limit(key, lambda value: low <= value <= high, default)
    value = int(st.number_input(label, min_value=low, max_value=high, step=step, key=key, help=help))
    state.share(key, value, str(value) if value != default else None)
    return value


def toggle(label: str, *, key: str, default: bool = False, help: str | None = None) -> bool:
    """Switch something on or off; it lives in the URL as 1 or 0."""
    state.restore(key, parse=lambda text: {"1": True, "0": False}.get(text), default=default)
    value = st.toggle(label, key=key, help=help)
    state.share(key, value, str(int(value)) if value != default else None)
    return bool(value)


def coordinate_value(key: str) -> float | None:
    """A coordinate before its box is drawn: from the URL or an earlier choice, None where there is none."""
    state.restore(key, parse=_finite, default=None)
    value = state.current(key)
    return None if value is None else float(value)


def coordinate(label: str, *, key: str, help: str | None = None) -> float | None:
    """Type a coordinate, any finite number or nothing; it lives in the URL."""
    state.restore(key, parse=_finite, default=None)
    value = st.number_input(
        label, value=None, step=0.1, format="%.4f", key=key, help=help, placeholder="none"
    )
    state.share(key, value, None if value is None else f"{value:.4f}")
    return value


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e6 else None  # false for NaN too


def step_slider(
    label: str, options: Mapping[str, str], *, key: str, default: str, help: str | None = None
) -> str:
    """Step through ordered options, {value: text people read}; the value lives in the URL."""
    state.restore(key, parse=lambda text: text if text in options else None, default=default)
    state.limit(key, lambda value: value in options, default)
    value = st.select_slider(label, list(options), key=key, format_func=lambda one: options[one], help=help)
    state.share(key, value, value if value != default else None)
    return str(value)


# --- runs ---------------------------------------------------------------------------------------------------------


def usable_runs() -> list[RunRecord]:
    """Runs that can be opened: readable, with weights, not hidden. Without any, says what to do and ends the page."""
    records = gateway.runs()
    usable = [
        record
        for record in records
        if record.document is not None and record.state != "damaged" and record.document.weights
    ]
    if not usable:
        empty_store(broken=len(records))
        st.stop()
    return usable


def empty_store(*, broken: int = 0) -> None:
    """Say that there is no run to show, and how to train the first one."""
    others = (
        f" {broken} other folders are listed on the Runs page, with the reason why each cannot be opened."
        if broken
        else ""
    )
    st.info(
        f"No run can be shown yet.{others} Train the first one in a terminal; it takes seconds:",
        icon=":material/info:",
    )
    st.code("python -m core train digits-vae", language="bash")
    st.caption(
        f"Runs are read from {plain(str(gateway.store_path()))}; a new one is found when the page is reloaded."
    )


def default_run(records: Sequence[RunRecord]) -> str:
    """Id of a sensible first run: the bundled beta = 1, else the newest that is finished, else the newest."""
    by_id = {record.id: record for record in records}
    if DEFAULT_RUN in by_id:
        return DEFAULT_RUN
    return next((record.id for record in records if record.state == "finished"), records[0].id)


def run_titles(records: Sequence[RunRecord]) -> dict[str, str]:
    """{id: display name}, with the id behind names that stand twice, and the state of runs that are not finished."""
    names = [record.name for record in records]
    titles = {}
    for record in records:
        title = record.name if names.count(record.name) == 1 else f"{record.name} ({record.id})"
        titles[record.id] = title if record.state == "finished" else f"{title} [{record.state}]"
    return titles


def pick_run(
    label: str = "Run",
    *,
    key: str = "run",
    records: Sequence[RunRecord] | None = None,
    default: str | None = None,
) -> RunRecord:
    """Choose one run; its id lives in the URL. Ends the page with a sentence where there is none."""
    choices = list(records) if records is not None else usable_runs()
    _say_unknown(key, choices)
    chosen = select(label, run_titles(choices), key=key, default=default or default_run(choices))
    record = next(record for record in choices if record.id == chosen)
    state.share(key, record.id, record.id)  # a link names its run even where it is the default
    if record.reason:
        st.warning(plain(record.reason), icon=":material/warning:")
    return record


def pick_runs(
    label: str, *, key: str, records: Sequence[RunRecord], default: Sequence[str], most: int = 8
) -> list[RunRecord]:
    """Choose several runs; their ids live in the URL. May be empty: the page says what to do then."""
    by_id = {record.id: record for record in records}
    _say_unknown(key, records)

    def parse(text: str) -> list[str] | None:
        return [one for one in state.as_ids(text) if one in by_id][:most] or None

    state.restore(key, parse=parse, default=[one for one in default if one in by_id])
    state.limit(
        key, lambda value: all(one in by_id for one in value), [one for one in default if one in by_id]
    )
    titles = run_titles(records)
    chosen = st.multiselect(
        label,
        list(by_id),
        key=key,
        format_func=lambda one: titles[one],
        max_selections=most,
        placeholder="Choose runs",
    )
    state.share(key, list(chosen), state.ids_text(chosen) or None)
    return [by_id[one] for one in chosen]


def _say_unknown(key: str, records: Sequence[RunRecord]) -> None:
    known = {record.id for record in records}
    missing = [one for one in state.as_ids(state.linked(key)) if one not in known]
    if missing:
        st.warning(
            f"The link names {plain(', '.join(missing)[:200])}, which cannot be shown here: it was deleted, hidden, "
            "or does not fit this page. Another run is shown instead.",
            icon=":material/link_off:",
        )


# --- data and latents that may have to be made first --------------------------------------------------------------


class Bar:
    """A progress bar with the time left, fed with (done, all)."""

    def __init__(self, label: str) -> None:
        """Show an empty bar."""
        self._label, self._start, self._bar = label, time.monotonic(), st.progress(0.0, text=label)

    def __call__(self, done: int, total: int, detail: str = "") -> None:
        """Move the bar; total 0 means that nobody knows."""
        share = min(1.0, done / total) if total else 0.0
        spent = time.monotonic() - self._start
        left = f", about {spent / share * (1 - share):.0f} s left" if share > 0.02 else ""
        self._bar.progress(share, text=f"{self._label} {detail} {100 * share:.0f} %{left}")

    def close(self) -> None:
        """Take the bar away."""
        self._bar.empty()


def need_data(record: RunRecord) -> bool:
    """Whether the images of a run's data set are here; if not, offers to fetch them, or says where to put them."""
    dataset = record.config.dataset
    if gateway.data_available(dataset):
        return True
    with st.container(border=True):
        st.markdown(
            f"**The images of {plain(dataset)} are not on this machine.** The decoded lattice, samples from the "
            "prior and the curves work without them; points, originals and reconstructions need them."
        )
        st.caption(
            f"Fetch them here (once, from public mirrors), or put the four IDX files into "
            f"{plain(str(gateway.data_folder() / dataset))}, raw or .gz, and reload."
        )
        if st.button(f"Fetch {plain(dataset)}", key=f"fetch-{dataset}", icon=":material/download:"):
            bar = Bar(f"Fetching {plain(dataset)}:")
            try:
                gateway.fetch(dataset, lambda done, total, name: bar(done, total, plain(name)))
            except VAEScopeError as error:
                st.error(plain(str(error)), icon=":material/error:")
                return False
            finally:
                bar.close()
            st.rerun()
    return False


def need_latents(record: RunRecord, splits: Sequence[str]) -> bool:
    """Whether the latents of these splits are at hand; encodes them once, with a bar, where the data set is here."""
    missing = [split for split in splits if not gateway.latents_ready(record, split)]
    if missing and not need_data(record):
        return False
    for split in missing:
        bar = Bar(f"Encoding the {split} images, once:")
        try:
            gateway.latents(record, split, bar)
        finally:
            bar.close()
    return True


def sprites(record: RunRecord, data: MapData) -> Sprites:
    """Thumbnails of a map's points, made once for the images shown.

    Raises:
        DataMissing: the data set is not on this machine.
    """
    return _sprites(record.config.dataset, data.ids.tobytes(), _record=record, _data=data)


@st.cache_resource(max_entries=8, show_spinner=False)
def _sprites(dataset: str, ids: bytes, _record: RunRecord, _data: MapData) -> Sprites:
    return make_sprites(gateway.originals_of_map(_record, _data))


# --- frames of figures --------------------------------------------------------------------------------------------


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """CSV of a frame; text cells that a spreadsheet would run as a formula are quoted with an apostrophe."""

    def safe(value: Any) -> Any:
        return (
            f"'{value}"
            if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
            else value
        )

    return frame.map(safe).to_csv(index=False).encode()


def download_csv(frame: pd.DataFrame, *, filename: str, key: str, label: str = "Data (CSV)") -> None:
    """A button that downloads a frame as `<filename>.csv`."""
    st.download_button(
        label,
        data=lambda: csv_bytes(frame),
        file_name=f"{filename}.csv",
        mime="text/csv",
        key=f"csv-{key}",
        on_click="ignore",
        icon=":material/table:",
        type="tertiary",
    )


def figure(
    drawing: Figure, *, key: str, filename: str, frame: pd.DataFrame | None = None, alt: str = ""
) -> None:
    """Show a Plotly figure with its downloads: PNG from the figure's own bar, made in the browser, and CSV."""
    st.plotly_chart(
        drawing, key=key, width="stretch", theme=None, config=plot_config(filename), alt=alt or None
    )
    if frame is not None:
        download_csv(frame, filename=filename, key=key)


def picture(
    png: bytes, *, key: str, filename: str, caption: str, alt: str, frame: pd.DataFrame | None = None
) -> None:
    """Show a PNG picture with its downloads, at its own size or the column's width."""
    st.image(png, caption=caption, alt=alt)
    left, right = st.columns(2)
    with left:
        st.download_button(
            "Picture (PNG)",
            data=png,
            file_name=f"{filename}.png",
            mime="image/png",
            key=f"png-{key}",
            on_click="ignore",
            icon=":material/image:",
            type="tertiary",
        )
    if frame is not None:
        with right:
            download_csv(frame, filename=filename, key=key)


def how_to_read(text: str) -> None:
    """The short explanation of a page's figures, with their formula; `text` is our own Markdown."""
    with st.expander("How to read this", icon=":material/menu_book:"):
        st.markdown(text)


def show_number(value: float | None, digits: int = 2) -> str:
    """A number as pages print it; what does not apply is said so."""
    return "does not apply" if value is None else f"{value:.{digits}f}"
