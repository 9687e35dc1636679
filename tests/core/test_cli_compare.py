"""`compare`, run in this process: its numbers against the stored arrays and scipy, its refusals, its text."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import spatial, stats

from core.cli import main
from core.data import catalog
from core.latents import load_latents

ONE, TENTH, EIGHT, AE = (f"bundled-digits-{end}" for end in ("beta-1", "beta-0p1", "8d", "ae"))


class Shell:
    """Runs `compare`; `out` and `err` are what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        code = main(["compare", *words])
        self.out, self.err = self.capsys.readouterr()
        return code

    def json(self, *words: str) -> Any:
        assert self(*words, "--json") == 0, self.err

        def refuse(name: str) -> None:
            raise AssertionError(f"{name} in JSON")

        return json.loads(self.out, parse_constant=refuse)


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str], bundled_store: Path) -> Shell:
    return Shell(capsys)


def altered(store: Path, source: str, new: str, *, config: dict[str, Any], data: dict[str, Any]) -> Path:
    folder = store / new
    shutil.copytree(store / source, folder)
    document = json.loads((folder / "run.json").read_text())
    document |= {"id": new, "name": new}
    document["config"] |= config
    document["data"] |= data
    (folder / "run.json").write_text(json.dumps(document))
    return folder


def test_scores_differences_and_similarity_are_those_of_the_stored_arrays(
    compare: Shell, bundled_store: Path
) -> None:
    document = compare.json(ONE, TENTH, EIGHT)
    assert {letter: run["id"] for letter, run in document["runs"].items()} == {
        "A": ONE,
        "B": TENTH,
        "C": EIGHT,
    }
    stored = [
        json.loads((bundled_store / run / "scores.json").read_text())["test"] for run in (ONE, TENTH, EIGHT)
    ]
    distortion = document["scores"]["distortion"]
    assert list(distortion["values"].values()) == [one["distortion"] for one in stored]
    assert distortion["best"] == ["ABC"[int(np.argmin([one["distortion"] for one in stored]))]]
    assert document["scores"]["negative_elbo"]["best"] == []
    assert document["scores"]["negative_elbo"]["why_not_marked"] == "betas differ"

    latents = [load_latents(bundled_store / run / "latents-test.npz") for run in (ONE, TENTH, EIGHT)]
    for pair, other in (("A-B", latents[1]), ("A-C", latents[2])):
        found = document["differences"][pair]
        assert found["why_not_comparable"] is None
        first, second = (one.distortion.astype(float) + one.rate for one in (latents[0], other))
        interval = stats.ttest_rel(first, second).confidence_interval(0.95)
        elbo = found["scores"]["negative_elbo"]
        assert elbo["mean"] == pytest.approx((first - second).mean())
        assert (elbo["low"], elbo["high"]) == pytest.approx((interval.low, interval.high))
        assert elbo["images"] == 360

    (group,) = document["groups"]
    assert group["runs"] == ["A", "B", "C"]
    cka = np.array(group["similarity"]["cka"])
    x, y = (one.means.astype(float) - one.means.mean(0, dtype=float) for one in latents[:2])
    wanted = np.linalg.norm(x.T @ y) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)
    assert cka[0, 1] == cka[1, 0] == pytest.approx(wanted)
    assert group["similarity"]["overlap_by_chance"] == pytest.approx(10 / 359)
    *_, disparity = spatial.procrustes(latents[0].means.astype(float), latents[1].means.astype(float))
    assert group["alignment"]["B"]["orthogonal"]["residual"] == pytest.approx(disparity)
    assert set(group["alignment"]) == {"B", "C"}


def test_the_text_says_the_same(compare: Shell) -> None:
    document = compare.json(ONE, TENTH)
    assert compare(ONE, TENTH) == 0
    lines = compare.out.splitlines()
    (elbo,) = [
        line for line in lines if line.startswith("Negative ELBO") and "not marked: betas differ" in line
    ]
    for value in document["scores"]["negative_elbo"]["values"].values():
        assert f"{value:.5g}" in elbo
    mean = document["differences"]["A-B"]["scores"]["distortion"]["mean"]
    assert any(
        line.startswith("Distortion D") and f"{mean:.3f}" in line and "B is lower" in line for line in lines
    )
    overlap = document["groups"][0]["similarity"]["overlap"][0][1]
    assert f"{overlap:.3f}" in compare.out
    assert "95 % interval" in compare.out
    assert "beta                   1   0.1\n" in compare.out
    assert "reconstruction_weight  64  640\n" in compare.out


def test_a_run_without_a_posterior(compare: Shell) -> None:
    document = compare.json(AE, ONE)
    assert document["scores"]["rate"]["values"]["A"] is None
    assert list(document["differences"]["A-B"]["scores"]) == ["distortion"]
    assert document["scores"]["distortion"]["why_not_marked"] == "only one draws z"
    settings = {row["key"]: row for row in document["settings"]}
    assert settings["beta"]["applies"] == {"A": False, "B": True}
    assert settings["beta"]["values"] == {"A": None, "B": 1.0}
    assert compare(AE, ONE) == 0
    assert "does not apply" in compare.out


