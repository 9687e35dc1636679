"""What the axes of a linear code are: what each principal component explains, and how correlated any others are."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import controls, gateway, theme
from dashboard.gateway import RunRecord

SAID = 3
"""Components that fit in a sentence; more are a table"""


def describe_axes(record: RunRecord) -> None:
    """Say of a linear family what its training images tell of its axes; nothing of others, or before the scores."""
    row = gateway.FAMILIES[record.config.family]
    if not row.linear or not record.scores:
        return
    eigenvalues = gateway.score_per_dimension(record, "explained_variance", "train")
    shares = gateway.score_per_dimension(record, "explained_variance_ratio", "train")
    if eigenvalues is not None and shares is not None:
        _components(record, eigenvalues, shares)
        return
    correlation = gateway.score(record, "code_correlation", "train")
    if correlation is not None:
        st.caption(
            "The code axes of a trained linear autoencoder are any basis of the subspace that PCA finds, not its "
            f"components: the largest correlation of two of them over the training images is {correlation:.3f} "
            "(PCA: 0)."
        )


def _components(record: RunRecord, eigenvalues: np.ndarray, shares: np.ndarray) -> None:
    names = [theme.dimension_name(k, code=True) for k in range(len(shares))]
    listed = "; ".join(
        f"{name}: {100 * share:.1f} % (eigenvalue {value:.3g})"
        for name, share, value in zip(names[:SAID], shares, eigenvalues, strict=False)
    )
    more = f"; {len(names) - SAID} more below" if len(names) > SAID else ""
    st.caption(
        f"Principal components, the most telling first. Of the variance of the training images {listed}{more}; all "
        f"{len(names)} together {100 * shares.sum():.1f} %. Eigenvalues are in squared pixel values; codes are "
        "uncorrelated on the training images."
    )
    if len(names) <= SAID:
        return
    with st.expander("Explained variance of each component"):
        table = pd.DataFrame(
            {
                "component": names,
                "eigenvalue (squared pixel values)": eigenvalues,
                "share of the variance (%)": 100 * shares,
                "share up to it (%)": 100 * shares.cumsum(),
            }
        )
        st.dataframe(table, hide_index=True, height="auto" if len(table) <= 8 else 320)
        controls.download_csv(table, filename=f"{record.id}-explained-variance", key="explained")
