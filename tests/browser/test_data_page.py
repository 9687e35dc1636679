"""The Data page in a real browser: a file uploaded, looked at, added and deleted."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, expect

from tests.conftest import REPO

Settle = Callable[[Any], None]


def test_a_file_is_uploaded_looked_at_added_and_deleted(
    page: Page, serve: Callable[..., str], settle: Settle, tmp_path: Path
) -> None:
    url = serve(REPO / "streamlit_app.py", env={"VAESCOPE_DATA": str(tmp_path / "data")})
    payload = io.BytesIO()
    images = np.random.default_rng(0).integers(0, 256, (40, 9, 7, 3)).astype(np.uint8)
    np.savez(payload, images=images, labels=np.arange(40) % 2, class_names=np.array(["<i>a</i>", "*b*"]))
    page.set_viewport_size({"width": 1280, "height": 1400})
    page.goto(f"{url}/data?data-part=add")
    settle(page)
    page.locator("input[type=file]").set_input_files(
        {"name": "My <b>file</b>.npz", "mimeType": "application/zip", "buffer": payload.getvalue()}
    )
    name = page.get_by_role("textbox", name="Name of the data set", exact=True)
    expect(name).to_have_count(1)  # the box of another suggestion takes the place of the first
    expect(name).to_have_value("my-b-file-b")
    page.get_by_role("button", name="Look at a sample").click()
    # the page asks by itself how far it is
    expect(page.get_by_role("button", name="Add it")).to_be_visible()
    expect(page.get_by_text("to be stored as images of 7 × 9 RGB")).to_be_visible()
    expect(page.get_by_text("<i>a</i> (20), *b* (20)")).to_be_visible()  # letter by letter
    page.reload()
    settle(page)
    page.get_by_role("button", name="Add it").click()
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_contain_text("my-b-file-b")
    page.goto(f"{url}/data?set=my-b-file-b")
    settle(page)
    expect(page.get_by_text("34 train items")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(table).not_to_contain_text("my-b-file-b")
    assert page.console_errors == []  # type: ignore[attr-defined]
    assert page.outside_requests == []  # type: ignore[attr-defined]
