"""The Selections page, headless: a query asked by link, its ranges, and what it finds kept."""

import re
from pathlib import Path

from core.runs import open_run
from core.store import list_selections
from dashboard import controls
from tests.dashboard.headless import figures, healthy, words
from tests.dashboard.selections_page import CODE, MARKUP, ONE, keep, no_image_sets, opened, press, table

__all__ = ["no_image_sets"]  # fixtures


def test_with_nothing_kept_the_page_explains_and_shows_what_the_query_finds(bundled_store: Path) -> None:
    at = opened()
    assert "No selection is kept yet" in words(at)
    assert "360 of 360 images match" in words(at)
    assert [figure["layout"]["title"]["text"] for figure in figures(at)] == [
        "Images of each class",
        "Where the error is",
    ]
    assert "selection" not in at.query_params


def test_a_query_is_asked_by_link_kept_and_listed(bundled_store: Path) -> None:
    at = opened(
        part="query",
        selection="gone-000000",
        **{"q-labels": "3,5", "q-negative_elbo-low": "26", "q-splits": "train,test"},
    )
    found = re.search(r"(\d+) of 1,653 images match", words(at))
    assert found, words(at)
    at = press(at, "query-keep")
    assert "to keep" not in words(at)
    at.text_input(key="query-keep-name").set_value(MARKUP)
    at = press(at, "query-keep-yes")
    (made,) = list_selections()
    assert made.name == MARKUP
    assert len(made) == int(found[1])
    assert made.run == ONE
    assert made.query is not None
    assert made.query["labels"] == ["3", "5"]
    # it is listed, in use, and said, letter by letter
    assert list(table(at)["name"]) == [MARKUP]
    assert at.query_params["selection"] == made.id
    assert controls.plain(f"Kept '{MARKUP}'") in at.toast[0].value
    for element in (*at.markdown, *at.caption, *at.subheader, *at.toast):
        assert MARKUP not in str(element.value)


def test_a_name_that_is_taken_is_refused_and_nothing_lost(bundled_store: Path) -> None:
    keep("Threes")
    at = press(opened(part="query"), "query-keep")
    at.text_input(key="query-keep-name").set_value("Threes")
    at.button(key="query-keep-yes").click().run()
    assert "already" in at.error[0].value
    at.text_input(key="query-keep-name").set_value("Others")
    press(at, "query-keep-yes")
    assert {one.name for one in list_selections()} == {"Threes", "Others"}


def test_ranges_narrow_and_a_swapped_one_is_said(bundled_store: Path) -> None:
    latents = open_run(ONE).latents("test")
    at = opened()
    at.number_input(key="q-distortion-low").set_value(30.0)
    at.number_input(key="q-rate-high").set_value(3.0)
    at = healthy(at.run())
    right = (latents.distortion >= 30) & (latents.rate <= 3)
    assert f"{right.sum()} of 360 images match" in words(at)
    assert (at.query_params["q-distortion-low"], at.query_params["q-rate-high"]) == ("30", "3")
    at.number_input(key="q-distortion-high").set_value(20.0).run()
    assert "is empty, from 30 to 20" in words(at)
    at.number_input(key="q-distortion-low").set_value(None)
    at.number_input(key="q-distortion-high").set_value(1.0)
    at = healthy(at.run())
    assert "No image fits" in words(at)
    assert at.button(key="query-keep").disabled


def test_the_grey_numbers_are_where_the_images_end(bundled_store: Path) -> None:
    latents = open_run(ONE).latents("test")
    at = opened()
    for end, value in (("low", latents.distortion.min()), ("high", latents.distortion.max())):
        assert at.number_input(key=f"q-distortion-{end}").placeholder == f"{value:.2f}"


def test_errors_are_computed_when_they_are_asked_for(bundled_store: Path) -> None:
    at = opened()
    assert at.number_input(key="q-error-low-off").disabled
    at.toggle(key="q-errors").set_value(True)
    at = healthy(at.run())
    errors = open_run(ONE).errors("test")
    at.number_input(key="q-error-low").set_value(0.05)
    at = healthy(at.run())
    assert f"{(errors >= 0.05).sum()} of 360 images match" in words(at)


def test_codes_have_no_rate_to_ask_for(bundled_store: Path) -> None:
    at = opened(run=CODE, **{"q-rate-low": "3"})
    assert "360 of 360 images match" in words(at)
    assert at.number_input(key="q-rate-low-off").disabled
    assert "does not apply" in at.number_input(key="q-rate-low-off").help.lower()
    assert "do not apply" in words(at)
    assert "Worst by Distortion D" in words(at)


def test_without_any_split_it_asks_for_one(bundled_store: Path) -> None:
    at = opened()
    at.multiselect(key="q-splits").set_value([])
    assert "Choose at least one" in words(healthy(at.run()))
