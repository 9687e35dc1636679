"""The table of scores."""

import json

import pytest

from core.analysis.scores import SCORES, Score, directions, units


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
