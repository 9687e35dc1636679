"""Curves of runs that differ in nothing but the seed, on both pages that draw them: two tiny runs, trained here."""

import json
import shutil
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config import RunConfig
from tests.dashboard.headless import figures, healthy, numbers, open_page

OTHER = "bundled-digits-beta-1"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs of three epochs that differ in the seed alone."""
    from core.training.run import train

    store = tmp_path_factory.mktemp("seeds")
    runs = []
    for seed in (0, 1):
        config = RunConfig.make(
            {"epochs": 3, "hidden": (8,), "threads": 1, "device": "cpu", "seed": seed, "validation": 0.1}
        )
        runs.append(train(config, name=f"Seed {seed}", store=store).record.folder)
    return runs


@pytest.fixture
def twins(trained: list[Path], bundled_store: Path) -> list[str]:
    """Their ids in the store of the bundled runs."""
    for folder in trained:
        shutil.copytree(folder, bundled_store / folder.name)
    return [folder.name for folder in trained]


def histories(store: Path, runs: list[str]) -> list[list[dict[str, Any]]]:
    return [
        [json.loads(line) for line in (store / run / "history.jsonl").read_text().splitlines()]
        for run in runs
    ]


def curves(at: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Lines of the first figure by run and split; the areas of bands are under 'band'."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for k, trace in enumerate(figure := figures_of(at)):
        if "meta" in trace:
            found[tuple(trace["meta"])] = trace
            if k and "meta" not in figure[k - 1]:
                found["band", trace["meta"][1]] = figure[k - 1]
    return found


def figures_of(at: Any) -> list[dict[str, Any]]:
    (one,) = [figure for figure in figures(at) if " by " in figure["layout"]["title"]["text"]]
    return one["data"]


def distortions(store: Path, twins: list[str], split: str) -> np.ndarray:
    return np.array([[row[split]["distortion"] for row in rows] for rows in histories(store, twins)])


def test_compare_draws_seeds_as_one_band(bundled_store: Path, twins: list[str]) -> None:
    at = healthy(open_page("compare", runs=",".join([twins[0], OTHER, twins[1]]), quantity="distortion"))
    drawn = curves(at)
    name = "A and C: mean of 2 seeds"
    assert set(drawn) == {
        (run, split) for run in (name, "band", "B: Digits, beta 1") for split in ("train", "validation")
    }
    for split in ("train", "validation"):
        both = distortions(bundled_store, twins, split)
        mean, deviation = both.mean(0), both.std(0, ddof=1)
        assert numbers(drawn[name, split]["x"]) == [1, 2, 3]
        assert numbers(drawn[name, split]["y"]) == pytest.approx(mean, rel=1e-6)
        assert numbers(drawn["band", split]["y"]) == pytest.approx(
            [*(mean + deviation), *(mean - deviation)[::-1]], rel=1e-6
        )
    at.toggle(key="bands").set_value(False)
    healthy(at.run())
    assert {run for run, _ in curves(at)} == {"A: Seed 0", "B: Digits, beta 1", "C: Seed 1"}
    assert at.query_params["bands"] == "0"


@pytest.mark.parametrize("by", ["step", "time"])
def test_a_band_runs_over_steps_and_over_the_mean_time(
    bundled_store: Path, twins: list[str], by: str
) -> None:
    at = healthy(open_page("compare", runs=",".join(twins), quantity="distortion", along=by))
    places = numbers(curves(at)["A and B: mean of 2 seeds", "train"]["x"])
    seconds = [list(accumulate(row["seconds"] for row in rows)) for rows in histories(bundled_store, twins)]
    document = json.loads((bundled_store / twins[0] / "run.json").read_text())
    steps = -(-document["data"]["train"] // document["config"]["batch_size"])
    wanted = np.mean(seconds, axis=0) if by == "time" else steps * np.arange(1, 4)
    assert places == pytest.approx(wanted, rel=1e-5)


def test_the_curves_page_groups_seeds_when_asked(bundled_store: Path, twins: list[str]) -> None:
    link = {"runs": ",".join([*twins, OTHER]), "quantity": "distortion"}
    at = healthy(open_page("curves", **link))
    assert {run for run, _ in curves(at)} == {"Seed 0", "Seed 1", "Digits, beta 1"}
    at.toggle(key="seeds").set_value(True)
    drawn = curves(healthy(at.run()))
    assert {run for run, _ in drawn} == {"Seed 0 and 1 other: mean of 2 seeds", "band", "Digits, beta 1"}
    mean = distortions(bundled_store, twins, "train").mean(0)
    assert numbers(drawn["Seed 0 and 1 other: mean of 2 seeds", "train"]["y"]) == pytest.approx(
        mean, rel=1e-6
    )
    assert at.query_params["seeds"] == "1"
    # each run's own numbers stay in the table
    assert at.dataframe[0].value["run"].tolist()[:2] == ["Seed 0", "Seed 1"]


def test_without_such_runs_nothing_is_asked(bundled_store: Path) -> None:
    for at in (
        open_page("curves", runs=f"{OTHER},bundled-digits-beta-2"),
        open_page("compare", runs=f"{OTHER},bundled-digits-beta-2"),
    ):
        assert not {toggle.key for toggle in healthy(at).toggle} & {"seeds", "bands"}
