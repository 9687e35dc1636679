"""Attribute vectors on the Edit page: from two labels or two selections, given to an image, and what leaks."""

from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import controls, gateway
from dashboard.charts.images import enlarge, image_frame, rows_png
from dashboard.charts.leakage import leakage_figure, leakage_frame
from dashboard.pages._edit_groups import Groups, of_selections
from dashboard.pages._edit_images import TILE, Images, type_rows
from dashboard.pages._edit_lasso import selection_map

OTHERS = "others"
STRENGTHS = np.linspace(-3, 3, 25)
"""Multiples of the vector that the slider offers"""
STRIP = np.linspace(-2, 2, 9)
"""Multiples of the vector in the strip"""
MOST = 500
"""Images in a typed selection at most: they stand in the link"""


def attributes(images: Images) -> None:
    """Ask for two groups, add their difference to an image, and show whither it moves the others."""
    st.subheader("Attribute vectors")
    labels = np.unique(images.latents.labels[images.latents.labels >= 0])
    groups = _groups(images, labels)
    vector = gateway.attribute_vector(
        images.latents.means[groups.having], images.latents.means[groups.lacking]
    )
    row, strength = _choose(images)
    start = images.z([row])[0]
    z = np.concatenate([[start, start + strength * vector], start + STRIP[:, None] * vector])
    decoded = gateway.decode(images.record, z, int(images.told([row])[0]))
    middle, edited, strip = decoded[:1], decoded[1:2], decoded[2:]
    length = float(np.linalg.norm(vector / images.spread))
    unit = "prior standard deviations" if images.latents.log_variances is not None else "standard deviations"
    first = [middle, edited] if not images.here else [images.originals([row]), middle, edited]
    names = ["original", "reconstruction", f"edited, strength {strength:+.2f}"]
    frame = image_frame(np.concatenate([*first, strip]), ids=np.arange(len(first) + len(strip)))
    shown = [*names[-len(first) :], *(f"strength {one:+.2f}" for one in STRIP)]
    frame.insert(0, "shown_as", np.repeat(shown, len(frame) // len(shown)))
    scale = enlarge(decoded.shape[-1], to=TILE)
    controls.picture(
        rows_png([np.concatenate(first), strip], gap=3, scale=scale),
        key="edit-attribute",
        filename=f"{images.record.id}-attribute-{row}",
        caption=f"Above, {controls.plain(images.title(row))}: {', '.join(names[-len(first) :])}. Below, the same image "
        f"at strengths {STRIP[0]:+.1f} to {STRIP[-1]:+.1f}, in steps of {STRIP[1] - STRIP[0]:.1f}. The vector is "
        f"{controls.plain(groups.name)} ({len(groups.having):,} and {len(groups.lacking):,} images), {length:.2f} "
        f"{unit} long.{f' All are decoded{told}.' if (told := images.told_words(row)) else ''}",
        alt=f"Image {row} moved along the attribute vector",
        frame=frame,
    )
    controls.say_impossible(images.record, z)
    _leakage(images, groups, vector, labels, strength=strength)


def _groups(images: Images, labels: np.ndarray) -> Groups:
    source = "rows"
    if len(labels) > 1:
        source = controls.segmented(
            "The vector leads from one group to another, given by",
            {"labels": "Labels", "rows": "Images", "kept": "Kept selections"},
            key="by",
            default="labels",
        )
    else:
        st.caption("Fewer than two labels: the two groups are chosen image by image, or are kept selections.")
        source = controls.segmented(
            "The vector leads from one group to another, given by",
            {"rows": "Images", "kept": "Kept selections"},
            key="by",
            default="rows",
        )
    left, right = st.columns(2)
    if source == "labels":
        return _of_labels(images, labels, left, right)
    if source == "kept" and (groups := of_selections(images, left, right)) is not None:
        return groups
    return _of_rows(images, left, right)


def _of_labels(
    images: Images,
    labels: np.ndarray,
    left: DeltaGenerator,
    right: DeltaGenerator,
) -> Groups:
    names = {str(label): images.class_names[label] for label in labels.tolist()}
    own = [str(int(images.latents.labels[place])) for place in images.places(images.rows)]
    known = [one for one in own if one in names]
    start = known[0] if known else next(iter(names))
    goal = next(one for one in [*known, *names] if one != start)
    with left:
        having = controls.select(
            "To", names, key="with", default=goal, help="The label whose average is the goal."
        )
    with right:
        others = {key: name for key, name in names.items() if key != having} | {OTHERS: "all other labels"}
        lacking = controls.select("From", others, key="without", default=start if start != having else OTHERS)
    is_goal = images.latents.labels == int(having)
    is_start = (
        (images.latents.labels >= 0) & ~is_goal
        if lacking == OTHERS
        else images.latents.labels == int(lacking)
    )
    return Groups(
        having=np.flatnonzero(is_goal),
        lacking=np.flatnonzero(is_start),
        name=f"the average of {names[having]} minus that of {others[lacking]}",
        target=int(having),
    )


def _of_rows(images: Images, left: DeltaGenerator, right: DeltaGenerator) -> Groups:
    help = "Their numbers, as in 21, 24, 28."
    with left:
        having = type_rows(
            "To the average of these images",
            images,
            key="having",
            default=images.rows[1:2] or images.rows,
            most=MOST,
            help=help,
        )
    with right:
        lacking = type_rows(
            "From the average of these", images, key="lacking", default=images.rows[:1], most=MOST, help=help
        )
    selection_map(images, most=MOST)
    places = images.places(having)
    own = images.latents.labels[places]
    counts = np.bincount(own[own >= 0]) if (own >= 0).any() else np.zeros(0, np.int64)
    return Groups(
        having=places,
        lacking=images.places(lacking),
        name="the average of the first selection minus that of the second",
        target=int(counts.argmax()) if len(counts) else None,
    )


def _choose(images: Images) -> tuple[int, float]:
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        options = {str(row): images.title(row) for row in images.rows}
        row = controls.select("Image to edit", options, key="edit", default=next(iter(options)))
    with right:
        strengths = {f"{one:g}": f"{one:+.2f}" for one in STRENGTHS}
        strength = controls.step_slider(
            "Strength",
            strengths,
            key="strength",
            default="1",
            help="How often the vector is added: 0 leaves the image as it is, 1 adds the difference of averages.",
        )
    return int(row), float(strength)


def _leakage(
    images: Images, groups: Groups, vector: np.ndarray, labels: np.ndarray, *, strength: float
) -> None:
    if len(labels) < 2:
        st.caption("Leakage onto other labels does not apply: these images bear fewer than two labels.")
        return
    found = gateway.leak(
        images.record, images.split, places=groups.lacking, vector=vector, strengths=STRENGTHS
    )
    at = int(np.argmin(np.abs(STRENGTHS - strength)))
    controls.figure(
        leakage_figure(
            STRENGTHS,
            found.labels,
            found.moved_to,
            class_names=images.class_names,
            target=groups.target,
            strength=strength,
            dark=controls.is_dark(),
        ),
        key="edit-leakage",
        filename=f"{images.record.id}-leakage",
        frame=partial(leakage_frame, STRENGTHS, found.labels, found.moved_to, class_names=images.class_names),
        alt="Share of the moved images that lie nearest to another label's average, over the strength",
    )
    shares = dict(zip(found.labels.tolist(), found.moved_to[at].tolist(), strict=True))
    meant = (
        ""
        if groups.target is None
        else (
            f"{100 * shares[groups.target]:.0f} % are now nearest to the average of "
            f"{controls.plain(images.class_names[groups.target])}, which is meant, and "
        )
    )
    others = sorted(
        ((share, label) for label, share in shares.items() if label != groups.target and share), reverse=True
    )
    worst = ", ".join(
        f"{100 * share:.0f} % to {controls.plain(images.class_names[label])}" for share, label in others[:3]
    )
    leaked = 100 * sum(share for share, _ in others)
    count = len(groups.lacking)
    st.caption(
        f"At strength {strength:+.2f}, of the {count:,} image{'s' if count > 1 else ''} without the attribute, {meant}"
        f"{leaked:.0f} % to that of another label{f' ({worst})' if worst else ''}: leakage, lower is cleaner. Where "
        f"they stand, the nearest average is that of their own label for {100 * found.agreement:.0f} %: the "
        "higher, the more these shares mean."
    )
