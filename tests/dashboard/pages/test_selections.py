"""The Selections page without a browser: a query kept, listed, looked at, renamed, combined, deleted and back."""

import importlib
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.data import catalog
from core.runs import Run, open_run
from core.store import SELECTIONS, find_selection, list_selections, read_record, save_selection
from dashboard import controls, gateway
from tests.dashboard.headless import figures, healthy, open_page, words

# the function of that name, which pages use, hides the module
panel = importlib.import_module("dashboard.controls.selection_panel")
ONE, CODE, FASHION = "bundled-digits-beta-1", "bundled-digits-ae", "bundled-fashion-weight-500"
MARKUP = "<script>1</script> **b** [a](http://b) $x$ :smile: =1+1"


@pytest.fixture(autouse=True)
def no_image_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digits alone: a selection of Fashion images would encode 10,000 of them through a convolutional network."""
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "no-data"))


def opened(**query: str) -> AppTest:
    return healthy(open_page("selections", **query))


def keep(name: str = "Threes", run: str = ONE, **rows: list[int]) -> gateway.Selection:
    data = open_run(run).document.data
    if not rows:
        latents = open_run(run).latents("test")
        rows = {"test": latents.ids[latents.labels == 3].tolist()}
    return save_selection(
        name, dataset=data.dataset, fingerprint=data.fingerprint, rows=rows, origin=f"By {name}.", run=run
    )


def press(at: AppTest, key: str) -> AppTest:
    button = at.button(key=key)
    assert not button.disabled
    return healthy(button.click().run())


def captions_of(at: AppTest) -> list[str]:
    return [element.proto.imgs[0].caption for element in at.get("image")]


def table(at: AppTest) -> pd.DataFrame:
    return at.dataframe[0].value


# --- from a query -------------------------------------------------------------------------------------------------


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


# --- kept ones ----------------------------------------------------------------------------------------------------


def test_kept_selections_are_listed_and_the_newest_is_shown(bundled_store: Path) -> None:
    keep("Two images", test=[5, 9], train=[1])
    at = opened()
    row = table(at).iloc[0]
    assert (row["name"], row["data"], row["images"], row["splits"]) == (
        "Two images",
        "digits",
        3,
        "1 train, 2 test",
    )
    assert row["run"] == "Digits, beta 1"
    assert "None is in use on the other pages" in words(at)
    assert "selection" not in at.query_params


def test_a_row_of_the_table_takes_a_selection_in_use(bundled_store: Path) -> None:
    first, second = keep("First"), keep("Second", test=[5, 9])
    at = opened(selection=first.id)
    assert at.selectbox(key="selection").value == first.id
    before = at.session_state["remembered:selections-table"]
    assert before[2] == first.id
    names = list(table(at)["name"])
    at.session_state[f"selections-table-{before[3]}"] = {"selection": {"rows": [names.index("Second")]}}
    at = healthy(at.run())
    assert at.query_params["selection"] == second.id
    assert at.selectbox(key="selection").value == second.id
    at.session_state[f"selections-table-{before[3]}"] = {"selection": {"rows": []}}
    at = healthy(at.run())
    assert "selection" not in at.query_params
    # chosen in the box, the table begins anew with its row
    at.selectbox(key="selection").set_value(first.id)
    at = healthy(at.run())
    assert at.session_state["remembered:selections-table"][2:] == (first.id, before[3] + 1)


def test_a_link_to_one_that_is_gone_says_so(bundled_store: Path) -> None:
    keep()
    at = opened(selection="gone-000000")
    assert "gone-000000 is not here" in words(at)
    assert "selection" not in at.query_params


def test_it_is_looked_at_through_runs_of_its_data_alone(bundled_store: Path) -> None:
    made, other = keep("Threes"), keep("Coats", run=FASHION, test=[3])
    at = opened(selection=made.id, run=CODE)
    assert at.selectbox(key="run").value == CODE
    assert FASHION not in [one.id for one in gateway.runs() if one.name in at.selectbox(key="run").options]
    at.selectbox(key="selection").set_value(other.id)
    at = healthy(at.run())
    assert at.query_params["run"] == FASHION
    assert not [warning.value for warning in at.warning]
    at.selectbox(key="dataset").set_value("digits")
    assert list(table(healthy(at.run()))["name"]) == ["Threes"]


def test_where_no_run_has_the_data_it_says_so(bundled_store: Path) -> None:
    keep("Threes")
    for folder in bundled_store.glob("bundled-digits-*"):
        shutil.rmtree(folder)
    at = opened()
    assert "No run of digits can be opened" in words(at)
    assert table(at)["run"].tolist() == [f"{ONE} (gone)"]


def test_rename_and_a_name_that_is_taken(bundled_store: Path) -> None:
    keep("Other", test=[5])
    made = keep("Threes")
    at = press(opened(selection=made.id), "selections-rename")
    at.text_input(key=f"selections-name-{made.id}").set_value("Other")
    at.button(key="selections-rename-yes").click().run()
    assert "already" in at.error[0].value
    at.text_input(key=f"selections-name-{made.id}").set_value(MARKUP)
    at = press(at, "selections-rename-yes")
    assert find_selection(made.id).name == MARKUP
    assert MARKUP in list(table(at)["name"])
    assert at.query_params["selection"] == made.id


def test_deleted_after_asking_and_brought_back(bundled_store: Path) -> None:
    made = keep("Threes")
    at = press(opened(selection=made.id), "selections-delete")
    assert list_selections() == [made]
    at = press(at, "selections-delete-yes")
    assert list_selections() == []
    assert "selection" not in at.query_params
    assert "Deleted Threes" in words(at)
    assert not [warning.value for warning in at.warning]
    at = press(at, "selections-undo")
    assert list_selections() == [made]
    assert at.query_params["selection"] == made.id
    assert "selections-undo" not in [button.key for button in at.button]


def test_an_undo_that_cannot_be_says_why(bundled_store: Path) -> None:
    made = keep("Threes")
    at = press(press(opened(selection=made.id), "selections-delete"), "selections-delete-yes")
    keep("Threes", test=[5])
    at.button(key="selections-undo").click().run()
    assert "already" in at.error[0].value
    press(at, "selections-dismiss")
    assert len(list_selections()) == 1


def test_cancelled_nothing_is_deleted(bundled_store: Path) -> None:
    made = keep("Threes")
    press(press(opened(selection=made.id), "selections-delete"), "selections-delete-no")
    assert list_selections() == [made]


def test_two_are_combined(bundled_store: Path) -> None:
    keep("B", test=[5, 9])
    made = keep("A", test=[9, 11])
    at = press(opened(selection=made.id), "selections-combine")
    assert "3 images in 'A' or in 'B'" in words(at)
    at.radio(key="selections-how").set_value("difference")
    at = healthy(at.run())
    assert "1 image in 'A' and not in 'B'" in words(at)
    at.text_input(key="selections-combined-name").set_value("A alone")
    at = press(at, "selections-combine-yes")
    assert find_selection("A alone").rows == {"test": (11,)}
    assert at.query_params["selection"] == find_selection("A alone").id
    alone = keep("Coats", run=FASHION, test=[3])
    assert opened(selection=alone.id).button(key="selections-combine").disabled


def test_broken_files_are_listed_with_the_reason_and_deleted(bundled_store: Path) -> None:
    keep("Threes")
    (bundled_store / SELECTIONS / "bad-000000.json").write_text("{")
    at = opened()
    assert list(table(at)["name"]) == ["Threes"]
    assert "bad-000000: 'bad-000000.json' is damaged" in words(at)
    at = press(press(at, "selections-broken-0"), "selections-delete-yes")
    assert [one.name for one in list_selections()] == ["Threes"]
    assert "selections-undo" not in [button.key for button in at.button]


# --- the panel ----------------------------------------------------------------------------------------------------


def test_what_is_shown_is_what_the_images_are(bundled_store: Path) -> None:
    latents = open_run(ONE).latents("test")
    made = keep("Threes")
    at = opened(selection=made.id)
    bars = figures(at)[0]["data"][0]
    assert bars["y"][3] == len(made) == sum(bars["y"])
    total = (latents.distortion.astype(np.float64) + latents.rate)[latents.labels == 3]
    averages = at.dataframe[1].value.set_index("nats per image")
    assert averages.loc["Negative ELBO", "mean"] == pytest.approx(total.mean())
    assert averages.loc["Negative ELBO", "highest"] == pytest.approx(total.max())
    assert f"{total.max():.2f}" in "\n".join(captions_of(at))
    errors = open_run(ONE).errors("test")[latents.labels == 3]
    assert f"{errors.mean():.4f} mean squared error" in words(at).replace("*", "")


def test_pages_turn_and_live_in_the_link(bundled_store: Path) -> None:
    made = keep("Threes")
    at = opened(selection=made.id, **{"s-size": "12", "s-page": "3", "s-order": "worst"})
    assert captions_of(at)[0].startswith(f"Images 25 to 36 of {len(made)}.")
    at = opened(selection=made.id, **{"s-size": "96", "s-page": "3"})
    assert captions_of(at)[0].startswith("Images 1 to 37")
    assert "s-page" not in at.query_params


def test_the_table_of_all_images_has_their_scores(bundled_store: Path) -> None:
    record = read_record(bundled_store / ONE)
    ids = [gateway.map_id("test", 28), gateway.map_id("train", int(gateway.latents(record, "train").ids[0]))]
    data = gateway.points(record, ids)
    scores = {name: controls.per_image(data.latents, name) for name in panel.THREE}
    seen = panel.Seen(record, data, scores, True, "k")  # type: ignore[arg-type]
    frame = panel.images_frame(seen, gateway.error_maps(record, data))
    read = pd.read_csv(io.BytesIO(controls.csv_bytes(frame)))
    assert list(read.columns) == [
        "split",
        "row",
        "label",
        "distortion (nats)",
        "rate (nats)",
        "negative_elbo (nats)",
        "squared error per pixel",
    ]
    assert list(read["split"]) == ["test", "train"]
    assert read["squared error per pixel"][1] == pytest.approx(gateway.errors(record, "train")[0], rel=1e-4)
    assert "squared error per pixel" not in panel.images_frame(seen, None).columns


SCRIPT = """
from dashboard import controls, gateway
record = next(one for one in gateway.runs() if one.id == "{run}")
controls.selection_panel(record, {ids}, key="p")
"""


def shown(ids: list[int], run: str = ONE) -> AppTest:
    return healthy(AppTest.from_string(SCRIPT.format(run=run, ids=ids), default_timeout=60).run())


def test_without_the_data_set_reconstructions_are_decoded_from_the_means(
    bundled_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "is_available", lambda _: False)
    monkeypatch.setattr(catalog, "load", None)
    at = shown([28, 37, 57])
    assert "decoded from the stored means" in words(at)
    assert "Where the error is" not in words(at)
    assert len(at.get("image")) == 3


def test_without_labels_and_without_a_posterior(bundled_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = Run.latents

    def unlabelled(self: Run, *args: object, **keywords: object) -> object:
        latents = load(self, *args, **keywords)  # type: ignore[arg-type]
        object.__setattr__(latents, "labels", np.full(len(latents), -1))
        return latents

    monkeypatch.setattr(Run, "latents", unlabelled)
    at = shown([28, 37, 57], run=CODE)
    bars = figures(at)[0]["data"][0]
    assert (bars["y"][-1], bars["meta"][-1]) == (3, "no label")
    assert "Worst by Distortion D" in words(at)


def test_colour_images(bundled_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def colours(_: object, ids: object) -> np.ndarray:
        return np.full((len(list(ids)), 3, 8, 8), 255, np.uint8)  # type: ignore[call-overload]

    def decoded(_: Run, z: np.ndarray, *_labels: object, **__: object) -> np.ndarray:
        images = np.ones((len(z), 3, 8, 8), np.float32)
        images[:, 1] = 0.5
        return images

    monkeypatch.setattr(gateway, "originals", colours)
    monkeypatch.setattr(importlib.import_module("dashboard.gateway.selections"), "originals", colours)
    monkeypatch.setattr(Run, "shape", (3, 8, 8))
    monkeypatch.setattr(Run, "decode", decoded)
    at = shown([28, 37, 57])
    assert f"{0.25 / 3:.4f} mean squared error" in words(at).replace("*", "")


def test_errors_of_many_images_wait_until_they_are_asked_for(
    bundled_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel, "AT_ONCE", 2)
    at = shown([28, 37, 57])
    assert len(figures(at)) == 1
    at = press(at, "p-errors")
    assert len(figures(at)) == 2
    assert len(figures(healthy(at.run()))) == 2


def test_images_that_the_run_lacks_are_counted(bundled_store: Path) -> None:
    assert "has 1 of these 2 images" in words(shown([28, 29]))
    assert "No image is selected" in words(shown([]))
    assert "has 0 of these 1 images" in words(shown([2**27]))


# --- the controls, as other pages use them ------------------------------------------------------------------------

PICK = """
import streamlit as st
from dashboard import controls, gateway
record = next(one for one in gateway.runs() if one.id == "{run}")
chosen = controls.pick_selection(record)
st.caption("none" if chosen is None else chosen.name)
controls.keep_selection(record, {ids}, origin="Lasso.", key="lasso")
"""


def picked(run: str = ONE, ids: list[int] | None = None, **query: str) -> AppTest:
    at = AppTest.from_string(PICK.format(run=run, ids=ids or []), default_timeout=30)
    for key, value in query.items():
        at.query_params[key] = value
    return healthy(at.run())


def test_without_any_the_box_is_grey_and_says_how_to_make_one(bundled_store: Path) -> None:
    at = picked()
    assert at.selectbox[0].disabled
    assert "Selections page" in at.selectbox[0].help
    assert at.button(key="lasso-keep").disabled
    keep("Coats", run=FASHION, test=[3])
    assert picked().selectbox[0].disabled  # of other data


def test_one_is_picked_by_link_and_kept_from_page_to_page(bundled_store: Path) -> None:
    made = keep(MARKUP)
    at = picked()
    assert at.selectbox[0].options == ["none", f"{MARKUP} ({len(made)} images)"]
    at.selectbox[0].set_value(made.id)
    at = healthy(at.run())
    assert at.query_params["selection"] == made.id
    assert MARKUP in words(picked(selection=made.id))


def test_a_link_that_cannot_be_followed_says_why(bundled_store: Path) -> None:
    keep("Threes")
    other = keep("Coats", run=FASHION, test=[3])
    (bundled_store / SELECTIONS / "bad-000000.json").write_text("{")
    assert "gone-1 is gone" in words(picked(selection="gone-1"))
    assert "it is of fashion-mnist, and this run is of digits" in words(picked(selection=other.id))
    assert "cannot be read: 'bad-000000.json' is damaged" in words(picked(selection="bad-000000"))


def test_a_lasso_is_kept_and_taken_in_use(bundled_store: Path) -> None:
    at = press(picked(ids=[5, 9]), "lasso-keep")
    assert "Lasso" in words(at)
    at.text_input(key="lasso-keep-name").set_value("  ")
    at.button(key="lasso-keep-yes").click().run()
    assert "cannot be empty" in at.error[0].value
    at.text_input(key="lasso-keep-name").set_value("Mine")
    at = press(at, "lasso-keep-yes")
    (made,) = list_selections()
    assert (made.name, made.origin, dict(made.rows)) == ("Mine", "Lasso.", {"test": (5, 9)})
    assert at.query_params["selection"] == made.id
    assert "Mine" in words(at)
    assert "lasso-keep-yes" not in [button.key for button in at.button]
    assert len(at.toast) == 1
    assert len(healthy(at.run()).toast) == 0  # said once


def test_a_selection_is_downloaded_as_its_file(bundled_store: Path) -> None:
    made = keep("Threes")
    path = bundled_store / SELECTIONS / f"{made.id}.json"
    assert gateway.selection_document(made) == json.loads(path.read_text())
