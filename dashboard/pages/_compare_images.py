"""Pictures of the Compare page: the same originals and the same prior draws through each run."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.images import enlarge, rows_frame, rows_png
from dashboard.pages._compare_sides import Side, Sides, at_the_mean, groups_of, letters_of

EXAMPLES = 12
"""Images in a row"""
EXAMPLE_SEED = 0
TILE = 64
"""Side of an image in a row, in pixels, about: pixels are enlarged by whole factors"""

CARD = 176
"""Side of an image that is looked at alone, in pixels, about"""


def columns_of_cards(count: int) -> int:
    """Images in a row of large ones: three of three, five, six or nine, else four."""
    return min(count, 3 if count in (3, 5, 6, 9) else 4)


# --- the same originals through each ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Examples:
    """Some test images of a run's data, as they are and as the run reconstructs them."""

    ids: np.ndarray
    names: list[str]
    originals: np.ndarray | None
    """(N, C, H, W) in [0, 1]; None where the data set is not on this machine"""
    reconstructions: np.ndarray


def examples_of(side: Side) -> Examples | None:
    """Stratified, seeded test images at the mean through one run; None where neither images nor latents are here."""
    record = side.record
    assert record.document is not None
    here = gateway.has_images(record)
    if not here and (side.unread or not gateway.latents_ready(record, "test")):
        return None
    ids = gateway.example_ids(record, EXAMPLES, seed=EXAMPLE_SEED)
    source = [gateway.split_and_row(int(one))[1] for one in ids]
    originals = gateway.originals(record, ids) if here else None
    if originals is not None:
        reconstructions = gateway.reconstruct_points(record, ids)
        images = gateway.images(record.config.dataset, "test")
        labels = images.labels[np.searchsorted(images.ids, source)]
    else:
        latents = gateway.latents(record, "test")
        rows = np.searchsorted(latents.ids, source)
        labels = latents.labels[rows]
        reconstructions = gateway.decode(record, latents.means[rows], labels)
    names = [record.document.data.class_names[k] if k >= 0 else "no label" for k in labels.tolist()]
    return Examples(ids, names, None if originals is None else gateway.unit(originals), reconstructions)


def same_originals(sides: Sides) -> None:
    """The same test images as each run reconstructs them; each its own images where the data differ."""
    if not sides:
        return
    st.subheader("The same images through each")
    groups = groups_of(sides)
    if len(groups) > 1:
        st.caption("The runs saw different data, so each reconstructs images of its own.")
    for k, members in enumerate(groups):
        group = [(side, examples_of(side)) for side in members]
        first = next((examples for _, examples in group if examples is not None), None)
        for_none = [side for side, examples in group if examples is None]
        if for_none:
            st.caption(
                f"{letters_of(for_none)}: reconstructions need the images, which are not on this machine."
            )
        if first is None:
            continue
        labels = [] if first.originals is None else ["original"]
        parts = [] if first.originals is None else [first.originals]
        for side, examples in group:
            if examples is not None:
                labels.append(side.letter)
                parts.append(examples.reconstructions)
        names = controls.plain(", ".join(first.names))
        controls.picture(
            rows_png(parts, labels=labels, gap=4, scale=enlarge(parts[0].shape[-1], to=TILE)),
            key=f"compare-same-{k}",
            filename="compare-reconstructions",
            caption=f"{len(first.ids)} test images, a stratified sample with seed {EXAMPLE_SEED}, and their "
            f"reconstructions {at_the_mean([side for side, _ in group])}. Labels: {names}.",
            alt=f"{len(first.ids)} test images and their reconstructions by "
            f"{letters_of([side for side, examples in group if examples is not None])}",
            frame=partial(rows_frame, labels, parts, first.ids),
        )


# --- the same draws from the prior --------------------------------------------------------------------------------


def prior_samples(sides: Sides) -> None:
    """The same prior draws decoded by each run; the same seed where their latents differ in size."""
    if not sides:
        return
    st.subheader("The same draws from the prior through each")
    able = [side for side in sides if side.has_posterior]
    without = [side for side in sides if not side.has_posterior]
    for side in without:
        st.caption(
            f"{side.letter}: does not apply: an autoencoder has no prior, so nothing says which codes to decode."
        )
    if not able:
        return
    count, _ = st.columns([1, 3])
    with count:
        seed = controls.number("Seed", key="seed", default=0, low=0, high=99_999)
    sizes = {side.record.config.latent for side in able}
    parts = [
        gateway.decode(
            side.record, gateway.prior_draws(EXAMPLES, latent=side.record.config.latent, seed=seed), side.told
        )
        for side in able
    ]
    words = f"{EXAMPLES} draws z ~ N(0, I) with seed {seed}."
    if len(able) > 1 and len(sizes) == 1:
        words = f"{words[:-1]}: image k is the same z in {'both rows' if len(able) == 2 else 'all rows'}."
    elif len(able) > 1:
        numbers = [str(side.record.config.latent) for side in able]
        words += (
            f" The runs have {', '.join(numbers[:-1])} and {numbers[-1]} latent dimensions: those with equally many "
            "share the draws, the others share the seed, not the draws."
            if len(sizes) < len(able)
            else f" The runs have {', '.join(numbers[:-1])} and {numbers[-1]} latent dimensions, so they share the "
            "seed, not the draws."
        )
    for side in able:
        if side.told is not None:
            words += f" {side.letter} decodes them{controls.class_words(side.record, side.told)}."
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for k, part in enumerate(parts):
        by_shape.setdefault(part.shape[1:], []).append(k)
    for places in by_shape.values():
        letters, group = [able[k].letter for k in places], [parts[k] for k in places]
        mark = "-".join(letters).lower()
        controls.picture(
            rows_png(group, labels=letters, gap=4, scale=enlarge(group[0].shape[-1], to=TILE)),
            key=f"compare-prior-{mark}",
            filename=f"compare-prior-{mark}-seed-{seed}",
            caption=words,
            alt=f"{EXAMPLES} prior samples of {letters_of([able[k] for k in places])}",
            frame=partial(rows_frame, letters, group, np.arange(1, EXAMPLES + 1)),
        )
