"""The Beta trade-off page, headless: points, pictures and maps, against stored scores and latents."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm
from streamlit.testing.v1 import AppTest

import core
from core.config import RunConfig
from core.data import catalog
from core.latents import load_latents
from dashboard.components.latent_map import unpack
from tests.dashboard.headless import captions_of, healthy, numbers, open_page, words

BETAS = ("0", "0p05", "0p1", "0p25", "0p5", "1", "1p5", "2", "3", "4")
SWEEP = tuple(f"bundled-digits-beta-{beta}" for beta in BETAS)


def board(at: AppTest) -> dict[str, Any]:
    return json.loads(at.get("plotly_chart")[0].proto.spec)


def runs_of(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """{run id: its trace and place in it}."""
    return {
        run: {"trace": trace["name"], "row": k, "x": numbers(trace["x"])[k], "y": numbers(trace["y"])[k]}
        | {"hover": trace["hovertext"][k], "label": trace["text"][k]}
        for trace in figure["data"]
        if trace.get("customdata")
        for k, run in enumerate(trace["customdata"])
    }


def latent_map(at: AppTest) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    (element,) = at.get("bidi_component")
    return unpack(element.proto.bytes)


def scores(store: Path, run: str, split: str = "test") -> dict[str, Any]:
    return json.loads((store / run / "scores.json").read_text())[split]


def boards(at: AppTest) -> list[str]:
    return next(box for box in at.selectbox if box.key == "board").options


def test_each_run_of_the_sweep_is_one_point_at_its_scores(bundled_store: Path) -> None:
    found = runs_of(board(healthy(open_page("tradeoff", lograte="0"))))
    assert set(found) == set(SWEEP)
    for run in SWEEP:
        stored = scores(bundled_store, run)
        assert (found[run]["x"], found[run]["y"]) == pytest.approx(
            (stored["rate"], stored["distortion"]), rel=1e-6
        )
    assert found[SWEEP[5]]["label"] == "β 1 (w 64)"
    assert "∞" in found[SWEEP[0]]["label"] or "infinite" in found[SWEEP[0]]["label"]
    assert (
        f"excess distortion: {scores(bundled_store, SWEEP[5])['excess_distortion']:,.5g}"
        in found[SWEEP[5]]["hover"]
    )
    assert "collapsed" in found[SWEEP[-1]]["trace"]


def test_the_split_that_was_scored(bundled_store: Path) -> None:
    found = runs_of(board(healthy(open_page("tradeoff", scored="train", lograte="0"))))
    assert found[SWEEP[5]]["x"] == pytest.approx(scores(bundled_store, SWEEP[5], "train")["rate"], rel=1e-6)


def test_a_wide_spread_opens_on_a_logarithmic_axis(bundled_store: Path) -> None:
    at = healthy(open_page("tradeoff"))
    figure = board(at)
    assert figure["layout"]["xaxis"]["type"] == "log"
    assert runs_of(figure)[SWEEP[-1]]["x"] == pytest.approx(0.01)  # collapsed: on the edge
    names = [trace["name"] for trace in figure["data"]]
    assert {"Pareto front", "equal negative ELBO, D + R", "in view"} <= set(names)
    at.toggle[0].set_value(False).run()
    assert board(at)["layout"]["xaxis"]["type"] == "linear"
    assert at.query_params["lograte"] == "0"


def test_the_axis_of_one_board_says_nothing_about_another(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    at = healthy(open_page("tradeoff"))
    assert at.session_state["lograte"] is True
    fashion = next(box for box in at.selectbox if box.key == "board")
    key = next(option for option in fashion.options if option.startswith("fashion-mnist"))
    healthy(fashion.select_index(fashion.options.index(key)).run())
    assert at.session_state["lograte"] is False
    assert board(at)["layout"]["xaxis"]["type"] == "linear"


def test_runs_without_a_rate_are_named_with_the_reason(bundled_store: Path) -> None:
    said = words(healthy(open_page("tradeoff")))
    assert ", weight penalty: does not apply: family ae has no posterior, so no rate" in said
    assert "another seed would move it" in said


def test_the_reconstructions_are_the_models_own(bundled_store: Path) -> None:
    at = healthy(open_page("tradeoff"))
    assert "10 test images" in captions_of(at)[0]
    # CSV and picture are made of the same arrays: check those against the engine
    from dashboard import gateway

    record = next(one for one in gateway.runs() if one.id == SWEEP[5])
    ids = gateway.example_ids(record, 10)
    rows = [gateway.split_and_row(int(one))[1] for one in ids]
    test = catalog.load("digits", "test")
    pixels = test.pixels[np.searchsorted(test.ids, rows)]
    assert sorted(test.labels[np.searchsorted(test.ids, rows)]) == list(range(10))
    np.testing.assert_array_equal(gateway.originals(record, ids), pixels)
    np.testing.assert_allclose(
        gateway.reconstruct_points(record, ids), core.open_run(SWEEP[5]).reconstruct(pixels), atol=1e-6
    )


def test_the_map_holds_means_p_values_and_the_lattice(bundled_store: Path) -> None:
    header, sections = latent_map(healthy(open_page("tradeoff")))
    stored = load_latents(bundled_store / SWEEP[5] / "latents-test.npz")
    np.testing.assert_array_equal(sections["xy:latent"], stored.means)
    np.testing.assert_allclose(sections["xy:p-values"], norm.cdf(stored.means), atol=1e-6)
    assert np.isnan(sections["xy:lattice"]).all()
    assert [panel["id"] for panel in header["panels"]] == ["latent", "p-values", "lattice"]
    assert header["panels"][2]["domain"] == [0, 1, 0, 1]
    image = np.asarray(Image.open(io.BytesIO(sections["image:lattice"].tobytes())))
    middles = (np.arange(15) + 0.5) / 15
    row, column = 2, 12
    z = norm.ppf([[middles[column], 1 - middles[row]]]).astype(np.float32)
    tile = core.open_run(SWEEP[5]).decode(z)[0, 0]
    np.testing.assert_array_equal(
        image[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8], np.rint(tile * 255).astype(np.uint8)
    )


def test_the_slider_changes_the_points_and_keeps_frame_ids_and_zoom(bundled_store: Path) -> None:
    at = healthy(open_page("tradeoff"))
    before, points = latent_map(at)
    at.select_slider[0].set_value(SWEEP[7]).run()
    after, others = latent_map(healthy(at))
    assert at.query_params["step"] == SWEEP[7]
    stored = load_latents(bundled_store / SWEEP[7] / "latents-test.npz")
    np.testing.assert_array_equal(others["xy:latent"], stored.means)
    np.testing.assert_array_equal(others["ids"], points["ids"])
    assert after["revision"] != before["revision"]
    assert after["view_key"] == before["view_key"]
    assert after["panels"][0]["domain"] == before["panels"][0]["domain"]
    assert not np.array_equal(others["image:lattice"], points["image:lattice"])
    assert "in view" in [trace["name"] for trace in board(at)["data"]]


def test_codes_that_reach_far_get_a_frame_of_their_own(bundled_store: Path) -> None:
    usual, _ = latent_map(healthy(open_page("tradeoff")))
    at = healthy(open_page("tradeoff", step=SWEEP[0]))
    wide, sections = latent_map(at)
    assert wide["panels"][0]["domain"][1] > 2 * usual["panels"][0]["domain"][1]
    assert np.mean(np.abs(sections["xy:latent"]) <= wide["panels"][0]["domain"][1]) > 0.99
    assert wide["view_key"] != usual["view_key"]
    assert "a frame of its own" in words(at)


def test_a_clicked_run_comes_into_view(bundled_store: Path) -> None:
    at = healthy(open_page("tradeoff"))
    at.session_state["tradeoff-board"] = {
        "selection": {"points": [{"customdata": SWEEP[7]}], "box": [], "lasso": []}
    }
    at.run()
    assert at.query_params.get("step") == SWEEP[7]
    assert "**Digits, beta 2**" in words(healthy(at))


def test_what_a_selection_says() -> None:
    from dashboard.pages.tradeoff import picked_run

    assert picked_run({"selection": {"points": [{"customdata": [SWEEP[7]]}]}}) == SWEEP[7]
    assert picked_run({"selection": {"points": [{"customdata": SWEEP[7]}]}}) == SWEEP[7]
    assert picked_run({"selection": {"points": []}}) is None
    assert picked_run(None) is None


def test_the_run_in_view_opens_in_latent_space(bundled_store: Path) -> None:
    at = healthy(open_page("tradeoff", step=SWEEP[7]))
    assert "**Digits, beta 2**" in words(at)
    next(button for button in at.button if button.key == "open-latent").click().run()
    assert at.session_state["remembered:went"] == ("latent", {"run": SWEEP[7]})


def test_a_clicked_image_is_shown_at_every_beta(bundled_store: Path) -> None:
    at = healthy(open_page("tradeoff"))
    _, sections = latent_map(at)
    key = next(box for box in at.selectbox if box.key == "board").value
    chosen = int(sections["ids"][3])
    at.session_state["remembered:tradeoff-point"] = (key, chosen)
    at.run()
    stored = load_latents(bundled_store / SWEEP[5] / "latents-test.npz")
    said = words(healthy(at))
    assert f"Image {chosen} of the test images, class {stored.labels[3]}" in said
    shown = captions_of(at)
    assert f"β 1  \nD {stored.distortion[3]:.1f} R {stored.rate[3]:.1f}" in shown
    assert len(shown) == 1 + 1 + len(SWEEP)
    header, _ = latent_map(at)
    assert header["panels"][2]["marker"] == pytest.approx(norm.cdf(stored.means[3]).tolist(), abs=1e-6)


def test_more_dimensions_show_the_two_that_carry_most(bundled_store: Path) -> None:
    at = healthy(open_page("tradeoff"))
    eight = next(title for title in boards(at) if "8-D latent" in title)
    next(box for box in at.selectbox if box.key == "board").select(eight).run()
    healthy(at)
    rates = scores(bundled_store, "bundled-digits-8d")["rate_per_dimension"]
    first, second = np.argsort(rates)[::-1][:2]
    _, sections = latent_map(at)
    stored = load_latents(bundled_store / "bundled-digits-8d" / "latents-test.npz")
    np.testing.assert_array_equal(sections["xy:latent"], stored.means[:, [first, second]])
    assert f"most informative of 8 dimensions: z {first + 1} and z {second + 1}" in words(at)
    assert not at.select_slider  # one run: nothing to step through


def test_one_latent_dimension_is_drawn_as_densities(store: Path) -> None:
    from core.training.run import train

    config = RunConfig.make({"latent": 1, "epochs": 1, "hidden": (16,), "threads": 1, "device": "cpu"})
    for beta in (0.0, 1.0):
        train(config.with_settings({"beta": beta}), name=f"One {beta:g}", store=store)
    at = healthy(open_page("tradeoff"))
    assert len(at.get("plotly_chart")) == 3
    assert not at.get("bidi_component")


def test_runs_that_differ_in_likelihood_get_boards_of_their_own(store: Path) -> None:
    from core.training.run import train

    config = RunConfig.make({"epochs": 1, "hidden": (16,), "threads": 1, "device": "cpu"})
    train(config, name="Bernoulli", store=store)
    train(config.with_settings({"likelihood": "gaussian"}), name="Gaussian", store=store)
    at = healthy(open_page("tradeoff"))
    assert len(boards(at)) == 2
    assert len(runs_of(board(at))) == 1
    for title in sorted(boards(at)):  # "bernoulli" before "gaussian"
        next(box for box in at.selectbox if box.key == "board").select(title).run()
        healthy(at)
    assert "does not apply" in words(at)  # a Gaussian has no floor of grey pixels


def small(store: Path, name: str, **settings: object) -> core.Run:
    config = core.recipe("digits-vae").config.with_settings({"epochs": 1, "hidden": (16,), **settings})
    return core.train(config, name=name, store=store)


def test_a_board_of_another_family_says_which(bundled_store: Path) -> None:
    at = healthy(open_page("tradeoff"))
    names = boards(at)
    assert any(", VAE-GAN, conv" in name for name in names)
    assert any(", Conditional variational autoencoder, mlp" in name for name in names)
    assert not any("#2" in name for name in names)


def test_boards_and_steps_with_equal_names_are_told_apart(store: Path) -> None:
    for activation in ("relu", "tanh"):
        small(store, "twin", activation=activation)
    other = small(store, "twin", activation="tanh")
    at = healthy(open_page("tradeoff"))
    titles = boards(at)
    assert len(titles) == len(set(titles)) == 2
    assert any("tanh" in title for title in titles)
    healthy(next(box for box in at.selectbox if box.key == "board").select(titles[0]).run())
    steps = at.select_slider[0].options
    assert len(steps) == len(set(steps)) == 2
    assert any(other.id in step for step in steps)


def test_what_is_left_out_says_how_to_score_it(bundled_store: Path, store: Path) -> None:
    run = small(store, "half", epochs=2)
    (store / run.id / "scores.json").unlink()
    assert f"python -m core evaluate {run.id} --save" in words(healthy(open_page("tradeoff")))
    (store / run.id / "scores.json").write_text("{broken")
    assert "damaged" in words(healthy(open_page("tradeoff")))


def test_an_empty_store_says_how_to_train(store: Path) -> None:
    assert "python -m core train digits-vae" in healthy(open_page("tradeoff")).code[0].value


def test_a_store_of_plain_autoencoders_alone(bundled_store: Path) -> None:
    for folder in bundled_store.iterdir():
        if folder.name != "bundled-digits-ae":
            shutil.rmtree(folder)
    at = healthy(open_page("tradeoff"))
    assert "there is no trade-off to show" in words(at)
    assert "python -m core sweep" in at.code[0].value


@pytest.mark.parametrize(
    "file, text", [("run.json", "{"), ("scores.json", "{"), ("model-200.safetensors", "junk")]
)
def test_a_damaged_run_does_not_break_the_board(bundled_store: Path, file: str, text: str) -> None:
    (bundled_store / SWEEP[2] / file).write_text(text)
    at = healthy(open_page("tradeoff"))
    stays = set(SWEEP) - ({SWEEP[2]} if file != "model-200.safetensors" else set())
    assert set(runs_of(board(at))) == stays
    if file == "model-200.safetensors":
        assert "Digits, beta 0.1 is left out" in words(at)
        # and in view, its points still show
        at.select_slider[0].set_value(SWEEP[2]).run()
        healthy(at)
        assert "lattice cannot be decoded" in words(at)
        assert len(latent_map(at)[0]["panels"]) == 2


def fashion(store: Path) -> Path:
    found = [run for run in sorted(store.glob("bundled-fashion-*")) if (run / "scores.json").exists()]
    if not found:
        pytest.skip("no bundled Fashion-MNIST run yet")
    return found[0]


def test_without_the_data_the_board_and_the_lattice_still_show(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fashion(bundled_store)
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "none"))
    at = healthy(open_page("tradeoff"))
    chosen = next(title for title in boards(at) if title.startswith("fashion"))
    next(box for box in at.selectbox if box.key == "board").select(chosen).run()
    healthy(at)
    assert run.name in runs_of(board(at))
    assert "not on this machine" in words(at)
    assert any(button.label == "Fetch fashion\\-mnist" for button in at.button)
    assert len(at.get("image")) == 1  # the lattice
