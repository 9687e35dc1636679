"""When a discriminator has won."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from core.analysis.collapse import collapse_sentence, collapsed_at
from core.cli import main


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
