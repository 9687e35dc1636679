"""What is selected on a page's map: the kept selection in hand, until something else is selected there."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard import gateway, state
from dashboard.components.latent_map import Events
from dashboard.controls.selection_panel import selection_panel
from dashboard.controls.selections import images_text, keep_selection, put_selection
from dashboard.controls.words import plain
from dashboard.gateway import RunRecord, Selection

NOTHING = np.zeros(0, np.uint32)


class MapSelection:
    """The selection of one page's map, over the reruns of the page: `begin`, draw the map, `take` its events.

    What was selected last is kept by data set, so that another run, or other points of the same data, begin with it.
    """

    def __init__(self, record: RunRecord, kept: Selection | None, *, page: str) -> None:
        """Take the kept selection over where another one was chosen than in the run of the page before."""
        self.record, self.kept = record, kept
        self._key = f"map-selection:{page}:{'-'.join(gateway.data_of(record))}"
        self._of_kept = NOTHING if kept is None else gateway.selection_map_ids(kept, record)
        before, now = state.recall(f"{self._key}:kept", ""), "" if kept is None else kept.id
        if now != before:
            state.remember(f"{self._key}:kept", now)
            state.remember(f"{self._key}:begun", self._of_kept)
            state.remember(self._key, self._of_kept)

    @property
    def ids(self) -> np.ndarray:
        """Ids on a map of what is selected now, uint32 (N,); of a kept selection also those that are not on the map."""
        found: np.ndarray = state.recall(self._key, NOTHING)
        return found

    @property
    def is_kept(self) -> bool:
        """Whether what is selected now is the kept selection in hand."""
        return self.kept is not None and np.array_equal(np.sort(self.ids), self._of_kept)

    def begin(self, shown: np.ndarray, *, key: str) -> np.ndarray | None:
        """What a map is to select, for its `selected_ids`; None leaves to it what it has.

        It stays what it was while the map is shown: what is selected there since lives in the browser. Another map, or
        other points, begin with what was selected last.

        Args:
            shown: ids of the map's points.
            key: of the map.
        """
        this = (key, len(shown), hash(shown.tobytes()))
        last = state.recall(f"{self._key}:map")
        if last != this:
            state.remember(f"{self._key}:map", this)
            if last is not None:
                state.remember(f"{self._key}:begun", self.ids)
        begun: np.ndarray | None = state.recall(f"{self._key}:begun")
        return begun

    @property
    def turn(self) -> int:
        """Counts what `put` has set, so that a map takes an equal selection anew after another one was made on it."""
        turn: int = state.recall(f"{self._key}:turn", 0)
        return turn

    def put(self, ids: np.ndarray) -> None:
        """Select these images: a button beside the map does."""
        state.remember(f"{self._key}:begun", ids)
        state.remember(f"{self._key}:turn", self.turn + 1)
        state.remember(self._key, ids)

    def take(self, events: Events, shown: np.ndarray) -> None:
        """Take in what was selected or clicked on the map, whose points have these ids."""
        if events.selection is None:
            if events.click:
                state.remember(self._key, np.array([events.click["id"]], np.uint32))
            return
        if self.kept is not None and not len(events.selection):
            # cleared on the map: nothing is in use any more, here and in the link
            put_selection(None)
            st.rerun()
        on_map = self._of_kept[np.isin(self._of_kept, shown)]
        # the map hands back the part of the kept selection that it shows: that is no other selection
        same = len(on_map) > 0 and np.array_equal(np.sort(events.selection), on_map)
        state.remember(self._key, self._of_kept if same else events.selection)

    def bar(self, shown: np.ndarray, *, key: str, origin: str, counted: bool = True) -> None:
        """Say how many images are selected, and offer to keep those that are not kept yet.

        Args:
            shown: ids of the map's points.
            key: of the widgets.
            origin: one sentence: how they were selected.
            counted: whether their number is said; not where what stands below says it.
        """
        ids = self.ids
        with st.container(horizontal=True, vertical_alignment="center"):
            beside = len(ids) - int(np.isin(ids, shown).sum())
            some = f", {beside:,} of them not among the points of the map" if beside else ""
            if self.is_kept and self.kept is not None:
                st.markdown(f"**{plain(self.kept.name)}**: {images_text(len(ids))}{some}", width="content")
            else:
                if counted:
                    st.markdown(f"**{images_text(len(ids))} selected**{some}", width="content")
                keep_selection(self.record, ids, origin=origin, key=key)

    def panel(self, shown: np.ndarray, *, key: str, origin: str) -> None:
        """Under the map: the bar, and all that the selected images show, once that is opened."""
        if len(self.ids) < 2:
            st.caption(
                "Select images with a lasso (Shift + drag) or a box (Alt + drag; Ctrl adds), or choose a kept "
                "selection above: what they show appears here."
            )
            return
        self.bar(shown, key=key, origin=origin)
        part = st.expander(
            "What these images show", key=f"{key}-open", on_change="rerun", icon=":material/grid_view:"
        )
        with part:
            if part.open:
                selection_panel(self.record, self.ids, key=key)


def kept_ids(
    record: RunRecord, kept: Selection | None, *, most: int, splits: Sequence[str]
) -> np.ndarray | None:
    """The first images of a kept selection in these splits, ids on a map; None where there are none of it."""
    if kept is None:
        return None
    ids = gateway.selection_map_ids(kept, record)
    codes = [gateway.SPLIT_CODES.index(split) for split in splits]
    found = ids[np.isin(ids >> gateway.ROW_BITS, codes)][:most]
    return found if len(found) else None
