"""What a selection shows, and the box that picks one on other pages, headless."""

import importlib
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data import catalog
from core.runs import Run, open_run
from core.store import SELECTIONS, list_selections, read_record
from dashboard import controls, gateway
from tests.dashboard.headless import captions_of, figures, healthy, words
from tests.dashboard.selections_page import (
    CODE,
    FASHION,
    MARKUP,
    ONE,
    keep,
    no_image_sets,
    opened,
    panel,
    picked,
    press,
    shown,
)

__all__ = ["no_image_sets"]  # fixtures


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
