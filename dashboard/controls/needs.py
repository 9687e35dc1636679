"""What a page needs before it can draw: images, latents, thumbnails; made or fetched with a bar."""

import time
from collections.abc import Sequence

import streamlit as st

from dashboard import gateway
from dashboard.charts.glyphs import pictured
from dashboard.components.latent_map import Sprites, make_sprites
from dashboard.controls.words import plain, span
from dashboard.gateway import MapData, RunRecord, VAEScopeError


class Bar:
    """A progress bar with the time left, fed with (done, all)."""

    def __init__(self, label: str) -> None:
        """Show an empty bar."""
        self._label, self._start, self._bar = label, time.monotonic(), st.progress(0.0, text=label)

    def __call__(self, done: int, total: int, detail: str = "") -> None:
        """Move the bar; total 0 means that nobody knows."""
        share = min(1.0, done / total) if total else 0.0
        spent = time.monotonic() - self._start
        left = f", about {span(spent / share * (1 - share))} left" if share > 0.02 else ""
        self._bar.progress(share, text=f"{self._label} {detail} {100 * share:.0f} %{left}")

    def close(self) -> None:
        """Take the bar away."""
        self._bar.empty()


def need_data(record: RunRecord) -> bool:
    """Whether the images of a run's data set are here; if not, offers to fetch them, or says where to put them."""
    if gateway.has_images(record):
        return True
    dataset = record.config.dataset
    if not gateway.can_be_fetched(dataset):
        st.info(
            f"**The images of {plain(dataset)} that this run was trained on are not on this machine:** the data set "
            "was deleted, or another one has its name now. Add the same source again on the Data page to see them; the "
            "decoded lattice, samples and the curves work without them.",
            icon=":material/image_not_supported:",
        )
        return False
    offer_data(dataset)
    return False


def offer_data(dataset: str) -> None:
    """Offer to fetch a data set that is not on this machine, and say where its files can be put."""
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
                return
            finally:
                bar.close()
            st.rerun()


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


def offer_scores(record: RunRecord, name: str) -> None:
    """Say why a run has no scores, and offer to compute them where that can be stored."""
    st.caption(f"{name}: {plain(gateway.why_no_scores(record))}")
    if not (gateway.can_be_scored(record) and gateway.has_images(record)):
        return
    if st.button(f"Score {name} now", key=f"score-{record.id}", icon=":material/calculate:"):
        bar = Bar(f"Scoring {name}:")
        try:
            gateway.rescore(record, bar)
        except VAEScopeError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        finally:
            bar.close()
        st.rerun()


def sprites(record: RunRecord, data: MapData) -> Sprites:
    """Thumbnails of a map's points, made once for the images shown.

    Raises:
        DataMissing: the data set is not on this machine.
    """
    # A spinner shows after a tenth of a second: thumbnails that are at hand, or few, show none.
    with st.spinner(f"Preparing {len(data.ids):,} thumbnails, once"):
        return _sprites(
            gateway.data_of(record), record.config.binarise, data.ids.tobytes(), _record=record, _data=data
        )


@st.cache_resource(max_entries=8, show_spinner=False)
def _sprites(data: tuple[str, str], binarise: str, ids: bytes, _record: RunRecord, _data: MapData) -> Sprites:
    return make_sprites(pictured(gateway.originals_of_map(_record, _data)))
