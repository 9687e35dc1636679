"""A kept selection on every page: what it lights up, shows and averages, against the stored latents."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.latents import load_latents
from core.store import Selection, list_selections, read_record, save_selection
from tests.dashboard.headless import figures, healthy, maps, numbers, open_page, words

RUN, OTHER = "bundled-digits-beta-1", "bundled-digits-beta-0p1"


def selection(store: Path, name: str = "Hard threes", **rows: list[int]) -> Selection:
    document = read_record(store / RUN).document
    assert document is not None
    return save_selection(
        name,
        dataset="digits",
        fingerprint=document.data.fingerprint,
        rows=rows,
        origin="By hand.",
        store=store,
    )


@pytest.fixture
def stored(bundled_store: Path) -> Any:
    return load_latents(bundled_store / RUN / "latents-test.npz")


@pytest.fixture
def kept(bundled_store: Path, stored: Any) -> Selection:
    """Every ninth test image."""
    return selection(bundled_store, test=stored.ids[::9].tolist())


def lit(at: AppTest, which: int = 0) -> list[int]:
    """Ids that a map is asked to select."""
    _, sections = maps(at)[which]
    mask = np.unpackbits(sections["selected"], count=len(sections["ids"]), bitorder="little").astype(bool)
    return sections["ids"][mask].tolist()


def selected(at: AppTest, key: str, ids: np.ndarray, chosen: list[int]) -> AppTest:
    """Select points on a map, as the browser reports it."""
    mask = np.isin(ids, chosen)
    bits = base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()
    at.session_state[key] = {"selection": {"bits": bits}}
    return at.run()


def test_on_the_latent_space_page_it_lights_up_and_shows_its_images(kept: Selection) -> None:
    at = healthy(open_page("latent", run=RUN, split="test", selection=kept.id))
    assert lit(at) == list(kept.rows["test"])
    assert f"**Hard threes**: {len(kept)} images" in words(at)


def test_the_averages_under_the_map_are_those_of_the_stored_latents(kept: Selection, stored: Any) -> None:
    at = open_page("latent", run=RUN, split="test", selection=kept.id)
    at.session_state["latent-selected-open"] = True
    at = healthy(at.run())
    averages = next(one.value for one in at.dataframe if "nats per image" in one.value.columns)
    rows = stored.select(np.flatnonzero(np.isin(stored.ids, kept.rows["test"])))
    assert averages["mean"].tolist() == pytest.approx(
        [rows.distortion.mean(), rows.rate.mean(), (rows.distortion + rows.rate).mean()], rel=1e-5
    )


def test_what_is_selected_on_the_map_can_be_kept(bundled_store: Path, stored: Any) -> None:
    at = open_page("latent", run=RUN, split="test")
    chosen = stored.ids[3:12].tolist()
    at = healthy(selected(at, "latent-map", stored.ids, chosen))
    assert "**9 images selected**" in words(at)
    at = healthy(at.button(key="latent-selected-keep").click().run())
    at.text_input(key="latent-selected-keep-name").set_value("Nine of them")
    at = healthy(at.button(key="latent-selected-keep-yes").click().run())
    (made,) = list_selections(bundled_store)
    assert (made.name, list(made.rows["test"])) == ("Nine of them", sorted(chosen))
    assert made.run == RUN
    assert at.query_params["selection"] == made.id
    at.session_state["latent-map"] = {}
    at = healthy(at.run())
    assert "**Nine of them**: 9 images" in words(at)  # no longer one that could be kept again


def test_another_selection_on_the_map_is_not_the_kept_one(kept: Selection, stored: Any) -> None:
    at = open_page("latent", run=RUN, split="test", selection=kept.id)
    # the map hands back what it was asked to select: still the kept one
    at = healthy(selected(at, "latent-map", stored.ids, list(kept.rows["test"])))
    assert "**Hard threes**" in words(at)
    at = healthy(selected(at, "latent-map", stored.ids, stored.ids[:4].tolist()))
    assert "**4 images selected**" in words(at)


def test_images_that_are_not_on_the_map_are_counted(bundled_store: Path, stored: Any) -> None:
    train = load_latents(bundled_store / RUN / "latents-train.npz")
    both = selection(bundled_store, test=stored.ids[:5].tolist(), train=train.ids[:7].tolist())
    at = healthy(open_page("latent", run=RUN, split="test", selection=both.id))
    assert lit(at) == stored.ids[:5].tolist()
    assert "12 images, 7 of them not among the points of the map" in words(at)
    at = healthy(open_page("latent", run=RUN, split="both", selection=both.id))
    assert len(lit(at)) == 12


def test_no_selection_after_one_clears_the_map(kept: Selection) -> None:
    at = open_page("latent", run=RUN, split="test", selection=kept.id)
    picker = next(box for box in at.selectbox if box.key == "selection")
    at = healthy(picker.set_value("").run())
    assert lit(at) == []
    assert "Select images with a lasso" in words(at)


def test_on_compare_it_is_looked_at_in_every_run(kept: Selection, stored: Any) -> None:
    at = healthy(open_page("compare", runs=f"{RUN},{OTHER}", split="test", selection=kept.id))
    assert lit(at) == list(kept.rows["test"])
    said = words(at)
    assert f"**Hard threes**: {len(kept)} images" in said
    assert f"**{len(kept)} images selected**" in said
    assert "Change over the selected images: A against each run" in said


def test_on_the_trade_off_it_has_its_row_for_each_beta(bundled_store: Path, kept: Selection) -> None:
    at = healthy(open_page("tradeoff", selection=kept.id))
    frame = next(one.value for one in at.dataframe if "distortion_all" in one.value.columns)
    assert len(frame) == 10
    assert frame["images"].tolist() == [len(kept)] * 10
    for _, row in frame.iterrows():
        run = bundled_store / f"bundled-digits-beta-{row['beta']:g}".replace(".", "p")
        latents = load_latents(run / "latents-test.npz")
        rows = np.isin(latents.ids, kept.rows["test"])
        assert latents.rate is not None
        assert row["distortion"] == pytest.approx(latents.distortion[rows].mean(), rel=1e-5)
        assert row["rate"] == pytest.approx(latents.rate[rows].mean(), rel=1e-5)
        assert row["distortion_all"] == pytest.approx(latents.distortion.mean(), rel=1e-5)
    captions = [one.proto.imgs[0].caption for one in at.get("image")]
    assert any("The first 10 test images of the selection Hard threes" in one for one in captions)
    assert lit(at) == list(kept.rows["test"])


def test_beside_the_curves_it_is_a_star_at_the_last_epoch(bundled_store: Path, kept: Selection) -> None:
    at = healthy(open_page("curves", runs=f"{RUN},{OTHER}", selection=kept.id, quantity="distortion"))
    stars = [trace for trace in figures(at)[0]["data"] if trace["meta"][1] == "selection"]
    assert len(stars) == 2
    table = next(one.value for one in at.dataframe if "images" in one.value.columns)
    for star, run, value in zip(stars, (RUN, OTHER), table["distortion"], strict=True):
        latents = load_latents(bundled_store / run / "latents-test.npz")
        mean = float(latents.distortion[np.isin(latents.ids, kept.rows["test"])].mean())
        assert (star["marker"]["symbol"], numbers(star["x"])) == ("star", [200.0])
        assert numbers(star["y"]) == pytest.approx([mean], rel=1e-5)
        assert value == pytest.approx(mean, rel=1e-5)


def test_on_the_runs_page_it_has_columns_of_its_own(bundled_store: Path, kept: Selection) -> None:
    at = healthy(open_page("runs", selection=kept.id))
    frame = at.dataframe[0].value
    row = frame[frame["name"] == "Digits, beta 1"].iloc[0]
    latents = load_latents(bundled_store / RUN / "latents-test.npz")
    rows = np.isin(latents.ids, kept.rows["test"])
    assert latents.rate is not None
    assert row["selected_distortion"] == pytest.approx(float(latents.distortion[rows].mean()), rel=1e-5)
    total = float((latents.distortion + latents.rate)[rows].mean())
    assert row["selected_negative_elbo"] == pytest.approx(total, rel=1e-5)
    fashion = frame[frame["data"] == "fashion-mnist"].iloc[0]
    assert pd.isna(fashion["selected_distortion"])  # another data set


def test_training_images_are_found_however_a_run_divides_them(bundled_store: Path, kept: Selection) -> None:
    train = load_latents(bundled_store / RUN / "latents-train.npz")
    mixed = selection(bundled_store, name="Trained on", train=train.ids[:40].tolist())
    at = healthy(open_page("runs", selection=mixed.id))
    frame = at.dataframe[0].value
    row = frame[frame["name"] == "Digits, beta 1"].iloc[0]
    assert row["selected_distortion"] == pytest.approx(float(train.distortion[:40].mean()), rel=1e-5)


def test_on_the_edit_page_two_selections_make_an_attribute_vector(bundled_store: Path, stored: Any) -> None:
    threes = selection(bundled_store, name="Threes", test=stored.ids[stored.labels == 3].tolist())
    fives = selection(bundled_store, name="Fives", test=stored.ids[stored.labels == 5].tolist())
    at = healthy(
        open_page("edit", run=RUN, by="kept", tosel=threes.id, fromsel=fives.id, selection=threes.id)
    )
    captions = " ".join(one.proto.imgs[0].caption for one in at.get("image")).replace("\\", "")
    assert "the average of Threes minus that of Fives" in captions
    length = np.linalg.norm(
        stored.means[stored.labels == 3].mean(0) - stored.means[stored.labels == 5].mean(0)
    )
    assert f"{length:.2f} prior standard deviations long" in captions
    at = healthy(open_page("edit", run=RUN, by="kept", tosel=threes.id))
    rest = stored.means[stored.labels == 3].mean(0) - stored.means[stored.labels != 3].mean(0)
    captions = " ".join(one.proto.imgs[0].caption for one in at.get("image")).replace("\\", "")
    assert "minus that of all other images" in captions
    assert f"{np.linalg.norm(rest):.2f} prior standard deviations long" in captions


def test_without_a_kept_selection_the_edit_page_says_how_to_make_one(bundled_store: Path) -> None:
    at = healthy(open_page("edit", run=RUN, by="kept"))
    assert "No kept selection has test images of this run's data" in words(at)


def test_a_selection_of_other_data_is_refused_in_a_sentence(bundled_store: Path) -> None:
    other = save_selection(
        "Shirts",
        dataset="fashion-mnist",
        fingerprint="0" * 64,
        rows={"test": [1, 2]},
        origin="By hand.",
        store=bundled_store,
    )
    for page in ("latent", "compare", "edit", "tradeoff", "curves"):
        said = words(healthy(open_page(page, selection=other.id)))
        assert "cannot be used here: it is of fashion-mnist, and this run is of digits" in said, page


@pytest.mark.parametrize("shape", ["pairs", "projection", "space"])
def test_more_than_two_dimensions_mark_it_too(bundled_store: Path, kept: Selection, shape: str) -> None:
    at = healthy(
        open_page(
            "latent", run="bundled-digits-8d", split="test", selection=kept.id, shape=shape, method="pca"
        )
    )
    assert f"**Hard threes**: {len(kept)} images" in words(at)
    if shape != "space":
        assert lit(at) == list(kept.rows["test"])
        return
    rings = next(trace for trace in figures(at)[0]["data"] if trace["name"] == "selected")
    stored = load_latents(bundled_store / "bundled-digits-8d" / "latents-test.npz")
    assert stored.rate is not None
    assert len(numbers(rings["x"])) == len(kept)
    rows = np.isin(stored.ids, kept.rows["test"])
    assert any(np.allclose(numbers(rings["x"]), stored.means[rows, k], atol=1e-5) for k in range(8))
