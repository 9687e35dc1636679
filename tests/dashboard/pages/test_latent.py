"""The Latent space page, headless: what it sends to the map and what it says, against the stored arrays."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm

import core
from core.data import catalog
from core.denoising import denoise
from core.latents import load_latents
from core.training.run import train
from dashboard import gateway
from dashboard.components.latent_map.sprites import Sprites, serve
from tests.dashboard.headless import captions, figures, healthy, maps, open_page, words


def test_the_maps_are_the_stored_means_and_their_normal_cdf(bundled_store: Path) -> None:
    header, sections = maps(healthy(open_page("latent", run="bundled-digits-beta-1", split="test")))[0]
    stored = load_latents(bundled_store / "bundled-digits-beta-1" / "latents-test.npz")
    np.testing.assert_array_equal(sections["ids"], stored.ids)
    np.testing.assert_array_equal(sections["xy:latent"], stored.means)
    np.testing.assert_allclose(sections["xy:p-values"], norm.cdf(stored.means), atol=1e-6)
    np.testing.assert_array_equal(sections["cls"], stored.labels)
    assert header["classes"] == [str(digit) for digit in range(10)]


def test_small_data_show_both_splits_with_their_own_markers(bundled_store: Path) -> None:
    header, sections = maps(healthy(open_page("latent", run="bundled-digits-beta-1")))[0]
    assert header["markers"] == ["test", "train"]
    assert (sections["mk"] == 0).sum() == 360
    assert (sections["mk"] == 1).sum() == 1293
    assert len(set(sections["ids"].tolist())) == 1653


def test_samples_are_said_to_be_samples_and_spread_more_than_means(bundled_store: Path) -> None:
    at = healthy(open_page("latent", run="bundled-digits-beta-2", show="samples", split="train"))
    means = maps(healthy(open_page("latent", run="bundled-digits-beta-2", split="train")))[0][1]["xy:latent"]
    samples = maps(at)[0][1]["xy:latent"]
    assert "posterior samples" in words(at)
    extra = samples.var(0) - means.var(0)
    latents = load_latents(bundled_store / "bundled-digits-beta-2" / "latents-train.npz")
    assert latents.log_variances is not None
    np.testing.assert_allclose(extra, np.exp(latents.log_variances).mean(0), atol=0.12)


def test_a_clicked_point_shows_its_image_label_and_scores(bundled_store: Path) -> None:
    stored = load_latents(bundled_store / "bundled-digits-beta-1" / "latents-test.npz")
    at = open_page("latent", run="bundled-digits-beta-1", split="test")
    at.session_state["latent-map"] = {"click": {"panel": "p-values", "id": int(stored.ids[5])}}
    healthy(at.run())
    assert f"{stored.labels[5]}** · test image {stored.ids[5]}" in words(at)
    table = at.dataframe[0].value
    assert stored.rate is not None
    assert stored.log_variances is not None
    assert table["nats"].tolist() == [
        f"{value:.2f}"
        for value in (stored.distortion[5], stored.rate[5], stored.distortion[5] + stored.rate[5])
    ]
    posterior = at.dataframe[1].value
    np.testing.assert_allclose(posterior["mean"], stored.means[5], rtol=1e-6)
    np.testing.assert_allclose(
        posterior["standard deviation"], np.exp(stored.log_variances[5] / 2), rtol=1e-6
    )


def test_the_card_shows_the_first_image_before_a_click(bundled_store: Path) -> None:
    stored = load_latents(bundled_store / "bundled-digits-beta-1" / "latents-test.npz")
    at = healthy(open_page("latent", run="bundled-digits-beta-1", split="test"))
    assert f"{stored.labels[0]}** · test image {stored.ids[0]}" in words(at)
    assert "Click a point to see its image" in words(at)
    np.testing.assert_allclose(at.dataframe[1].value["mean"], stored.means[0], rtol=1e-6)


@pytest.mark.parametrize("panel", ["latent", "p-values"])
def test_a_click_on_an_empty_place_moves_the_place_there(bundled_store: Path, panel: str) -> None:
    at = open_page("latent", run="bundled-digits-beta-1")
    place = (1.25, -0.5)
    where = place if panel == "latent" else tuple(norm.cdf(place))
    at.session_state["latent-map"] = {"empty": {"panel": panel, "x": where[0], "y": where[1]}}
    healthy(at.run())
    np.testing.assert_allclose([at.session_state["zx"], at.session_state["zy"]], place, atol=1e-3)
    assert at.query_params["zx"] in ("1.2500", ["1.2500"])


def test_a_click_beyond_what_can_be_typed_stays_at_the_border(bundled_store: Path) -> None:
    at = open_page("latent", run="bundled-digits-beta-1")
    at.session_state["latent-map"] = {"empty": {"panel": "latent", "x": 1e7, "y": 0.5}}
    healthy(at.run())
    assert (at.session_state["zx"], at.session_state["zy"]) == (10_000, 0.5)


@pytest.mark.parametrize("text", ["1e39", "-20000", "nan", "x"])
def test_a_place_beyond_all_codes_is_not_taken_from_a_link(bundled_store: Path, text: str) -> None:
    at = healthy(open_page("latent", run="bundled-digits-beta-1", zx=text, zy="0"))
    assert at.session_state["zx"] is None
    boxes = {box.key: box for box in at.number_input}
    assert (boxes["zx"].min, boxes["zx"].max) == (
        -10_000,
        10_000,
    )  # what can be typed is what a link may hold
    far = healthy(open_page("latent", run="bundled-digits-beta-1", zx="10000", zy="0"))
    assert far.session_state["zx"] == 10_000
    assert "Decoded there" in [image.proto.imgs[0].caption for image in far.get("image")]


def test_the_lattice_holds_the_tiles_that_the_contract_names(bundled_store: Path) -> None:
    at = healthy(open_page("latent", run="bundled-digits-beta-1", n="4"))
    _, sections = maps(at)[1]
    picture = np.asarray(Image.open(io.BytesIO(sections["image:manifold"].tobytes())))
    corner = norm.ppf([[1 / 8, 7 / 8]])  # row 0, column 0 of 4 x 4: the top left cell's middle
    tile = core.open_run("bundled-digits-beta-1").decode(corner.astype(np.float32))[0, 0]
    np.testing.assert_allclose(picture[:8, :8], np.round(tile * 255), atol=1)
    assert len(sections["ids"]) == 0


def test_prior_draws_are_numbered_points_on_both_maps(bundled_store: Path) -> None:
    at = healthy(open_page("latent", run="bundled-digits-beta-1", prior="1", k="5", seed="3"))
    header, _ = maps(at)[0]
    draws = np.random.default_rng(3).standard_normal((5, 2))
    by_id = {panel["id"]: panel for panel in header["panels"]}
    np.testing.assert_allclose(by_id["latent"]["draws"], draws, atol=1e-5)
    np.testing.assert_allclose(by_id["p-values"]["draws"], norm.cdf(draws), atol=1e-5)
    before = at.session_state["seed"]
    at.button[0].click().run()
    assert at.session_state["seed"] != before


def test_more_dimensions_stand_most_informative_first(bundled_store: Path) -> None:
    at = healthy(open_page("latent", run="bundled-digits-8d"))
    rates = np.array(core.open_run("bundled-digits-8d").scores["test"]["rate_per_dimension"])  # type: ignore[index]
    best = np.argsort(-rates)
    assert at.session_state["dx"] == str(best[0] + 1)
    assert at.session_state["dy"] == str(best[1] + 1)
    stored = load_latents(bundled_store / "bundled-digits-8d" / "latents-test.npz")
    sections = maps(healthy(open_page("latent", run="bundled-digits-8d", split="test", dx="5", dy="3")))[0][1]
    np.testing.assert_array_equal(sections["xy:latent"], stored.means[:, [4, 2]])


def test_a_run_without_a_posterior_says_what_does_not_apply(bundled_store: Path) -> None:
    at = healthy(open_page("latent", run="bundled-digits-ae", split="test"))
    assert "no posterior and no prior" in words(at)
    assert "its reconstruction and its code" in words(at)
    assert "Reconstruction at the mean" not in captions(at)
    assert "Reconstruction" in captions(at)
    header, sections = maps(at)[0]
    codes = load_latents(bundled_store / "bundled-digits-ae" / "latents-test.npz").means.astype(np.float64)
    np.testing.assert_allclose(
        sections["xy:p-values"], norm.cdf((codes - codes.mean(0)) / codes.std(0)), atol=1e-5
    )
    assert not any(panel.get("circles") for panel in header["panels"])
    assert "Draw from the prior" not in [toggle.label for toggle in at.toggle]


def test_pca_says_what_its_components_explain_and_a_linear_code_how_correlated_it_is(
    bundled_store: Path,
) -> None:
    said = words(healthy(open_page("latent", run="bundled-digits-pca", split="test")))
    # scikit-learn's explained_variance_ratio_ of the training images: 0.1498 and 0.1357
    assert (
        "code 1: 15.0 % (eigenvalue 0.701); code 2: 13.6 % (eigenvalue 0.635); all 2 together 28.5 %" in said
    )
    at = healthy(open_page("latent", run="bundled-digits-pca-8d", split="test"))
    assert "5 more below; all 8 together 67." in words(at)
    (table,) = [one.value for one in at.dataframe if "component" in one.value]
    assert len(table) == 8
    assert table["share up to it (%)"].iloc[-1] == pytest.approx(table["share of the variance (%)"].sum())
    trained = words(healthy(open_page("latent", run="bundled-digits-linear", split="test")))
    assert "any basis of the subspace that PCA finds" in trained
    scores = core.open_run(bundled_store / "bundled-digits-linear").record.scores
    assert scores is not None
    assert f"over the training images is {scores['train']['code_correlation']:.3f} (PCA: 0)" in trained


def test_a_sparse_code_shows_its_units(bundled_store: Path) -> None:
    at = healthy(open_page("latent", run="bundled-digits-sae", split="test"))
    assert "Units of the code" in words(at)
    assert "What each of the 100 units adds to an image" in words(at)
    assert "a column of the decoder" in words(at)
    codes = load_latents(bundled_store / "bundled-digits-sae" / "latents-test.npz").means
    titles = [one["layout"]["title"] for one in figures(at)]
    (drawn,) = [one for one in titles if one["text"] == "Activations of all units"]
    assert f"mean {codes.mean():.3f}; asked of each unit: 0.05" in drawn["subtitle"]["text"]
    assert "Units of the code" not in words(
        healthy(open_page("latent", run="bundled-digits-ae", split="test"))
    )


def test_a_denoising_run_shows_images_clean_noisy_and_denoised(bundled_store: Path) -> None:
    at = healthy(open_page("latent", run="bundled-digits-dae", split="test"))
    said = words(at)
    assert "10 test images, with Gaussian noise of 0.25 (seed 0)" in said
    run = core.open_run("bundled-digits-dae")
    ids = gateway.example_ids(run.record, 10)
    found, images = gateway.denoised(run.record, ids), run.images("test")
    whole = denoise(run, images)  # an image's noise is its own, whatever stands beside it
    rows = [list(images.ids).index(gateway.split_and_row(int(one))[1]) for one in ids]
    np.testing.assert_array_equal(found.noisy, whole.noisy[rows])
    np.testing.assert_allclose(found.denoised, whole.denoised[rows], atol=1e-5)
    assert found.psnr_denoised is not None
    assert found.psnr_noisy is not None
    assert found.psnr_denoised > found.psnr_noisy + 1
    assert f"noisy {found.psnr_noisy:.2f} dB, denoised {found.psnr_denoised:.2f} dB" in said


def test_binary_pixels_are_shown_as_the_run_was_shown_them(store: Path) -> None:
    settings = {"binarise": "sampled", "epochs": 1, "hidden": (8,), "threads": 1, "device": "cpu"}
    train(core.RunConfig.make(settings), store=store, run_id="binary")
    record = core.open_run("binary").record
    data = gateway.map_data(record, ["test"])
    seen = core.open_run("binary").images("test")
    np.testing.assert_array_equal(gateway.originals_of_map(record, data), seen.pixels)
    np.testing.assert_array_equal(gateway.originals(record, data.ids[[5, 2]]), seen.pixels[[5, 2]])


def test_thumbnails_are_the_images_of_the_points(
    bundled_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = []

    def keep(sprites: Sprites, *, key: str) -> dict[str, Any]:
        served.append(sprites)
        return serve(sprites, key=key)

    monkeypatch.setattr("dashboard.components.latent_map.serve", keep)
    header, _ = maps(healthy(open_page("latent", run="bundled-digits-beta-1", split="test")))[0]
    assert header["sprites"]["hash"] == served[0].digest
    sheet = np.asarray(Image.open(io.BytesIO(served[0].data)))
    images = catalog.load("digits", "test")
    for k in (0, 17, 359):
        row, column = divmod(k, header["sprites"]["columns"])
        np.testing.assert_array_equal(
            sheet[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8], images.pixels[k, 0]
        )


def test_an_empty_store_says_how_to_train_the_first_run(store: Path) -> None:
    at = healthy(open_page("latent"))
    assert "No run can be shown yet" in words(at)
    assert at.code[0].value == "python -m core train digits-vae"


def test_a_damaged_run_breaks_neither_the_page_nor_the_others(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))  # the run opened instead encodes no images
    (bundled_store / "bundled-digits-beta-1" / "run.json").write_text("{")
    healthy(open_page("latent"))
    at = healthy(open_page("latent", run="bundled-digits-beta-1"))
    assert "cannot be shown here" in words(at)


def test_damaged_weights_are_one_sentence(bundled_store: Path) -> None:
    weights = next((bundled_store / "bundled-digits-beta-1").glob("model-*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-4] + os.urandom(4))
    at = open_page("latent", run="bundled-digits-beta-1")
    assert not at.exception
    assert len(at.error) == 1
    assert "SHA" in at.error[0].value


def test_missing_data_leave_lattice_and_places(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    at = healthy(open_page("latent", run="bundled-fashion-weight-500", zx="0.5", zy="0.5", prior="1", n="3"))
    assert "are not on this machine" in words(at)
    assert any("Fetch" in button.label for button in at.button)
    first, second = maps(at)
    assert len(first[1]["ids"]) == 0
    assert "image:manifold" in second[1]


def trained(store: Path, **settings: object) -> core.Run:
    config = core.recipe("digits-vae").config.with_settings({"epochs": 1, "hidden": (16,), **settings})
    return core.train(config, name="small", store=store)


def test_a_one_dimensional_latent_shows_densities_and_a_row_of_points_for_each_class(store: Path) -> None:
    run = trained(store, latent=1)
    at = open_page("latent", run=run.id, split="test", prior="1", k="3", zx="0.5")
    assert "Decoded line" in words(healthy(at))
    titles = [figure["layout"]["title"]["text"] for figure in figures(at)]
    assert titles == ["Latent means: density", "p-value map Φ(means): density"]
    stored = run.latents("test")
    header, sections = maps(at)[0]
    np.testing.assert_array_equal(sections["xy:latent"][:, 0], stored.means[:, 0])
    np.testing.assert_array_equal(np.round(sections["xy:latent"][:, 1]), stored.labels)
    np.testing.assert_allclose(sections["xy:p-values"][:, 0], norm.cdf(stored.means[:, 0]), atol=1e-6)
    latent, p_values = header["panels"]
    assert latent["marker"] == [0.5, -1.0]
    np.testing.assert_allclose(p_values["marker"], [norm.cdf(0.5), -1.0], atol=1e-6)
    np.testing.assert_allclose(
        np.array(latent["draws"])[:, 0], core.generation.prior_draws(3, latent=1, seed=0)[:, 0]
    )
    assert not latent["circles"]
    assert "Prior contours" not in [toggle.label for toggle in at.toggle]
    assert "View" not in [group.proto.label for group in at.get("button_group")]
    assert [box.key for box in at.number_input if box.key in ("zx", "zy")] == ["zx"]
    assert "Decoded there" in [image.proto.imgs[0].caption for image in at.get("image")]
    at.session_state["latent-map"] = {"click": {"panel": "latent", "id": int(stored.ids[5])}}
    assert f"{stored.labels[5]}** · test image {stored.ids[5]}" in words(healthy(at.run()))


def test_codes_of_more_dimensions_stand_in_order_of_their_variance(store: Path) -> None:
    run = trained(store, family="ae", latent=4)
    at = healthy(open_page("latent", run=run.id, split="test"))
    variances = run.latents("test").means.var(0, dtype=np.float64)
    across = next(box for box in at.selectbox if box.key == "dx")
    assert across.options == [f"code {k + 1} · variance {variances[k]:.2f}" for k in np.argsort(-variances)]
    assert "variance" in across.help
    standing = next(
        group for group in at.get("button_group") if group.proto.label == "Other dimensions stand at"
    )
    assert [option.content for option in standing.proto.options] == [
        "the average code",
        "the clicked image's code",
    ]


def test_names_with_markup_are_shown_letter_by_letter(bundled_store: Path) -> None:
    from core.store import annotate

    annotate(bundled_store / "bundled-digits-beta-1", name="<b>bold</b> $x$ :smile:")
    at = healthy(open_page("latent", run="bundled-digits-beta-1"))
    assert "<b>bold</b> $x$ :smile:" in at.selectbox[0].options


def test_a_place_says_its_densities_and_the_nearest_training_images(bundled_store: Path) -> None:
    at = healthy(open_page("latent", run="bundled-digits-beta-1", split="test", zx="0.5", zy="-1"))
    stored = load_latents(bundled_store / "bundled-digits-beta-1" / "latents-train.npz")
    assert stored.log_variances is not None
    z, sigma = np.array([0.5, -1.0]), np.exp(0.5 * stored.log_variances.astype(np.float64))
    aggregate = norm.pdf(z, stored.means, sigma).prod(1).mean()
    prior = norm.pdf(z).prod()
    said = words(at)
    assert (
        f"aggregate posterior of the training images {np.log(aggregate):.2f}, prior {np.log(prior):.2f}"
        in said
    )
    assert f"Their ratio is {aggregate / prior:.3g}:" in said
    distances = np.linalg.norm(stored.means - z, axis=1)
    nearest = np.argsort(distances)[:8]
    captions = "\n".join(image.proto.imgs[0].caption for image in at.get("image")).replace("\\", "")
    assert (
        f"nearest in the latent space, {distances[nearest[0]]:.3f} to {distances[nearest[7]]:.3f} prior"
        in captions
    )
    assert f"Labels: {', '.join(str(label) for label in stored.labels[nearest])}." in captions


def test_densities_do_not_apply_to_codes_whose_neighbours_are_counted_in_their_own_units(
    bundled_store: Path,
) -> None:
    at = healthy(open_page("latent", run="bundled-digits-ae", split="test", zx="1", zy="1"))
    assert "Densities do not apply" in words(at)
    codes = load_latents(bundled_store / "bundled-digits-ae" / "latents-train.npz").means.astype(np.float64)
    distances = np.sort(np.linalg.norm((codes - 1) / codes.std(0), axis=1))
    captions = "\n".join(image.proto.imgs[0].caption for image in at.get("image"))
    assert f"{distances[0]:.3f} to {distances[7]:.3f} standard deviations of the codes away" in captions


def test_a_place_without_the_training_images_says_what_it_lacks(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    at = healthy(open_page("latent", run="bundled-fashion-weight-500", zx="0", zy="0"))
    assert "Decoded there" in [image.proto.imgs[0].caption for image in at.get("image")]
    assert "need the training images" in words(at)
    assert "place-encode" not in [button.key for button in at.button]


@pytest.mark.parametrize("page", ["latent", "edit"])
def test_a_dead_code_is_named(page: str, bundled_store: Path) -> None:
    said = "Its code is dead: the mean of no unit varies over the images by more than 0.01"
    (warning,) = [one.value for one in healthy(open_page(page, run="bundled-digits-beta-4")).warning]
    assert warning.startswith(said)
    assert warning.endswith("Train again with a smaller beta.")
    assert "dead" not in str([one.value for one in open_page(page, run="bundled-digits-beta-3").warning])


def test_places_that_a_sigmoid_code_never_takes_are_said_to_be_so(bundled_store: Path) -> None:
    said = "The encoder never gives such a code: its units lie between 0 and 1, and here they are "
    run = core.open_run("bundled-digits-cae")
    found = words(healthy(open_page("latent", run=run.id, zx="-3", zy="0.5")))
    assert found.count(said) == 2  # of the manifold, and of the place
    assert f"{said}-3 to " in found
    assert said not in words(healthy(open_page("latent", run="bundled-digits-ae-32d", zx="-3", zy="0.5")))
    # the truth of the manifold: a normal fitted to the codes reaches beyond them
    codes = run.latents("test").means.astype(np.float64)
    assert (codes.mean(0) + norm.ppf(0.5 / 20) * codes.std(0)).min() < 0 < codes.min()
