"""How alike the runs of the Compare page see the same images: CKA and neighbourhood overlap as matrices."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.matrix import matrix_frame, matrix_table
from dashboard.pages._compare_sides import Side, Sides, groups_of, letters_of


def similarities(sides: Sides, splits: Sequence[str]) -> None:
    """Draw both matrices for each group of runs that saw the same images."""
    groups = [group for group in groups_of([side for side in sides if not side.unread]) if len(group) > 1]
    if not groups:
        return
    st.subheader("How alike they see the images")
    for group in groups:
        able = [side for side in group if all(gateway.latents_ready(side.record, split) for split in splits)]
        if len(able) < len(group):
            without = [side for side in group if side not in able]
            st.caption(f"{letters_of(without)}: similarity needs the images, which are not on this machine.")
        if len(able) > 1:
            _matrices(able, splits)


def _matrices(sides: Sequence[Side], splits: Sequence[str]) -> None:
    found = gateway.similarity([side.record for side in sides], splits)
    letters = [side.letter for side in sides]
    if found.images < 2:
        st.caption(f"{letters_of(sides)} share fewer than two images, so there is nothing to compare.")
        return
    chance = f"{found.chance:.3f}" if found.chance is not None else "unknown"
    tables = (
        ("Linear CKA", "0 nothing in common, 1 the same up to a turn and scale", found.cka),
        (
            f"Overlap of {found.neighbours} nearest neighbours",
            f"share of them; by chance {chance}, 1 the same",
            found.overlap,
        ),
    )
    for (title, meaning, values), column in zip(tables, st.columns(2), strict=True):
        with column:
            st.markdown(f"**{title}**  \n:gray[{meaning}]")
            st.table(matrix_table(values, letters))
    controls.download_csv(
        partial(matrix_frame, {"linear_cka": found.cka, "neighbour_overlap": found.overlap}, letters),
        filename="compare-similarity",
        key=f"compare-similarity-{''.join(letters).lower()}",
    )
    of = f", a stratified sample of {found.total:,} with seed 0" if found.images < found.total else ""
    words = "the means of q(z given x)" if all(side.has_posterior for side in sides) else "the means or codes"
    st.caption(
        f"Over {words} of the same {found.images:,} images{of}. Higher is more alike, neither is better. Neither "
        "number depends on the number of latent dimensions, their rotation or their signs; an empty cell is a run that "
        "gives all images one place."
    )
