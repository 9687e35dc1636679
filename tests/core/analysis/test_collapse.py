"""When a discriminator has won, and when a code is dead."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from core.analysis.collapse import collapse_sentence, collapsed_at, dead_code_sentence
from core.cli import main
from core.config import RunConfig
from core.runs import Run
from core.store import list_runs
from core.training import run as training


def history(*accuracies: float | None) -> list[dict[str, Any]]:
    return [
        {"epoch": k, "train": {"terms": {} if one is None else {"discriminator_accuracy": one}}}
        for k, one in enumerate(accuracies, start=1)
    ]


@pytest.mark.parametrize(
    "accuracies, expected",
    [
        ((), None),
        ((0.99, 0.99), None),  # two are not three
        ((0.99, 0.99, 0.98, 0.99, 0.99), None),  # 0.98 is not above 0.98
        ((0.7, 0.99, 0.985, 1.0, 0.6), (2, 4)),
        ((0.99, 0.99, 0.99, 0.99), (1, 4)),
        ((0.99, 0.5, 0.99, 0.99, 0.99, 0.5, 0.99, 0.99, 0.99), (3, 5)),
        ((None, None, None), None),
    ],
)
def test_three_epochs_in_a_row_are_a_collapse(
    accuracies: tuple[float | None, ...], expected: tuple[int, int] | None
) -> None:
    assert collapsed_at(history(*accuracies)) == expected


def test_it_is_named_with_what_to_do() -> None:
    said = collapse_sentence(history(0.7, 0.99, 0.985, 1.0, 0.6))
    assert said is not None
    assert said.startswith(
        "Collapse: the discriminator was right on more than 98% of the images in epochs 2 to 4"
    )
    assert "smaller learning_rate" in said
    assert collapse_sentence(history(0.7, 0.8, 0.9)) is None
    assert collapse_sentence([{"epoch": 1, "train": None}]) is None


def test_the_command_line_names_it(
    bundled_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = "bundled-digits-vaegan"
    shutil.copytree(bundled_store / run, tmp_path / run)
    arguments = ["show", run, "--store", str(tmp_path)]
    assert main(arguments) == 0
    assert "collapse" not in capsys.readouterr().out
    lines = (tmp_path / run / "history.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows[4:8]:
        row["train"]["terms"]["discriminator_accuracy"] = 0.995
    (tmp_path / run / "history.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert main(arguments) == 0
    assert "collapse   Collapse: the discriminator" in capsys.readouterr().out


def trained(store: Path, **settings: Any) -> Run:
    config = {"epochs": 30, "hidden": (), "latent": 4, "device": "cpu", **settings}
    return training.train(RunConfig.make(config), store=store)


@pytest.mark.parametrize(
    "settings, says",
    [
        ({"family": "cae", "contraction_weight": 1e6}, "a smaller contraction_weight."),
        ({"family": "ae", "l2": 50, "epochs": 60}, "a smaller l2."),
        ({"beta": 50}, "a smaller beta."),
    ],
)
def test_a_code_that_tells_no_images_apart_is_named(
    settings: dict[str, Any], says: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(store, **settings)
    decoded = run.reconstruct(run.images("test").pixels)
    assert decoded.std(0).max() < 0.02  # the truth of it
    said = dead_code_sentence(run.scores, run.config)
    assert said is not None
    assert said.startswith("Its code is dead: ")
    assert said.endswith(says)
    assert main(["show", run.id, "--store", str(store)]) == 0
    assert f"dead code  {said}" in capsys.readouterr().out


def test_of_the_bundled_runs_only_the_collapsed_one_is_dead(bundled_store: Path) -> None:
    dead = [
        record.id for record in list_runs(bundled_store) if dead_code_sentence(record.scores, record.config)
    ]
    assert dead == ["bundled-digits-beta-4"]


def test_a_run_without_scores_is_not_called_dead() -> None:
    for scores in (None, {}, {"test": None}, {"test": {"active_units": 0, "rate": None}}):
        assert dead_code_sentence(scores, RunConfig.make({})) is None


def test_a_label_that_is_told_still_moves_what_is_decoded() -> None:
    scores = {"test": {"active_units": 0, "rate": 0.002}}
    said = dead_code_sentence(scores, RunConfig.make({"family": "cvae"}))
    assert said is not None
    assert "R = 0.002 nats per image, so all images of one label are decoded alike" in said
