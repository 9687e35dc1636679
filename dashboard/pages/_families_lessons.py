"""The three prepared lessons of the Families page: a question, what the bundled runs show, and what it means."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.charts.codes import ErrorLine, errors_by_size
from dashboard.gateway import Lesson, RunRecord
from dashboard.pages import _families_parts as parts

TAKE_AWAY = {
    "codes": """
A code of 2 numbers for 64 pixels is too narrow: both errors are high. With 16 they fall to about a quarter. With 100,
more than the image has pixels, an autoencoder could copy its input; both errors fall a little further, that on trained
images by the larger share, so that fresh images cost more times as much. **The gap between solid and dashed is what
does not carry over to fresh images.** A penalty on the weights narrows the gap everywhere. Where the code is wide it
costs error on both; here it pays for the narrow code alone.
""",
    "holes": """
Behind the codes stands what each place decodes to. **An autoencoder** has no prior: nothing says where to look, and
between and around its codes nobody asked for anything. **A VAE at beta 0** has a prior on paper, which its codes
ignore: most lie where the prior is not, so draws from it show what happens to lie in one corner. **At beta 1** the
rate pulls all posteriors towards one normal, and their noise makes each claim its surroundings: codes lie where the
prior has its mass, and what is left of holes are the borders between classes. On digits of 8 x 8 pixels hardly any
decoded place is farther from the data than fresh images are; look at the tiles for shapes between two digits.
""",
    "blur": """
The baseline is right on average and so paints the average: it has less than half of the data's energy at high
frequencies. Holding draws from the prior to the images by their MMD brings back some of it, for little D. A deeper
network sharpens little by itself, and its samples are the most like the data. The discriminator of a VAE-GAN brings
the energy of fine detail near to that of the data, and **pays for it: in D, because its strokes are sharp and not
where this very image has them, and in samples, of which more than a tenth are unlike any image.** Of the baseline, MMD
and VAE-GAN the sharper one is less like the data: no column decides alone.
""",
}
"""What the figures show, in our words; `tests/dashboard/pages/test_families.py` holds each claim to the scores."""


def lesson(chosen: Lesson, records: Sequence[RunRecord]) -> None:
    """Draw one lesson over its bundled runs; says so where they are not here."""
    by_id = {record.id: record for record in records}
    missing = [case.run for case in chosen.cases if case.run not in by_id]
    st.markdown(f"**{chosen.question}**")
    if missing:
        st.info(
            f"This lesson needs bundled runs that this store does not have: {', '.join(missing)}. They come with "
            "VAEScope, in its folder checkpoints: start the dashboard there, or show hidden runs on the Runs page.",
            icon=":material/school:",
        )
        return
    runs, titles = [by_id[case.run] for case in chosen.cases], [case.title for case in chosen.cases]
    if not controls.need_data(runs[0]):
        return
    for record in runs:
        if chosen.name != "codes" and not controls.need_latents(record, ("test",)):
            return
    {"codes": _codes, "holes": _holes, "blur": _blur}[chosen.name](runs, titles)
    st.markdown(TAKE_AWAY[chosen.name])


def _codes(runs: Sequence[RunRecord], titles: Sequence[str]) -> None:
    rows = []
    for record, title in zip(runs, titles, strict=True):
        scores = record.scores or {}
        train, test = (
            (scores.get(split) or {}).get("squared_error_at_mean", float("nan"))
            for split in ("train", "test")
        )
        rows.append(
            {
                "run": title,
                "numbers": record.config.latent,
                "penalty": record.config.l2,
                "train": train,
                "test": test,
                "ratio": test / train,
            }
        )
    frame = pd.DataFrame(rows)
    lines = [
        ErrorLine(
            "with penalty" if penalty else "no penalty",
            group["numbers"].tolist(),
            group["train"].tolist(),
            group["test"].tolist(),
        )
        for penalty, group in frame.groupby("penalty")
    ]
    controls.figure(
        errors_by_size(lines, dark=controls.is_dark()),
        key="lesson-codes",
        filename="lesson-codes",
        alt="Squared error per pixel on training and test images by the size of the code",
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        hide_index=True,
        key="lesson-codes-table",
        column_config={
            "run": st.column_config.TextColumn("Code", pinned=True),
            "numbers": number("Numbers"),
            "penalty": number("l2", format="%g", help="Weight of the sum of squared weights"),
            "train": number("Train", format="%.5f", help="Squared error per pixel; lower is better"),
            "test": number("Test", format="%.5f", help="Squared error per pixel; lower is better"),
            "ratio": number("Test / train", format="%.2f", help="1 is an error that carries over as it is"),
        },
    )
    controls.download_csv(frame, filename="lesson-codes", key="lesson-codes")


def _holes(runs: Sequence[RunRecord], titles: Sequence[str]) -> None:
    parts.codes_map(runs, titles, key="lesson-holes-map", tiles=True)
    st.markdown(
        "Places drawn by chance: from the prior N(0, I), and for the autoencoder, which has none, from a normal fitted "
        "to its codes."
    )
    parts.decoded_grid(runs, titles, key="lesson-holes", chance=True)
    _quality(runs, titles, key="lesson-holes")


def _blur(runs: Sequence[RunRecord], titles: Sequence[str]) -> None:
    st.markdown("The same 64 draws from the prior through each.")
    parts.decoded_grid(runs, titles, key="lesson-blur", chance=True)
    _quality(runs, titles, key="lesson-blur")


def _quality(runs: Sequence[RunRecord], titles: Sequence[str], *, key: str) -> None:
    """Sharpness and likeness of 1,000 decoded places of each run, beside its scores."""
    rows = []
    for record, title in zip(runs, titles, strict=True):
        found, test = gateway.sample_quality(record), (record.scores or {}).get("test") or {}
        rows.append(
            {
                "run": title,
                "sharpness": found.sharpness,
                "unlike": 100 * found.unlike,
                "outside": None if found.outside is None else 100 * found.outside,
                "distortion": test.get("distortion"),
                "rate": test.get("rate"),
            }
        )
    frame = pd.DataFrame(rows)
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="does not apply",
        key=f"{key}-table",
        column_config={
            "run": st.column_config.TextColumn("Run", pinned=True),
            "sharpness": number(
                "Sharpness", format="%.2f", help="High-frequency energy over that of the data; 1 is best"
            ),
            "unlike": number(
                "Unlike the data (%)",
                format="%.1f",
                help="The test images themselves have 5; lower is better",
            ),
            "outside": number(
                "Codes off the prior (%)",
                format="%.1f",
                help="Test images whose mean lies outside of the ball that holds 99 % of the prior",
            ),
            "distortion": number("D", format="%.2f", help="Nats per image, test; lower is better"),
            "rate": number("R", format="%.2f", help="Nats per image, test; neither direction is better"),
        },
    )
    controls.download_csv(frame, filename=key, key=f"{key}-table")
