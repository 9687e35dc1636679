"""The table of scores, and which of two values is better."""

import json

import pytest

from core.analysis.scores import SCORES, Score, better, directions, units


@pytest.mark.parametrize("name, score", SCORES.items())
def test_every_score_has_a_title_a_unit_and_a_sentence(name: str, score: Score) -> None:
    assert score.title
    assert score.unit
    assert score.sentence.endswith(".")
    assert score.direction in ("lower", "higher", None)


def test_units_and_directions_name_every_score_and_are_json() -> None:
    assert list(units()) == list(directions()) == list(SCORES)
    assert json.loads(json.dumps(directions()))["rate"] is None
    assert directions()["distortion"] == "lower is better"
    assert units()["rate"] == "nats per image"


@pytest.mark.parametrize(
    "name, first, second, expected",
    [
        ("distortion", 1.0, 2.0, 0),
        ("distortion", 2.0, 1.0, 1),
        ("distortion", 1.0, 1.0, None),
        ("distortion", None, 1.0, None),
        ("distortion", 1.0, None, None),
        ("rate", 1.0, 2.0, None),  # neither is better
        ("beta", 1.0, 2.0, None),
    ],
)
def test_which_of_two_is_better(name: str, first: object, second: object, expected: int | None) -> None:
    assert better(name, first, second) == expected


def test_higher_can_be_better_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCORES, "sharpness", Score("Sharpness", "none", "higher", "More is better."))
    assert better("sharpness", 1.0, 2.0) == 1
    assert better("sharpness", 2.0, 1.0) == 0
    assert directions()["sharpness"] == "higher is better"
