"""The settings of the Compare page that differ, and only those."""

import pandas as pd
import streamlit as st

from dashboard import controls, gateway
from dashboard.gateway import Setting
from dashboard.pages._compare_sides import Sides
from dashboard.pages._compare_words import NOT_APPLICABLE


def settings_table(sides: Sides) -> None:
    """Draw the settings that differ, and only those."""
    st.subheader("Settings that differ")
    found = gateway.settings_that_differ(*(side.record for side in sides))
    if not found:
        runs = "both runs have" if len(sides) == 2 else "all runs have"
        st.markdown(f"None: {runs} the same settings, the seed included.")
        return
    frame = pd.DataFrame(
        {
            "Setting": [one.name for one in found],
            **{side.letter: [_setting(one, k) for one in found] for k, side in enumerate(sides)},
            "Meaning": [one.description for one in found],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        width="stretch",
        height="content",
        column_config={"Setting": st.column_config.TextColumn(pinned=True)},
        key="compare-settings",
        alt="Settings in which the runs differ",
    )
    controls.download_csv(frame, filename="compare-settings", key="compare-settings")


def _setting(setting: Setting, side: int) -> str:
    if not setting.applies[side]:
        return NOT_APPLICABLE
    value = setting.values[side]
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
