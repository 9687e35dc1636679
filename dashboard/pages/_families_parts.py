"""What the Families page and its lessons draw of several runs: codes, decoded places, reconstructions."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import controls, gateway
from dashboard.charts.images import enlarge, image_frame, image_grid, rows_frame, rows_png
from dashboard.components.latent_map import UNLABELLED, Panel, latent_map
from dashboard.gateway import FAMILIES, RunRecord, VAEScopeError, Wanted
from dashboard.theme import CLASS_COLOURS, dimension_name

EXAMPLES, EXAMPLE_SEED = 12, 0
SIDE = 8
"""Tiles a side of a small lattice, and of a square of samples"""
CONDITIONED = 6
"""Draws that are decoded as every class of a run that is told the label"""
TILES = 16
"""Tiles a side behind the points of a plane"""
PICTURE = 40
"""Least width of a tile in pixels"""
ROW = 44


def has_posterior(record: RunRecord) -> bool:
    """Whether a run has a posterior, and so a prior to draw from."""
    return FAMILIES[record.config.family].has_posterior


def codes_map(records: Sequence[RunRecord], titles: Sequence[str], *, key: str, tiles: bool = False) -> None:
    """A panel a run over the same test images: codes of two numbers as they are, larger ones by their PCA.

    With `tiles` what each place of a plane decodes to stands behind the points.
    """
    most = gateway.PROJECTED_POINTS
    data = [gateway.map_data(record, ("test",), most=most) for record in records]
    shared = [one for one in range(len(records)) if np.array_equal(data[one].ids, data[0].ids)]
    if len(shared) < len(records):
        others = [controls.plain(title) for k, title in enumerate(titles) if k not in shared]
        st.caption(
            f"Without {', '.join(others)}: trained on other images than the first run, so no points are shared."
        )
    first = records[0]
    panels = []
    for k in shared:
        latents = data[k].latents
        try:
            panels.append(
                _panel(records[k], titles[k], latents.means, latents.labels, name=f"run-{k}", tiles=tiles)
            )
        except VAEScopeError as error:
            # few images, say: what the others show stands all the same
            st.caption(f"Without {controls.plain(titles[k])}: {controls.plain(str(error))}")
    if not panels:
        return
    labels = data[0].latents.labels
    latent_map(
        panels,
        key=key,
        ids=data[0].ids,
        classes=np.where(labels < 0, UNLABELLED, labels).astype(np.uint8),
        class_names=controls.class_names_of(first),
        colours=CLASS_COLOURS,
        sprites=controls.sprites(first, data[0]) if gateway.has_images(first) else None,
        id_bits=gateway.ROW_BITS,
        view_key=":".join(records[k].id for k in shared),
        columns=min(3, len(panels)),
        height=400,
    )


def _panel(
    record: RunRecord, title: str, codes: np.ndarray, labels: np.ndarray, *, name: str, tiles: bool
) -> Panel:
    axis = partial(dimension_name, code=not has_posterior(record))
    names: tuple[str, ...] = (axis(0), axis(1))
    if codes.shape[1] == 1:
        places, names = np.column_stack([codes[:, 0], labels]), (axis(0), "class")
    elif codes.shape[1] == 2:
        places = codes
    else:
        made = gateway.projection(record, Wanted.of("test", "pca"))
        assert made is not None
        assert made.explained is not None
        places = made.places
        names = tuple(f"PC {k + 1} ({share:.0%})" for k, share in enumerate(made.explained))
        title = f"PCA, a projection: {title}"
    domain, image = _tiles(record, places) if tiles and codes.shape[1] == 2 else (None, None)
    return Panel(
        id=name,
        domain=domain,
        image=image,
        title=title,
        xy=np.ascontiguousarray(places, np.float32),
        x_title=names[0],
        y_title=names[1],
        circles=(1.0, 2.0, 3.0) if has_posterior(record) and codes.shape[1] == 2 else (),
        clickable_empty=False,
        alt=f"Test images in the code of {record.name}, coloured by label",
    )


def _tiles(record: RunRecord, places: np.ndarray) -> tuple[tuple[float, float, float, float], bytes]:
    """The square around all codes, and the decoded middles of its tiles as a picture."""
    low, high = places.min(0), places.max(0)
    centre, half = (low + high) / 2, 0.55 * float((high - low).max())
    steps = half * ((np.arange(TILES) + 0.5) / TILES * 2 - 1)
    x, y = np.meshgrid(centre[0] + steps, centre[1] - steps)  # row 0 is the top
    decoded = gateway.decode(record, np.column_stack([x.ravel(), y.ravel()]).astype(np.float32))
    domain = tuple(
        float(one) for one in (centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half)
    )
    return domain, image_grid(decoded, columns=TILES, gap=0)  # type: ignore[return-value]


def decoded_places(record: RunRecord) -> tuple[np.ndarray, str]:
    """(64, C, H, W) decoded places of a run, and what they are: a lattice of a plane, or draws from the prior.

    A code of more than two numbers without a prior has neither: nothing says which codes to decode, (0, ...).
    """
    if gateway.needs_labels(record):
        draws = gateway.chance_places(record, CONDITIONED)
        images = gateway.decode(
            record, *gateway.under_every_label(draws, classes=len(controls.class_names_of(record)))
        )
        return images, f"{CONDITIONED} draws from the prior, seed 0, one a row; every class, one a column."
    if record.config.latent == 2:
        centre = spread = None
        of, beyond = "evenly spread quantiles of the prior", ""
        if not has_posterior(record):
            centre, spread = gateway.centre_and_spread(gateway.latents(record, "test").means)
            of = "evenly spread quantiles of a normal fitted to the codes, because it has no prior"
            outermost = gateway.phi_inverse(np.array([[0.5 / SIDE], [1 - 0.5 / SIDE]]))
            beyond = _beyond(record, centre + spread * outermost)
        tiles = gateway.lattice(record, SIDE, centre=centre, spread=spread)
        return tiles.reshape(-1, *tiles.shape[2:]), f"Lattice of {SIDE} x {SIDE} places: {of}.{beyond}"
    if has_posterior(record):
        draws = gateway.chance_places(record, SIDE * SIDE)
        return gateway.decode(record, draws), f"{SIDE * SIDE} draws from the prior, seed 0."
    return np.zeros((0, 1, 1, 1)), (
        "Does not apply: it has no prior, so nothing says which of its codes to decode, and no plane to lay tiles on."
    )


def _beyond(record: RunRecord, z: np.ndarray) -> str:
    """What there is to say of codes that the encoder never gives, after a sentence."""
    said = gateway.impossible_code(gateway.FAMILIES[record.config.family], z)
    return f" {said}" if said else ""


def decoded_grid(
    records: Sequence[RunRecord], titles: Sequence[str], *, key: str, chance: bool = False
) -> None:
    """A square of decoded places of each run, three runs in a row; with `chance` places drawn by chance for all."""
    columns: list[DeltaGenerator] = []
    for k, (record, title) in enumerate(zip(records, titles, strict=True)):
        columns = columns or list(st.columns(3, gap="medium"))
        with columns.pop(0):
            st.markdown(f"**{controls.plain(title)}**")
            if chance:
                places = gateway.chance_places(record, SIDE * SIDE)
                images = gateway.decode(record, places)
                words = f"{SIDE * SIDE} places drawn by chance, seed 0.{_beyond(record, places)}"
            else:
                images, words = decoded_places(record)
            if not len(images):
                st.caption(words)
                continue
            controls.picture(
                image_grid(images, columns=_columns(record), scale=enlarge(images.shape[-1], to=PICTURE)),
                key=f"{key}-{k}",
                filename=f"{record.id}-decoded",
                caption=words,
                alt=f"{len(images)} decoded places of {record.name}",
                frame=partial(image_frame, images),
            )


def _columns(record: RunRecord) -> int:
    return len(controls.class_names_of(record)) if gateway.needs_labels(record) else SIDE


def reconstructions(records: Sequence[RunRecord], titles: Sequence[str], *, key: str) -> None:
    """The same test images as each run reconstructs them, one row a run, the originals above."""
    first = records[0]
    ids = gateway.example_ids(first, EXAMPLES, seed=EXAMPLE_SEED)
    labels, parts = ["original"], [gateway.unit(gateway.originals(first, ids))]
    for record, title in zip(records, titles, strict=True):
        labels.append(title)
        parts.append(gateway.reconstruct_points(record, ids))
    controls.picture(
        rows_png(parts, labels=labels, gap=4, scale=enlarge(parts[0].shape[-1], to=ROW)),
        key=key,
        filename="families-reconstructions",
        caption=f"{len(ids)} test images, a stratified sample with seed {EXAMPLE_SEED}, and their reconstructions, at "
        "the mean where a run has a posterior. A denoising autoencoder is shown the clean images here.",
        alt=f"{len(ids)} test images and their reconstructions by {len(records)} runs",
        frame=partial(rows_frame, labels, parts, ids),
    )
