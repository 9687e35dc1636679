"""The Edit page, headless: the pixels that it draws and the shares that it says, against the engine's own."""

import base64
import io
import json
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageSequence
from streamlit.testing.v1 import AppTest

import core
from core.latents import load_latents
from core.runs import Run
from dashboard import controls
from dashboard.pages import _edit_images, _edit_path
from dashboard.pages._edit_lasso import spread
from tests.dashboard.headless import figures, healthy, numbers, open_page, words

TWO, EIGHT, AE = "bundled-digits-beta-1", "bundled-digits-8d", "bundled-digits-ae"
FASHION = "bundled-fashion-weight-500"


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """The pixels behind each picture, as its CSV has them, by the picture's key."""
    caught: dict[str, pd.DataFrame] = {}
    draw = controls.picture

    def picture(png: bytes, *, key: str, frame: pd.DataFrame, **options: Any) -> None:
        caught[key] = frame
        draw(png, key=key, frame=frame, **options)

    monkeypatch.setattr(controls, "picture", picture)
    return caught


@pytest.fixture
def films(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The films that the page makes."""
    made: list[bytes] = []
    make = _edit_path.gateway.film_gif

    def film(*args: Any, **options: Any) -> bytes:
        made.append(make(*args, **options))
        return made[-1]

    monkeypatch.setattr(_edit_path.gateway, "film_gif", film)
    return made


def means(run: str, rows: list[int]) -> np.ndarray:
    stored = core.open_run(run).latents("test")
    return stored.means[[int(np.flatnonzero(stored.ids == row)[0]) for row in rows]]


def pixels(frame: pd.DataFrame, run: Run) -> np.ndarray:
    return frame["value"].to_numpy().reshape(-1, *run.shape)


def linked(at: AppTest, key: str) -> str:
    """What the link says for a choice."""
    value = at.query_params[key]
    return value if isinstance(value, str) else value[0]


def captions(at: AppTest) -> str:
    """What stands under the pictures."""
    return "\n".join(image.proto.imgs[0].caption for image in at.get("image")).replace("\\", "")


def options(at: AppTest, key: str) -> list[str]:
    return list(next(box for box in at.selectbox if box.key == key).options)


def test_it_opens_with_four_images_of_different_labels_and_everything_drawn(
    bundled_store: Path, frames: dict[str, pd.DataFrame]
) -> None:
    at = healthy(open_page("edit"))
    assert set(frames) == {"edit-traversal", "edit-strip", "edit-attribute", "edit-arithmetic"}
    assert linked(at, "run") == TWO
    rows = [int(one) for one in linked(at, "rows").split(",")]
    stored = load_latents(bundled_store / TWO / "latents-test.npz")
    labels = stored.labels[np.searchsorted(stored.ids, rows)].tolist()
    assert len(set(labels)) == len(rows) == 4
    said = captions(at)
    assert all(
        f"{k + 1}: image {row} ({label})" in said
        for k, (row, label) in enumerate(zip(rows, labels, strict=True))
    )


def test_a_traversal_moves_one_dimension_by_quantiles_most_informative_first(
    bundled_store: Path, frames: dict[str, pd.DataFrame]
) -> None:
    healthy(open_page("edit", run=EIGHT, rows="21,24", start="21", frames="5"))
    run, frame = core.open_run(EIGHT), frames["edit-traversal"]
    assert run.scores is not None
    rates = run.scores["test"]["rate_per_dimension"]
    order = sorted(range(8), key=lambda k: -rates[k])
    assert list(dict.fromkeys(frame["dimension"])) == [k + 1 for k in order]
    z = np.repeat(means(EIGHT, [21]), 40, 0).reshape(8, 5, 8)
    for row, dimension in enumerate(order):
        z[row, :, dimension] = [NormalDist().inv_cdf((k + 0.5) / 5) for k in range(5)]
    np.testing.assert_allclose(pixels(frame, run), run.decode(z.reshape(40, 8)), atol=1e-6)
    assert frame["p_value"].unique().tolist() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(sorted(frame["z"].unique()), z[0, :, order[0]], atol=1e-6)


def test_a_traversal_from_the_origin(bundled_store: Path, frames: dict[str, pd.DataFrame]) -> None:
    at = healthy(open_page("edit", run=TWO, start="origin", frames="3"))
    run = core.open_run(TWO)
    middle = pixels(frames["edit-traversal"], run)[[1, 4]]
    np.testing.assert_allclose(middle, run.decode(np.zeros((2, 2))), atol=1e-6)
    assert "all others stand at the origin" in captions(at)


@pytest.mark.parametrize("way", ["straight", "spherical"])
def test_a_path_leads_through_the_chosen_images(
    bundled_store: Path, frames: dict[str, pd.DataFrame], films: list[bytes], way: str
) -> None:
    rows = [42, 21, 34]
    healthy(open_page("edit", run=EIGHT, rows="42,21,34", steps="4", path=way, pace="60", back="0"))
    run, frame = core.open_run(EIGHT), frames["edit-strip"]
    decoded = pixels(frame, run)
    assert frame["position"].unique().tolist() == [1 + k / 4 for k in range(9)]
    np.testing.assert_allclose(decoded[::4], run.decode(means(EIGHT, rows)), atol=1e-6)
    first, second = means(EIGHT, rows)[:2].astype(np.float64)
    middle = (first + second) / 2
    if way == "spherical":
        lengths = np.linalg.norm(first), np.linalg.norm(second)
        across = first / lengths[0] + second / lengths[1]  # halfway, the direction halves the angle
        middle = across / np.linalg.norm(across) * sum(lengths) / 2
    np.testing.assert_allclose(decoded[2:3], run.decode(middle[None]), atol=1e-5)
    (film,) = films
    opened = Image.open(io.BytesIO(film))
    assert opened.info["duration"] == 60
    shown = [np.array(one.convert("L"))[::24, ::24] for one in ImageSequence.Iterator(opened)]
    np.testing.assert_allclose(shown, np.rint(decoded[:, 0] * 255), atol=1)


def test_one_image_is_no_path(bundled_store: Path, frames: dict[str, pd.DataFrame]) -> None:
    at = healthy(open_page("edit", run=TWO, rows="21"))
    assert "Choose two images or more" in words(at)
    assert "edit-strip" not in frames
    assert "edit-arithmetic" in frames


def test_an_attribute_is_the_difference_of_two_labels_averages(
    bundled_store: Path, frames: dict[str, pd.DataFrame]
) -> None:
    healthy(
        open_page(
            "edit", run=TWO, rows="21,24", **{"with": "3", "without": "5", "strength": "0.5", "edit": "24"}
        )
    )
    run = core.open_run(TWO)
    stored, frame = run.latents("test"), frames["edit-attribute"]
    vector = stored.means[stored.labels == 3].mean(0) - stored.means[stored.labels == 5].mean(0)
    start = means(TWO, [24])[0]
    by_name = {
        name: part["value"].to_numpy().reshape(1, *run.shape) for name, part in frame.groupby("shown_as")
    }
    images = run.images("test")
    np.testing.assert_allclose(by_name["original"], images.pixels[images.ids == 24] / 255, atol=1e-6)
    for name, strength in (("edited, strength +0.50", 0.5), ("strength -2.00", -2), ("strength +1.50", 1.5)):
        expected = run.decode((start + strength * vector)[None])
        np.testing.assert_allclose(by_name[name], expected, atol=1e-5)
    np.testing.assert_allclose(by_name["reconstruction"], by_name["strength +0.00"])


def test_leakage_counts_the_images_that_go_to_each_label(bundled_store: Path) -> None:
    at = healthy(open_page("edit", run=TWO, **{"with": "3", "without": "5", "strength": "1"}))
    stored = core.open_run(TWO).latents("test")
    centres = np.stack([stored.means[stored.labels == k].mean(0, dtype=np.float64) for k in range(10)])
    moved = stored.means[stored.labels == 5].astype(np.float64)

    def labels(z: np.ndarray) -> np.ndarray:
        return np.linalg.norm(z[:, None] - centres, axis=2).argmin(1)

    rest, now = labels(moved), labels(moved + centres[3] - centres[5])
    shares = {k: float(((now == k) & (now != rest)).mean()) for k in range(10)}
    (figure,) = figures(at)
    drawn = {trace["name"]: trace for trace in figure["data"]}
    assert figure["data"][0]["name"] == "3 (meant)"
    for k, share in shares.items():
        name = "3 (meant)" if k == 3 else str(k)
        if share:
            at_one = numbers(drawn[name]["x"]).index(1.0)
            assert numbers(drawn[name]["y"])[at_one] == pytest.approx(100 * share)
    said = words(at)
    assert f"{100 * shares[3]:.0f} % are now nearest to the average of 3, which is meant" in said
    assert (
        f"and {100 * sum(share for k, share in shares.items() if k != 3):.0f} % to that of another label"
        in said
    )
    most = max((k for k in shares if k != 3), key=shares.__getitem__)
    assert f"({100 * shares[most]:.0f} % to {most}" in said  # not "8 25 %", where labels are numbers
    assert f"of their own label for {100 * (rest == 5).mean():.0f} %" in said


def test_an_attribute_of_two_selections(bundled_store: Path, frames: dict[str, pd.DataFrame]) -> None:
    healthy(
        open_page("edit", run=TWO, by="rows", having="21,34", lacking="42,24,35", rows="28", strength="2")
    )
    run = core.open_run(TWO)
    vector = means(TWO, [21, 34]).mean(0) - means(TWO, [42, 24, 35]).mean(0)
    frame = frames["edit-attribute"]
    edited = frame[frame["shown_as"] == "edited, strength +2.00"]["value"].to_numpy().reshape(1, *run.shape)
    np.testing.assert_allclose(edited, run.decode(means(TWO, [28]) + 2 * vector), atol=1e-5)


def test_a_lasso_fills_a_selection(bundled_store: Path, frames: dict[str, pd.DataFrame]) -> None:
    at = open_page("edit", run=TWO, by="rows", having="21", lacking="24")
    ids = np.sort(core.open_run(TWO).latents("test").ids)
    bits = np.isin(ids, [28, 35, 42])
    packed = base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode()
    at.session_state["edit-lasso"] = {"selection": {"bits": packed}}
    assert "3 of 360 images selected" in words(healthy(at.run()))
    next(button for button in at.button if button.key == "edit-lasso-having").click()
    healthy(at.run())
    assert linked(at, "having") == "28,35,42"
    assert linked(at, "lacking") == "24"
    vector = means(TWO, [28, 35, 42]).mean(0) - means(TWO, [24])[0]
    run, frame = core.open_run(TWO), frames["edit-attribute"]
    row = int(linked(at, "rows").split(",")[0])
    edited = frame[frame["shown_as"] == "edited, strength +1.00"]["value"].to_numpy().reshape(1, *run.shape)
    np.testing.assert_allclose(edited, run.decode(means(TWO, [row]) + vector), atol=1e-5)


def test_a_large_selection_is_thinned_evenly() -> None:
    assert spread(list(range(10)), 10) == list(range(10))
    assert spread(list(range(101)), 5) == [0, 25, 50, 75, 100]


def test_arithmetic_of_three_images(bundled_store: Path, frames: dict[str, pd.DataFrame]) -> None:
    healthy(open_page("edit", run=EIGHT, rows="21,24,28,34", a="34", b="21", c="28"))
    run, frame = core.open_run(EIGHT), frames["edit-arithmetic"]
    a, b, c = means(EIGHT, [34, 21, 28])
    result = frame[frame["shown_as"] == "a - b + c"]["value"].to_numpy().reshape(1, *run.shape)
    np.testing.assert_allclose(result, run.decode((a - b + c)[None]), atol=1e-5)


def test_codes_move_in_their_own_units_and_it_is_said(
    bundled_store: Path, frames: dict[str, pd.DataFrame]
) -> None:
    at = healthy(open_page("edit", run=AE, start="origin", frames="3"))
    run = core.open_run(AE)
    codes = run.latents("test").means.astype(np.float64)
    middle = pixels(frames["edit-traversal"], run)[[1, 4]]
    np.testing.assert_allclose(middle, run.decode(np.tile(codes.mean(0), (2, 1))), atol=1e-5)
    assert "no posterior and no prior" in words(at)
    assert "the average code" in options(at, "start")


def test_a_click_on_a_thumbnail_adds_and_removes_an_image(bundled_store: Path) -> None:
    at = healthy(open_page("edit", run=TWO, rows="21,24"))
    first, second = [item["id"] for item in gallery_items(at)][:2]
    for click, expected in (
        (first, f"21,24,{first}"),
        (second, f"21,24,{first},{second}"),
        (first, f"21,24,{second}"),
        (4711, f"21,24,{second}"),  # no such thumbnail
    ):
        at.session_state["edit-gallery"] = {"pick": {"id": click}}
        healthy(at.run())
        assert linked(at, "rows") == expected
    shown = {item["id"]: item["number"] for item in gallery_items(at)}
    assert shown[second] == 3
    assert shown[first] == 0


def gallery_items(at: AppTest) -> list[dict[str, Any]]:
    (element,) = at.get("bidi_component")
    return json.loads(element.proto.json)["items"]


def test_toggling_keeps_one_image_and_takes_no_more_than_there_is_room_for() -> None:
    assert _edit_images.toggled([3, 5], 7) == [3, 5, 7]
    assert _edit_images.toggled([3, 5], 3) == [5]
    assert _edit_images.toggled([3], 3) == [3]
    full = list(range(_edit_images.MOST))
    assert _edit_images.toggled(full, 99) == full


@pytest.mark.parametrize(
    "text, rows",
    [
        ("3,17", [3, 17]),
        ("3 17;3", [3, 17]),
        ("", []),
        ("-4 x", [4]),
        ("9" * 5000 + " 21", [10**18, 21]),
    ],
)
def test_rows_are_read_from_any_text(text: str, rows: list[int]) -> None:
    assert _edit_images.rows_of(text) == rows


def test_numbers_that_are_not_there_are_named(bundled_store: Path) -> None:
    at = healthy(open_page("edit", run=TWO, rows="21,22,24"))
    assert "no image 22 among the test images of digits: their numbers are 21, 24, 28, ... " in words(at)
    assert linked(at, "rows") == "21,24"
    at = healthy(open_page("edit", run=TWO, rows="5"))
    assert "Some of its images are shown instead" in words(at)


def test_another_split_has_other_images(bundled_store: Path) -> None:
    at = open_page("edit", run=TWO, rows="21,24")
    at.segmented_control(key="of").set_value("train").run()
    healthy(at)
    stored = core.open_run(TWO).latents("train")
    rows = [int(one) for one in linked(at, "rows").split(",")]
    assert len(rows) == 4
    assert set(rows) <= set(stored.ids.tolist())
    assert "There is no" not in words(at)


def test_without_images_a_traversal_from_the_origin_is_drawn(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: dict[str, pd.DataFrame]
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    at = healthy(open_page("edit", run=FASHION))
    assert set(frames) == {"edit-traversal"}
    assert "not on this machine" in words(at)
    assert "Fetch fashion-mnist" in [button.label.replace("\\", "") for button in at.button]
    assert options(at, "start") == ["the origin, z = 0"]


def trained(store: Path, **settings: Any) -> Run:
    from core.config import RunConfig

    config = RunConfig.make({"hidden": (16,), "epochs": 1, "threads": 1, "device": "cpu", **settings})
    return core.train(config, name="Small", store=store)


@pytest.mark.parametrize(
    "settings", [{"latent": 1}, {"latent": 12}, {"family": "ae", "latent": 1}, {"family": "ae", "latent": 3}]
)
@pytest.mark.parametrize("way", ["straight", "spherical"])
def test_any_latent_size(
    store: Path, settings: dict[str, Any], way: str, frames: dict[str, pd.DataFrame]
) -> None:
    run = trained(store, **settings)
    at = healthy(open_page("edit", run=run.id, path=way))
    assert len(frames) == 4
    size = settings["latent"]
    assert len(frames["edit-traversal"]["dimension"].unique()) == min(size, 10)
    assert ("Dimensions" in [box.label for box in at.number_input]) == (size > 10)
    assert ("has no circle to turn" in words(at)) == (size == 1 and way == "spherical")


NONSENSE = {
    "rows": "<b>21</b>,99999999999999999999999,,x",
    "of": "validation",
    "start": "foo",
    "frames": "0",
    "steps": "500",
    "path": "round",
    "pace": "-3",
    "gallery": "1e9",
    "by": "1",
    "with": "11",
    "without": "-1",
    "strength": "nan",
    "edit": "5",
    "a": "x",
    "b": "99",
    "c": "",
}


def test_nonsense_in_the_link_gives_the_defaults(
    bundled_store: Path, frames: dict[str, pd.DataFrame]
) -> None:
    at = healthy(open_page("edit", run=TWO, **NONSENSE))
    assert len(frames) == 3  # one image is no path
    assert linked(at, "rows") == "21"
    assert len(frames["edit-traversal"]["p_value"].unique()) == 11


def relabelled(store: Path, labels: np.ndarray) -> None:
    """Give the stored test images of a run these labels."""
    path = store / TWO / "latents-test.npz"
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    np.savez(path, **{**arrays, "labels": np.resize(labels, len(arrays["ids"])).astype(np.int64)})


def test_images_without_labels_have_attributes_by_selection_and_no_leakage(
    bundled_store: Path, frames: dict[str, pd.DataFrame]
) -> None:
    relabelled(bundled_store, np.array([-1]))
    at = healthy(open_page("edit", run=TWO, rows="21,24,28"))
    said = words(at)
    assert "Fewer than two labels" in said
    assert "Leakage onto other labels does not apply" in said
    assert figures(at) == []
    assert len(frames) == 4
    assert "label no label" not in captions(at)


def test_some_images_without_a_label_belong_to_no_group(bundled_store: Path) -> None:
    relabelled(bundled_store, np.array([-1, 3, 5]))
    at = healthy(open_page("edit", run=TWO, rows="21,24", **{"with": "3", "without": "others"}))
    assert "120 and 120 images" in captions(at)  # the 120 without a label are in neither


def test_a_damaged_file_is_a_sentence(bundled_store: Path) -> None:
    (bundled_store / TWO / "latents-test.npz").write_bytes(b"PK nonsense")
    at = open_page("edit", run=TWO)
    (error,) = at.error
    assert "latents-test" in error.value.replace("\\", "")
    assert not at.exception
