"""`project`: what it prints against scikit-learn, what it keeps, and what it refuses."""

import json
from pathlib import Path

import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

import core
from core import jobs
from core.cli import main
from core.jobs import Job, working
from core.projected import Wanted, job_of

EIGHT, TWO = "bundled-digits-8d", "bundled-digits-beta-1"


def test_pca_and_its_quality(bundled_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["project", EIGHT, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    means = core.open_run(EIGHT).latents("test").means.astype(float)
    fit = PCA(2).fit(means)
    assert found["explained_variance"] == pytest.approx(fit.explained_variance_ratio_.tolist())
    places = fit.transform(means)
    assert found["trustworthiness"] == pytest.approx(trustworthiness(means, places, n_neighbors=10), abs=1e-5)
    assert found["continuity"] == pytest.approx(trustworthiness(places, means, n_neighbors=10), abs=1e-5)
    assert (found["points"], found["of"], found["judged"], found["neighbours"]) == (360, 360, 360, 10)
    assert (found["method"], found["seed"], found["from_dimensions"]) == ("pca", None, 8)
    assert found["note"] == "projection, not the latent space"
    assert found["seconds"] > 0
    assert Path(found["stored"]).is_file()
    assert main(["project", EIGHT, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**found, "seconds": None}  # read, not computed again
    assert main(["project", EIGHT]) == 0
    said = capsys.readouterr().out
    assert "PCA of 360 of 360 images (test) from 8 dimensions to 2, no chance in it" in said
    assert f"Trustworthiness {found['trustworthiness']:.4f}" in said
    assert "higher is better" in said
    assert "It was computed before" in said


def test_both_splits_in_three_dimensions(bundled_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["project", EIGHT, "--method", "pca", "--split", "both", "--dimensions", "3", "--seed", "5"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["points"], found["dimensions"], len(found["explained_variance"])) == (1653, 3, 3)
    assert found["splits"] == ["test", "train"]
    assert found["seed"] is None


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([TWO], 1, "A 2-D latent is never projected"),
        ([EIGHT, "--method", "magic"], 2, "invalid choice"),
        ([EIGHT, "--seed", "-1"], 2, "not a whole number from 0"),
        ([EIGHT, "--dimensions", "4"], 2, "invalid choice"),
        ([EIGHT, "--split", "../x"], 2, "invalid choice"),
    ],
)
def test_what_is_refused(
    bundled_store: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert main(["project", *words]) == code
    out, err = capsys.readouterr()
    assert said in err
    assert len(err.splitlines()) == 1
    assert out == ""


def test_while_somebody_else_computes_it_the_second_one_is_told(
    bundled_store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PATIENCE", 0.1)
    job: Job = job_of(core.open_run(EIGHT), Wanted.of("test", "tsne"))
    job.folder.mkdir()
    with working(job):
        assert main(["project", EIGHT, "--method", "tsne"]) == 1
    assert "Another process is computing" in capsys.readouterr().err
