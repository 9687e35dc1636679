"""What is offered for download: made when it is asked for, and the same either way."""

import pandas as pd
import streamlit as st

from dashboard import controls


def test_a_table_is_made_when_somebody_asks_for_it(monkeypatch: object) -> None:
    made: list[int] = []
    offered = []

    def frame() -> pd.DataFrame:
        made.append(1)
        return pd.DataFrame({"a": [1, 2], "b": ["x", "=1+1"]})

    monkeypatch.setattr(st, "download_button", lambda *_, data, **__: offered.append(data))  # type: ignore[attr-defined]
    controls.download_csv(frame, filename="table", key="lazy")
    controls.download_csv(frame(), filename="table", key="ready")
    assert made == [1]  # the second one, here; the page has made none
    lazy, ready = (data() for data in offered)
    assert lazy == ready == b"a,b\n1,x\n2,'=1+1\n"
    assert made == [1, 1]
