"""What a link, the browser's Back and an address on its way mean for a choice."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import state

SCRIPT = """
from dashboard import controls
controls.segmented("Colour", {"red": "Red", "green": "Green", "blue": "Blue"}, key="colour", default="red")
controls.toggle("On", key="on", default=True)
"""


def opened(**query: str) -> AppTest:
    at = AppTest.from_string(SCRIPT, default_timeout=60)
    for key, value in query.items():
        at.query_params[key] = value
    return at.run()


def choose(at: AppTest, value: str) -> AppTest:
    at.session_state["colour"] = value
    return at.run()


def link(at: AppTest) -> str | None:
    found = at.query_params.get("colour")
    return found[0] if isinstance(found, list) else found


def test_a_choice_stands_in_the_link_and_a_default_does_not() -> None:
    at = opened()
    assert (at.session_state["colour"], link(at)) == ("red", None)
    assert link(choose(at, "blue")) == "blue"
    assert link(choose(at, "red")) is None


def test_a_link_is_followed_and_one_that_means_nothing_is_not() -> None:
    assert opened(colour="green").session_state["colour"] == "green"
    at = opened(colour="purple")
    assert (at.session_state["colour"], link(at)) == ("red", None)


def test_back_takes_a_choice_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "GRACE", 0.0)
    at = choose(choose(opened(), "green"), "blue")
    at.query_params["colour"] = "green"
    assert at.run().session_state["colour"] == "green"
    del at.query_params["colour"]
    assert at.run().session_state["colour"] == "red"
    assert link(at) is None
    at.toggle[0].set_value(False).run()
    del at.query_params["on"]
    assert at.run().session_state["on"] is True  # back to its default, not to off


def test_an_address_that_was_on_its_way_takes_nothing_back() -> None:
    at = choose(opened(), "green")
    del at.query_params["colour"]  # the browser asked for a rerun before it had the new address
    assert at.run().session_state["colour"] == "green"
    assert link(at) == "green"
