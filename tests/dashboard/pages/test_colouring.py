"""Maps coloured by label, split, or a number of each image: what is sent, against the stored arrays."""

from pathlib import Path

import numpy as np
import pytest

from core.latents import load_latents
from tests.dashboard.headless import healthy, maps, open_page, words

RUN = "bundled-digits-beta-1"


@pytest.mark.parametrize(
    "choice, title, direction",
    [
        ("d", "Distortion D (nats per image)", "lower is better"),
        ("r", "Rate R (nats per image)", "neither is better"),
        ("elbo", "Negative ELBO (nats per image)", "lower is better"),
    ],
)
def test_a_number_of_each_image_colours_the_maps(
    bundled_store: Path, choice: str, title: str, direction: str
) -> None:
    stored = load_latents(bundled_store / RUN / "latents-test.npz")
    assert stored.rate is not None
    wanted = {"d": stored.distortion, "r": stored.rate, "elbo": stored.distortion + stored.rate}[choice]
    header, sections = maps(healthy(open_page("latent", run=RUN, split="test", colour=choice)))[0]
    np.testing.assert_allclose(sections["values"], wanted, rtol=1e-6)
    scale = header["scale"]
    assert scale["title"] == title
    assert scale["note"] == f"{direction}; ends at the 1 % and 99 % quantiles"
    assert (scale["low"], scale["high"]) == pytest.approx(tuple(np.quantile(wanted, [0.01, 0.99])), rel=1e-5)
    assert title.split(" (")[0] in header["panels"][0]["alt"]


def test_splits_colour_the_maps(bundled_store: Path) -> None:
    header, sections = maps(healthy(open_page("latent", run=RUN, colour="split")))[0]
    assert (header["colour"], header["scale"]) == ("markers", None)
    assert header["markers"] == ["test", "train"]
    assert "values" not in sections


@pytest.mark.parametrize("link", [{}, {"colour": "label"}, {"colour": "<b>"}])
def test_labels_colour_the_maps_else(bundled_store: Path, link: dict[str, str]) -> None:
    at = healthy(open_page("latent", run=RUN, split="test", **link))
    assert maps(at)[0][0]["colour"] == "classes"
    assert "does not apply" not in words(at)


def test_the_choice_goes_into_the_link(bundled_store: Path) -> None:
    at = healthy(open_page("latent", run=RUN, split="test"))
    at.selectbox(key="colour").set_value("d")
    healthy(at.run())
    assert at.query_params["colour"] == "d"
    at.selectbox(key="colour").set_value("label")
    assert "colour" not in healthy(at.run()).query_params


@pytest.mark.parametrize("choice, name", [("r", "Rate R"), ("elbo", "Negative ELBO")])
def test_a_run_without_a_rate_says_so_and_keeps_its_labels(
    bundled_store: Path, choice: str, name: str
) -> None:
    at = healthy(open_page("latent", run="bundled-digits-ae", split="test", colour=choice))
    assert f"{name} does not apply: family ae has no posterior" in words(at)
    assert maps(at)[0][0]["colour"] == "classes"
    assert at.selectbox(key="colour").value == choice  # kept for the next run


def test_a_run_without_a_rate_has_a_distortion(bundled_store: Path) -> None:
    header, sections = maps(healthy(open_page("latent", run="bundled-digits-ae", split="test", colour="d")))[
        0
    ]
    stored = load_latents(bundled_store / "bundled-digits-ae" / "latents-test.npz")
    assert header["colour"] == "values"
    np.testing.assert_array_equal(sections["values"], stored.distortion)


def test_a_collapsed_run_whose_rates_are_all_alike_has_a_bar_of_one_number(bundled_store: Path) -> None:
    header, sections = maps(
        healthy(open_page("latent", run="bundled-digits-beta-4", split="test", colour="r"))
    )[0]
    assert sections["values"].max() < 0.01
    assert header["scale"]["low"] <= header["scale"]["high"] < 0.01


def test_the_trade_off_has_one_scale_for_all_its_runs(bundled_store: Path) -> None:
    at = healthy(open_page("tradeoff", colour="elbo"))
    first = maps(at)[0][0]["scale"]
    assert (
        first["note"] == "lower is better; ends at the 1 % and 99 % quantiles of the runs with beta above 0"
    )
    pooled = []
    for folder in sorted(
        set(bundled_store.glob("bundled-digits-beta-*")) - {bundled_store / "bundled-digits-beta-0"}
    ):
        stored = load_latents(folder / "latents-test.npz")
        assert stored.rate is not None
        pooled.append(stored.distortion.astype(float) + stored.rate)
    ends = np.quantile(np.concatenate(pooled), [0.01, 0.99])
    assert (first["low"], first["high"]) == pytest.approx(tuple(ends), rel=1e-6)
