"""Families: one data set, a run of each family side by side, and three prepared lessons."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import controls
from dashboard.gateway import FAMILIES, LESSONS, SCORES, RunRecord
from dashboard.pages import _families_parts as parts
from dashboard.pages._families_lessons import lesson

MOST = 12
"""Runs side by side"""
SCORED = ("distortion", "rate", "distortion_at_mean", "squared_error_at_mean")
SIDE_BY_SIDE = "side"

HOW_TO_READ = r"""
**A family** is a network, an objective and what it can be asked. What has no posterior has no rate and no prior: it
gives an image one place in the code, and nothing says which other places mean anything.

**Codes.** Every panel shows the same test images. A code of two numbers is drawn as it is, raw; one of more is drawn by
a principal component analysis of it, which is a projection and not the code itself: it cannot be decoded, and its title
says so. Circles stand at 1, 2 and 3 standard deviations of the prior, where there is one.

**Decoded places.** For a plane an 8 x 8 lattice at the quantiles of the prior, $\Phi^{-1}$ of the midpoints of cells;
for a run without a prior at those of a normal fitted to its codes, unit by unit, which is a convention and not a prior.
Larger latents show draws from the prior.

**Sharpness** is the energy of images at frequencies of 0.25 cycles per pixel and more, over that of the test images: 1
is as sharp as the data, less is blurred, more is noisier. **Unlike the data** is the share of decoded images that are
farther from every training image than 95 % of the test images are; the test images themselves have 5 %. A low share is
no praise by itself: a blurred image is near to many. Both are numbers of pixels, of 1,000 places drawn by chance with
seed 0. **Codes off the prior** are test images whose mean lies outside of the ball that holds 99 % of $N(0, I)$.
"""


def page() -> None:
    """Draw the page: choose, guard, compute, draw."""
    st.title("Families")
    records = controls.usable_runs()
    view = controls.segmented(
        "Show",
        {SIDE_BY_SIDE: "Side by side", **{name: row.title for name, row in LESSONS.items()}},
        key="lesson",
        default=SIDE_BY_SIDE,
    )
    if view == SIDE_BY_SIDE:
        _side_by_side(records)
    else:
        lesson(LESSONS[view], records)
    controls.how_to_read(HOW_TO_READ)


def first_of_each(records: Sequence[RunRecord]) -> list[str]:
    """Ids of one finished run a family, in the order of the table: the default run, else one of the smallest latent."""
    chosen = []
    for name in FAMILIES:
        found = sorted(
            (one for one in records if one.config.family == name and one.state == "finished"),
            key=lambda one: (one.id != controls.DEFAULT_RUN, one.config.latent, one.id),
        )
        chosen += [one.id for one in found[:1]]
    return chosen


def _side_by_side(records: Sequence[RunRecord]) -> None:
    of_data: dict[str, list[RunRecord]] = {}
    for record in records:
        of_data.setdefault(record.config.dataset, []).append(record)
    default = "digits" if "digits" in of_data else next(iter(of_data))
    left, right = st.columns([1, 4])
    with left:
        dataset = controls.select(
            "Data", {name: name for name in of_data}, key="families-data", default=default
        )
    with right:
        chosen = controls.pick_runs(
            "Runs, one of each family",
            key="members",
            records=of_data[dataset],
            default=first_of_each(of_data[dataset]) or [of_data[dataset][0].id],
            most=MOST,
        )
    if not chosen:
        st.info("Choose a run above to see what its family does.", icon=":material/info:")
        return
    missing = [
        row.title for name, row in FAMILIES.items() if name not in {one.config.family for one in chosen}
    ]
    if missing:
        st.caption(f"No run of these families is shown: {', '.join(missing)}.")
    titles = list(controls.run_titles(chosen).values())
    _table(chosen, titles)
    for record, title in zip(chosen, titles, strict=True):
        controls.say_dead_code(record, name=title)
    here = controls.need_data(chosen[0])
    if here:
        for record in chosen:
            controls.need_latents(record, ("test",))
        st.subheader("Codes")
        parts.codes_map(chosen, titles, key="families-codes")
    # a prior says where to decode without any image; codes without one have to be seen first
    able = [k for k, record in enumerate(chosen) if here or parts.has_posterior(record)]
    if able:
        st.subheader("Decoded places")
        parts.decoded_grid([chosen[k] for k in able], [titles[k] for k in able], key="families-decoded")
    if here:
        st.subheader("Reconstructions")
        parts.reconstructions(chosen, titles, key="families-reconstructions")


def _table(records: Sequence[RunRecord], titles: Sequence[str]) -> None:
    """What each family is, and the scores of its run on the test images."""
    rows = []
    for record, title in zip(records, titles, strict=True):
        row, test = FAMILIES[record.config.family], (record.scores or {}).get("test") or {}
        rows.append(
            {
                "run": title,
                "family": row.title,
                "what it does": row.sentence,
                "latent": record.config.latent,
                **{name: test.get(name) for name in SCORED},
                "source": row.source,
            }
        )
    frame = pd.DataFrame(rows)
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="–",
        key="families-table",
        column_config={
            "run": st.column_config.TextColumn("Run", pinned=True),
            "family": "Family",
            "what it does": st.column_config.TextColumn("What it does", width="large"),
            "latent": number("Latent", help="Numbers in the code"),
            "distortion": number("D", format="%.2f", help=_help("distortion")),
            "rate": number("R", format="%.2f", help=_help("rate")),
            "distortion_at_mean": number("D at the mean", format="%.2f", help=_help("distortion_at_mean")),
            "squared_error_at_mean": number(
                "Squared error", format="%.4f", help=_help("squared_error_at_mean")
            ),
            "source": "Source",
        },
    )
    st.caption(
        "Scores of the test images. D of different likelihoods, or of a denoising autoencoder, which decodes corrupted "
        "images, measure different things; the squared error at the mean is the same for all. –: does not apply."
    )
    controls.download_csv(frame, filename="families", key="families-table")


def _help(name: str) -> str:
    score = SCORES[name]
    direction = f"; {score.direction} is better" if score.direction else ""
    return f"{score.title}, {score.unit}{direction}"