def test_seeds_of_one_experiment_get_a_mean_and_a_spread(compare: Shell, bundled_store: Path) -> None:
    folder = altered(bundled_store, ONE, "seed-1", config={"seed": 1}, data={})
    scores = json.loads((folder / "scores.json").read_text())
    first = scores["test"]["distortion"]
    scores["test"]["distortion"] = first + 3
    (folder / "scores.json").write_text(json.dumps(scores))
    (group,) = compare.json(ONE, TENTH, "seed-1")["seeds"]
    assert group["runs"] == ["A", "C"]
    assert group["scores"]["distortion"]["mean"] == pytest.approx(first + 1.5)
    assert group["scores"]["distortion"]["standard_deviation"] == pytest.approx(3 / np.sqrt(2))
    assert compare(ONE, TENTH, "seed-1") == 0
    assert f"Distortion D {first + 1.5:.3f} +- {3 / np.sqrt(2):.3f}" in compare.out
    assert "--json has their loss curves too" in compare.out


def test_seeds_of_one_experiment_get_a_band_of_curves(compare: Shell, bundled_store: Path) -> None:
    path = altered(bundled_store, ONE, "seed-1", config={"seed": 1}, data={}) / "history.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row["train"]["distortion"] += 4.0
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:150]))
    (group,) = compare.json(ONE, "seed-1")["seeds"]
    found = group["curves"]["train"]["negative_elbo"]
    assert found["epochs"] == list(range(1, 151))
    assert found["mean"][9] == pytest.approx(rows[9]["train"]["distortion"] - 2.0 + rows[9]["train"]["rate"])
    assert found["standard_deviation"] == pytest.approx([4 / np.sqrt(2)] * 150)
    assert found["seeds"] == 2
    assert sorted(group["curves"]) == ["train", "validation"]
    assert compare.json(ONE, TENTH)["seeds"] == []


def test_without_the_images_scores_and_settings_are_left(
    compare: Shell, bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    mnist = {"dataset": "mnist", "fingerprint": catalog.fingerprint("mnist")}
    for new in ("far-a", "far-b"):
        for file in altered(bundled_store, ONE, new, config={"dataset": "mnist"}, data=mnist).glob(
            "latents-*"
        ):
            file.unlink()
    document = compare.json("far-a", "far-b", ONE)
    assert set(document["missing"]) == {"A", "B"}
    assert document["differences"]["A-B"] == {"why_not_comparable": None, "scores": None}
    assert "their data differ (mnist and digits)" in document["differences"]["A-C"]["why_not_comparable"]
    assert document["groups"][0]["similarity"] is None
    assert document["scores"]["distortion"]["values"]["C"] > 0
    assert compare("far-a", "far-b") == 0
    assert "A: no differences, similarity or alignment." in compare.out
    assert "python -m core data fetch mnist" in compare.out or "mnist" in compare.out


def test_latents_that_are_not_stored_are_encoded_once(compare: Shell, bundled_store: Path) -> None:
    (bundled_store / TENTH / "latents-test.npz").rename(bundled_store / "kept.npz")
    document = compare.json(ONE, TENTH)
    kept = load_latents(bundled_store / "kept.npz")
    one = load_latents(bundled_store / ONE / "latents-test.npz")
    wanted = (one.distortion.astype(float) - kept.distortion).mean()
    assert document["differences"]["A-B"]["scores"]["distortion"]["mean"] == pytest.approx(wanted, abs=1e-4)
    assert list((bundled_store / TENTH / "cache").glob("latents-test-*.npz"))


def test_what_cannot_be_compared_is_refused_in_a_sentence(compare: Shell, bundled_store: Path) -> None:
    assert compare(ONE) == 2
    assert "Comparing needs 2 to 8 runs, not 1" in compare.err
    assert compare(*[ONE] * 9) == 2
    assert "not 1 (a run that is named twice counts once)" in compare.err
    assert compare(ONE, "nowhere") == 1
    assert "nowhere" in compare.err
    (bundled_store / TENTH / "run.json").write_text("{")
    assert compare(ONE, TENTH) == 1
    assert "cannot be opened" in compare.err
    assert compare(ONE, EIGHT, "--neighbours", "0") == 2
    assert compare.err.count("\n") == 1


def test_comparing_stored_runs_loads_no_torch(bundled_store: Path, repo: Path) -> None:
    code = (
        "import sys; from core.cli import main; "
        f"main(['compare', {ONE!r}, {TENTH!r}, '--json']); print('torch' in sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, text=True, timeout=120)
    assert ran.stderr.strip() == "False"
    assert json.loads(ran.stdout)["runs"]["B"]["id"] == TENTH
