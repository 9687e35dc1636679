"""A page of the dashboard without a browser: opened at a link, and read."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from dashboard.components.latent_map import NAME, unpack
from tests.waiting import SECONDS


def open_page(
    module: str, *, timeout: float = 60, session: dict[str, Any] | None = None, **query: str
) -> AppTest:
    """Run a page as the dashboard does, guard included, at the link that `query` makes.

    `session` is what other pages left in the session.
    """
    script = (
        f"from dashboard.controls import guarded\nfrom dashboard.pages.{module} import page\nguarded(page)()"
    )
    at = AppTest.from_string(script, default_timeout=timeout)
    for key, value in (session or {}).items():
        at.session_state[key] = value
    for key, value in query.items():
        at.query_params[key] = value
    return at.run()


def healthy(at: AppTest) -> AppTest:
    """The page, which has met no error."""
    assert not at.exception
    assert [error.value for error in at.error] == []
    return at


def until(at: AppTest, done: Callable[[AppTest], bool]) -> AppTest:
    """The page, run again and again, as its own clock does, until something holds."""
    end = time.monotonic() + SECONDS
    while not done(at):
        assert time.monotonic() < end, words(at)
        time.sleep(0.2)
        at.run()
    return healthy(at)


def words(at: AppTest) -> str:
    """All that the page says in sentences, as typed: without the backslashes that keep Markdown from reading it."""
    every = [*at.title, *at.caption, *at.info, *at.warning, *at.markdown, *at.subheader, *at.text, *at.toast]
    return "\n".join(str(element.value) for element in every).replace("\\", "")


def captions_of(at: AppTest) -> list[str]:
    """What stands under each picture, as typed."""
    return [one.proto.imgs[0].caption.replace("\\", "") for one in at.get("image")]


def captions(at: AppTest) -> str:
    """What stands under the pictures."""
    return "\n".join(captions_of(at))


def maps(at: AppTest) -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Header and sections of each latent map, as sent to the browser."""
    found = at.get("bidi_component")
    return [unpack(element.proto.bytes) for element in found if element.proto.component_name == NAME]


def figures(at: AppTest) -> list[dict[str, Any]]:
    """Each Plotly figure, as sent to the browser."""
    return [json.loads(element.proto.spec) for element in at.get("plotly_chart")]


def numbers(values: Any) -> list[float]:
    """Values of a trace: a list, or base64 as Plotly writes arrays."""
    if isinstance(values, dict):
        return list(np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"])).tolist())
    return list(values)
