"""Arithmetic on the Edit page: a - b + c of three chosen images."""

import numpy as np
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.images import enlarge, image_frame, rows_png
from dashboard.pages._edit_images import Images


def arithmetic(images: Images) -> None:
    """Decode a - b + c, where each letter is the latent of a chosen image."""
    st.subheader("Arithmetic")
    st.caption("a − b + c: what a has and b lacks, given to c.")
    options = {str(row): images.title(row) for row in images.rows}
    keys = list(options)
    rows = []
    for k, (letter, column) in enumerate(zip("abc", st.columns(3), strict=True)):
        with column:
            rows.append(
                int(controls.select(letter, options, key=letter, default=keys[min(k, len(keys) - 1)]))
            )
    a, b, c = images.z(rows)
    result = gateway.analogy(a, b, c)
    decoded = gateway.decode(images.record, np.stack([a, b, c, result]), images.told([*rows, rows[2]]))
    parts, labels = [decoded], ["decoded"]
    if images.here:
        parts, labels = [images.originals(rows), *parts], ["original", *labels]
    shown = [f"{label} {letter}" for label in labels[:-1] for letter in "abc"]
    shown += [*(f"decoded {letter}" for letter in "abc"), "a - b + c"]
    frame = image_frame(np.concatenate(parts), ids=np.arange(len(shown)))
    frame.insert(0, "shown_as", np.repeat(shown, len(frame) // len(shown)))
    controls.picture(
        rows_png(parts, labels=labels, gap=6, scale=enlarge(decoded.shape[-1], to=96)),
        key="edit-arithmetic",
        filename=f"{images.record.id}-arithmetic-{'-'.join(map(str, rows))}",
        caption=f"From left to right: a, b, c, and a − b + c, decoded. {_nearest(images, result)}"
        f"{f' The result is decoded{told}, that of c.' if (told := images.told_words(rows[2])) else ''}",
        alt="Three images and what their arithmetic decodes to",
        frame=frame,
    )
    controls.say_impossible(images.record, result)


def _nearest(images: Images, z: np.ndarray) -> str:
    """Say which label's average a latent is nearest to."""
    labels, centres = gateway.label_means(images.record, images.split)
    if not len(labels):
        return ""
    nearest = int(labels[gateway.nearest_mean(((z - images.centre) / images.spread)[None], centres)[0]])
    return f"Its latent lies nearest to the average of label {controls.plain(images.class_names[nearest])}."
