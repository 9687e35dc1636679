"""More than two dimensions on the Latent space page, headless: pairs, projections and 3-D against the stored arrays."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from streamlit.testing.v1 import AppTest

import core
from core.analysis.projections import project
from core.jobs import Job, working
from core.latents import load_latents
from core.projected import Wanted, job_of, projected
from tests.dashboard.headless import figures, healthy, maps, numbers, open_page, words

RUN = "bundled-digits-8d"
TSNE = Wanted.of("test", "tsne", seed=3)


@pytest.fixture
def run(bundled_store: Path) -> core.Run:
    return core.open_run(RUN)


def labels_of(at: AppTest, kind: str) -> list[str]:
    return [str(element.proto.label) for element in at.get(kind)]


def informative(run: core.Run) -> list[int]:
    assert run.scores is not None
    return np.argsort(-np.array(run.scores["test"]["rate_per_dimension"])).tolist()


@pytest.mark.parametrize("shape", ["plane", "projection", "space"])
def test_a_latent_of_two_dimensions_has_no_choice_and_is_never_projected(
    bundled_store: Path, shape: str
) -> None:
    at = healthy(open_page("latent", run="bundled-digits-beta-1", split="test", shape=shape))
    assert "View" not in labels_of(at, "button_group")
    assert "projection, not the latent space" not in words(at)
    assert [panel["id"] for panel in maps(at)[0][0]["panels"]] == ["latent", "p-values"]


def test_two_dimensions_are_the_default_of_more(run: core.Run) -> None:
    at = healthy(open_page("latent", run=RUN, split="test"))
    assert "View" in labels_of(at, "button_group")
    assert [panel["id"] for panel in maps(at)[0][0]["panels"]] == ["latent", "p-values"]
    assert len(maps(at)) == 2  # the manifold too


def test_pairs_are_a_lower_triangle_of_the_most_informative_dimensions(run: core.Run) -> None:
    at = healthy(open_page("latent", run=RUN, split="test", shape="pairs"))
    ((header, sections),) = maps(at)
    best, means = informative(run)[:4], run.latents("test").means
    assert run.scores is not None
    rates = run.scores["test"]["rate_per_dimension"]
    cells = {}
    for panel in header["panels"]:
        row, column = panel["cell"]
        across, up = best[column], best[row + 1]
        cells[row, column] = panel["id"]
        assert panel["id"] == f"pair-{across + 1}-{up + 1}"
        assert (
            panel["title"] == f"z {across + 1} and z {up + 1}, R {rates[across]:.2f} and {rates[up]:.2f} nats"
        )
        np.testing.assert_array_equal(sections[f"xy:{panel['id']}"], means[:, [across, up]])
        assert panel["circles"] == [1, 2, 3]
    assert sorted(cells) == [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]
    assert header["columns"] == 3
    np.testing.assert_array_equal(sections["ids"], run.latents("test").ids)
    held = sum(rates[k] for k in best)
    assert f"hold {held:.2f} of the {sum(rates):.2f} nats per image" in words(at)
    fewer = maps(healthy(open_page("latent", run=RUN, split="test", shape="pairs", pairs="3")))
    assert len(fewer[0][0]["panels"]) == 3


def test_a_click_in_a_pair_decodes_that_place_and_a_point_opens_its_image(run: core.Run) -> None:
    at = open_page("latent", run=RUN, split="test", shape="pairs")
    panel = maps(at)[0][0]["panels"][4]["id"]
    across, up = (int(part) for part in panel.split("-")[1:])
    at.session_state["latent-map"] = {"empty": {"panel": panel, "x": 0.75, "y": -1.5}}
    healthy(at.run())
    assert (at.session_state["zx"], at.session_state["zy"]) == (0.75, -1.5)
    assert [at.query_params[key] for key in ("dx", "dy")] in (
        [[str(across)], [str(up)]],
        [str(across), str(up)],
    )
    assert f"z {across} = 0.750, p-value {norm.cdf(0.75):.4f}" in words(at)
    marked = {one["id"]: one["marker"] for one in maps(at)[0][0]["panels"] if one["marker"]}
    assert marked == {panel: [0.75, -1.5]}
    next(button for button in at.button if button.label == f"Show z {across} and z {up} alone").click()
    healthy(at.run())
    latent = maps(at)[0][0]["panels"][0]
    assert latent["x_title"].startswith(f"z {across} ")
    assert latent["y_title"].startswith(f"z {up} ")
    assert latent["marker"] == [0.75, -1.5]
    assert "shape" not in at.query_params


def test_codes_in_pairs_have_no_rates(store: Path) -> None:
    config = core.recipe("digits-vae").config.with_settings(
        {"epochs": 1, "hidden": (16,), "family": "ae", "latent": 3}
    )
    coded = core.train(config, name="codes", store=store)
    at = healthy(open_page("latent", run=coded.id, split="test", shape="pairs"))
    assert [panel["title"].count("code") for panel in maps(at)[0][0]["panels"]] == [2, 2, 2]
    assert "nats" not in maps(at)[0][0]["panels"][0]["title"]
    flat = healthy(open_page("latent", run=coded.id, split="test", shape="projection"))
    assert "PCA of the codes of 360 of 360 images, from 3 dimensions to 2" in words(flat)
    solid = healthy(open_page("latent", run=coded.id, split="test", shape="space"))
    assert "Axes" not in labels_of(solid, "selectbox")  # three dimensions are not projected to three
    assert len(figures(solid)) == 1


def test_pca_shows_its_badge_its_quality_and_its_places(run: core.Run) -> None:
    at = healthy(open_page("latent", run=RUN, split="test", shape="projection"))
    ((header, sections),) = maps(at)  # and no manifold: a projection is not decoded
    made = project(run.latents("test").means, "pca")
    np.testing.assert_allclose(sections["xy:projection"], made.places, atol=1e-6)
    (panel,) = header["panels"]
    assert panel["title"] == "PCA: projection, not the latent space"
    assert not panel["clickable_empty"]
    assert made.explained is not None
    assert panel["x_title"] == f"PC 1 ({made.explained[0]:.1%} of the variance)"
    said = words(at)
    assert "projection, not the latent space" in said
    assert (
        f"Trustworthiness {made.quality.trustworthiness:.3f}, continuity {made.quality.continuity:.3f}"
        in said
    )
    assert "higher is better" in said
    assert f"Explained variance: {made.explained.sum():.1%}" in said
    assert "no seed" in said
    assert "Seed" not in labels_of(at, "number_input")
    assert not {"zx", "zy"} & {box.key for box in at.number_input}
    stored = run.latents("test")
    at.session_state["latent-map"] = {"click": {"panel": "projection", "id": int(stored.ids[5])}}
    assert f"{stored.labels[5]}** · test image {stored.ids[5]}" in words(healthy(at.run()))


def test_a_sample_is_said_to_be_one_and_is_the_one_that_was_projected(
    run: core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.projected.POINTS", 100)
    monkeypatch.setattr("dashboard.gateway.PROJECTED_POINTS", 100)
    at = healthy(open_page("latent", run=RUN, split="both", shape="projection"))
    ((_, sections),) = maps(at)
    found = projected(run, Wanted.of(("test", "train"), "pca"))
    np.testing.assert_array_equal(sections["ids"] & ((1 << 28) - 1), found.latents.ids)
    np.testing.assert_array_equal(sections["cls"], found.latents.labels)
    np.testing.assert_array_equal(sections["xy:projection"], found.projection.places)
    assert "100 of 1,653 images (a stratified sample with seed 0)" in words(at)


def tsne_page() -> AppTest:
    return open_page("latent", run=RUN, split="test", shape="projection", method="tsne", pseed="3")


def job(run: core.Run) -> Job:
    made = job_of(run, TSNE)
    made.folder.mkdir(exist_ok=True)
    return made


def start_label(at: AppTest) -> str:
    return next(button.label for button in at.button if button.key == "project-start")


def test_what_is_not_computed_yet_can_be_started(run: core.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr("dashboard.gateway.start_projection", lambda record, wanted: started.append(wanted))
    at = healthy(tsne_page())
    assert maps(at) == []
    assert "t-SNE of 360 points in 2 dimensions, seed 3, is not computed yet" in words(at)
    assert start_label(at) == "Compute t-SNE"
    next(button for button in at.button if button.key == "project-start").click()
    healthy(at.run())
    assert started == [TSNE]


def test_a_job_under_way_shows_how_far_it_is_and_can_be_stopped(
    run: core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[Any] = []
    monkeypatch.setattr("dashboard.gateway.stop_projection", lambda record, wanted: stopped.append(wanted))
    with working(job(run)) as tell:
        tell("Laying out", 250, 1000)
        at = healthy(tsne_page())
        (bar,) = at.get("progress")
        assert bar.proto.value == 25
        assert "laying out, step 250 of 1,000" in bar.proto.text
        assert maps(at) == []
        assert "project-start" not in [button.key for button in at.button]
        next(button for button in at.button if button.key == "project-stop").click().run()
    assert stopped == [TSNE]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"state": "running", "phase": "Laying out"}, "was interrupted"),
        ({"state": "stopped"}, "was stopped"),
        (
            {"state": "failed", "error": "The <b>memory</b> is not enough."},
            "The <b>memory</b> is not enough.",
        ),
    ],
)
def test_a_job_that_ended_early_says_so_and_can_be_started_again(
    run: core.Run, told: dict[str, str], said: str
) -> None:
    job(run).status.write_text(json.dumps(told))
    at = tsne_page()
    assert not at.exception
    shown = words(at) + "".join(str(error.value) for error in at.error).replace("\\", "")
    assert said in shown
    assert start_label(at) == "Start again"
    assert maps(at) == []


def test_what_was_computed_is_shown_and_a_damaged_file_is_as_if_it_were_not_there(run: core.Run) -> None:
    found = projected(run, TSNE)
    at = healthy(tsne_page())
    ((header, sections),) = maps(at)
    np.testing.assert_array_equal(sections["xy:projection"], found.projection.places)
    assert header["panels"][0]["x_title"] == "t-SNE 1 (no unit)"
    assert "seed 3" in words(at)
    assert found.stored is not None
    found.stored.write_bytes(b"damaged")
    assert start_label(healthy(tsne_page())) == "Compute t-SNE"


def test_three_dimensions_as_they_are(run: core.Run) -> None:
    at = healthy(open_page("latent", run=RUN, split="test", shape="space"))
    (figure,) = figures(at)
    best, stored = informative(run)[:3], run.latents("test")
    assert [at.session_state[key] for key in ("sx", "sy", "sz")] == [str(k + 1) for k in best]
    assert "projection, not the latent space" not in words(at)
    assert len(figure["data"]) == 10
    for label, trace in enumerate(figure["data"]):
        mine = stored.labels == label
        shown = np.column_stack([numbers(trace[axis]) for axis in "xyz"])
        np.testing.assert_array_equal(shown, stored.means[mine][:, best])
        assert numbers(trace["customdata"]) == stored.ids[mine].tolist()
    other = figures(
        healthy(open_page("latent", run=RUN, split="test", shape="space", sx="8", sy="1", sz="3"))
    )
    first = np.column_stack([numbers(other[0]["data"][0][axis]) for axis in "xyz"])
    np.testing.assert_array_equal(first, stored.means[stored.labels == 0][:, [7, 0, 2]])


def test_pca_to_three_has_its_badge(run: core.Run) -> None:
    at = healthy(open_page("latent", run=RUN, split="test", shape="space", axes="pca"))
    (figure,) = figures(at)
    assert figure["layout"]["title"]["text"] == "PCA: projection, not the latent space"
    made, stored = project(run.latents("test").means, "pca", dimensions=3), run.latents("test")
    shown = np.column_stack([numbers(figure["data"][4][axis]) for axis in "xyz"])
    np.testing.assert_allclose(shown, made.places[stored.labels == 4], atol=1e-6)
    assert "from 8 dimensions to 3" in words(at)
    assert f"Trustworthiness {made.quality.trustworthiness:.3f}" in words(at)


def test_a_click_on_a_point_in_space_opens_its_image_and_rings_it(run: core.Run) -> None:
    stored = run.latents("test")
    at = open_page("latent", run=RUN, split="test", shape="space")
    at.session_state["space-clicks"] = {"click": int(stored.ids[7])}
    healthy(at.run())
    assert f"{stored.labels[7]}** · test image {stored.ids[7]}" in words(at)
    (figure,) = figures(at)
    ring = figure["data"][-1]
    assert [numbers(ring[axis])[0] for axis in "xyz"] == stored.means[7, informative(run)[:3]].tolist()
    at.session_state["space-clicks"] = {"click": 999_999}  # of points that are shown no more
    assert f"test image {stored.ids[7]}" in words(healthy(at.run()))


def test_space_takes_the_colours_of_the_maps(run: core.Run) -> None:
    (by_rate,) = figures(healthy(open_page("latent", run=RUN, split="test", shape="space", colour="r")))
    stored = load_latents(run.record.folder / "latents-test.npz")
    assert stored.rate is not None
    (trace,) = by_rate["data"]
    np.testing.assert_allclose(numbers(trace["marker"]["color"]), stored.rate, rtol=1e-6)
    (by_split,) = figures(healthy(open_page("latent", run=RUN, split="both", shape="space", colour="split")))
    assert [trace["name"] for trace in by_split["data"]] == ["test", "train"]
