"""`place`: densities against scipy, neighbours against numpy, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import core
from core.cli import main

TWO, AE = "bundled-digits-beta-1", "bundled-digits-ae"
CAE = "bundled-digits-cae"


def test_densities_and_neighbours(bundled_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["place", TWO, "--at=-0.5,1", "--nearest", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    latents = core.open_run(TWO).latents("train")
    assert latents.log_variances is not None
    z, sigma = np.array([-0.5, 1.0]), np.exp(0.5 * latents.log_variances.astype(np.float64))
    assert found["prior_log_density"] == pytest.approx(norm.logpdf(z).sum())
    assert found["aggregate_log_density"] == pytest.approx(
        np.log(norm.pdf(z, latents.means, sigma).prod(1).mean())
    )
    distances = np.linalg.norm(latents.means.astype(np.float64) - z, axis=1)
    order = np.argsort(distances)[:3]
    assert [one["row"] for one in found["nearest"]] == latents.ids[order].tolist()
    assert [one["label"] for one in found["nearest"]] == [str(k) for k in latents.labels[order]]
    assert [one["distance"] for one in found["nearest"]] == pytest.approx(distances[order].tolist())
    assert main(["place", TWO, "--at=-0.5,1", "--nearest", "3"]) == 0
    said = capsys.readouterr().out
    assert f"images {found['aggregate_log_density']:.3f}, prior {found['prior_log_density']:.3f}." in said
    assert "distance in prior standard deviations" in said
    assert [line.split()[1] for line in said.splitlines()[-3:]] == [one["label"] for one in found["nearest"]]


def test_a_code_that_no_sigmoid_gives_is_said_to_be_none(
    bundled_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "The encoder never gives such a code: its units lie between 0 and 1, and here they are "
    within, beyond = ",".join(["0.5"] * 32), ",".join(["0.5"] * 30 + ["-2", "1.25"])
    assert main(["place", CAE, f"--at={beyond}"]) == 0
    assert capsys.readouterr().out.startswith(f"{said}-2 to 1.25.\n")
    assert main(["place", CAE, f"--at={beyond}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["impossible"] == f"{said}-2 to 1.25."
    for run, at in ((CAE, within), (AE, "-2,1.25"), (TWO, "-2,1.25")):
        assert main(["place", run, f"--at={at}", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["impossible"] is None


def test_codes_have_neighbours_in_their_own_units_and_no_density(
    bundled_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["place", AE, "--at", "1,2", "--split", "test", "--nearest", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    codes = core.open_run(AE).latents("test").means.astype(np.float64)
    distances = np.sort(np.linalg.norm((codes - [1, 2]) / codes.std(0), axis=1))
    assert [one["distance"] for one in found["nearest"]] == pytest.approx(distances[:2].tolist())
    assert found["aggregate_log_density"] is found["prior_log_density"] is None
    assert main(["place", AE, "--at", "1,2"]) == 0
    assert "Densities do not apply" in capsys.readouterr().out


@pytest.mark.parametrize("at", ["1", "1,2,3", "a,b", "nan,1", "1,inf", "", "1,1e9"])
def test_a_place_has_one_finite_number_a_dimension(
    at: str, bundled_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["place", TWO, f"--at={at}"]) == 2
    out, err = capsys.readouterr()
    assert f"--at cannot be '{at}': give 2 numbers" in err
    assert len(err.splitlines()) == 1
    assert out == ""
