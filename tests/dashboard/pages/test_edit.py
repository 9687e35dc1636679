"""The Edit images page, headless: traversals, paths, attribute vectors and arithmetic against the stored latents."""

import base64
import io
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageSequence

import core
from core.latents import load_latents
from dashboard.pages._edit_lasso import spread
from tests.dashboard.edit_page import AE, EIGHT, TWO, films, frames, linked, means, options, pixels
from tests.dashboard.headless import captions, figures, healthy, numbers, open_page, words

__all__ = ["films", "frames"]  # fixtures


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


def test_edits_that_leave_a_sigmoid_code_are_said_to_do_so(bundled_store: Path) -> None:
    said = "The encoder never gives such a code"
    assert words(healthy(open_page("edit", run="bundled-digits-cae"))).count(said) == 3
    # a straight path stays between its ends, a great circle may leave them
    assert words(healthy(open_page("edit", run="bundled-digits-cae", path="spherical"))).count(said) == 4
    assert said not in words(healthy(open_page("edit", run="bundled-digits-ae-32d")))
