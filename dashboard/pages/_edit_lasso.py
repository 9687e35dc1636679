"""A map on the Edit page from which a group of images is taken by lasso or box."""

import numpy as np
import streamlit as st

from dashboard import controls, gateway, state, theme
from dashboard.components.latent_map import UNLABELLED, Panel, latent_map
from dashboard.pages._edit_images import Images, rows_text

KEY = "edit-lasso"


def selection_map(images: Images, *, most: int) -> None:
    """Draw the split's images in their two most informative dimensions; two buttons take what is selected.

    Args:
        images: whose split is drawn.
        most: images that a group takes; of more, so many evenly spread ones.
    """
    record, latents = images.record, images.latents
    data = gateway.map_data(record, (images.split,))
    shown = list(controls.ranked_dimensions(record, images.split).names)[:2]
    code = latents.log_variances is None
    labels = data.latents.labels
    rows = controls.class_rows(labels)
    plane = data.latents.means[:, shown]
    axes = [theme.latent_axis(k, code=code) for k in shown]
    events = latent_map(
        [
            Panel(
                id="edit",
                title="Codes" if code else "Latent means",
                xy=(plane if len(shown) == 2 else np.column_stack([plane[:, 0], rows])).astype(np.float32),
                x_title=axes[0],
                y_title=axes[1] if len(axes) == 2 else controls.CLASS_ROWS,
                square=len(shown) == 2,
                alt=f"Scatter of {len(labels)} images over {' and '.join(axes)}, coloured by label",
                clickable_empty=False,
            )
        ],
        key=KEY,
        ids=data.ids,
        classes=np.where(labels < 0, UNLABELLED, labels).astype(np.uint8),
        class_names=images.class_names,
        colours=theme.CLASS_COLOURS,
        sprites=controls.sprites(record, data) if images.here else None,
        id_bits=gateway.ROW_BITS,
        view_key=f"{record.id}:{images.split}:{shown}",
        columns=1,
        height=460,
        report_selection=True,
    )
    if events.selection is not None:
        state.remember(KEY, events.selection.tolist())
    kept = np.asarray(state.recall(KEY, []), np.uint32)
    selected = [gateway.split_and_row(int(one))[1] for one in kept[np.isin(kept, data.ids)]]
    taken = spread(selected, most)
    some = f" (of more than {most}, {most} evenly spread ones are taken)" if len(selected) > most else ""
    of = shown_words(len(data.ids), data.total)
    st.caption(
        f"{len(selected)} of {of} selected{some}. Select with a lasso (Shift + drag) or a box (Alt + drag), then say "
        "which group they are."
    )
    with st.container(horizontal=True, gap="small"):
        for key, label in (
            ("having", "Use as the group to go to"),
            ("lacking", "Use as the group to come from"),
        ):
            if st.button(label, key=f"{KEY}-{key}", disabled=not taken):
                state.put(key, rows_text(taken))
                st.rerun()


def shown_words(shown: int, total: int) -> str:
    """How many images the map shows, and of how many they are a sample."""
    return (
        f"{shown:,} images"
        if shown == total
        else f"{shown:,} images (a stratified sample of {total:,}, seed 0)"
    )


def spread(rows: list[int], most: int) -> list[int]:
    """At most so many of the rows, evenly spread over them."""
    if len(rows) <= most:
        return rows
    return [rows[k] for k in np.linspace(0, len(rows) - 1, most).round().astype(int)]
