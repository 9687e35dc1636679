"""Queries: solved by hand over six images, written as JSON and read back, refused in one sentence."""

import json
from typing import Any

import numpy as np
import pytest

from core.analysis.queries import Query, extremes, matching, per_image, worst_first_by
from core.errors import ConfigError, NotApplicable
from core.latents import Latents

NAMES = ("zero", "one", "<b>two</b>")
ERRORS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], np.float32)


@pytest.fixture
def table() -> Latents:
    """Six images: D 10 to 60, R 6 to 1, labels 0 1 2 0 1 none, the last two of train."""
    return Latents(
        ids=np.array([5, 4, 3, 2, 1, 0]),
        labels=np.array([0, 1, 2, 0, 1, -1]),
        means=np.zeros((6, 2), np.float32),
        log_variances=np.zeros((6, 2), np.float32),
        distortion=np.array([10, 20, 30, 40, 50, 60], np.float32),
        rate=np.array([6, 5, 4, 3, 2, 1], np.float32),
        splits=np.array([2, 2, 2, 2, 0, 0], np.int8),
    )


@pytest.fixture
def codes(table: Latents) -> Latents:
    """The same without a posterior."""
    return Latents(table.ids, table.labels, table.means, None, table.distortion, None, table.splits)


BOTH = ("test", "train")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (Query(), [0, 1, 2, 3]),
        (Query(splits=("train",)), [4, 5]),
        (Query(splits=BOTH), [0, 1, 2, 3, 4, 5]),
        (Query(splits=("validation",)), []),
        (Query(splits=BOTH, labels=("zero",)), [0, 3]),
        (Query(splits=BOTH, labels=("<b>two</b>", None)), [2, 5]),
        (Query(splits=BOTH, distortion=(20, 40)), [1, 2, 3]),  # closed at both ends
        (Query(splits=BOTH, distortion=(None, 20)), [0, 1]),
        (Query(splits=BOTH, distortion=(50.01, None)), [5]),
        (Query(splits=BOTH, rate=(3, 5)), [1, 2, 3]),
        (Query(splits=BOTH, negative_elbo=(25, 43)), [1, 2, 3]),  # 16 25 34 43 52 61
        (Query(splits=BOTH, error=(0.2501, 0.45)), [2, 3]),
        (Query(splits=BOTH, labels=("one",), distortion=(0, 30), rate=(5, 5), error=(None, 0.25)), [1]),
        (Query(distortion=(None, None)), [0, 1, 2, 3]),
    ],
)
def test_a_query_solved_by_hand(query: Query, rows: list[int], table: Latents) -> None:
    assert matching(table, query, ERRORS, class_names=NAMES).tolist() == rows
    again = Query.from_document(json.loads(json.dumps(query.document(), allow_nan=False)))
    assert again == query
    assert matching(table, again, ERRORS, class_names=NAMES).tolist() == rows


def test_where_splits_are_not_known_all_rows_count(table: Latents) -> None:
    rows = matching(
        Latents(table.ids, table.labels, table.means, None, table.distortion, None),
        Query(),
        class_names=NAMES,
    )
    assert len(rows) == 6


def test_codes_have_no_rate(codes: Latents) -> None:
    for query in (Query(rate=(1, None)), Query(negative_elbo=(None, 5))):
        assert query.needs_rate
        with pytest.raises(NotApplicable, match="does not apply"):
            matching(codes, query, class_names=NAMES)
    assert matching(codes, Query(distortion=(20, 30)), class_names=NAMES).tolist() == [1, 2]
    assert worst_first_by(codes) == "distortion"
    with pytest.raises(NotApplicable):
        extremes(codes, "negative_elbo", 1)


def test_errors_are_needed_and_as_many_as_images(table: Latents) -> None:
    with pytest.raises(ConfigError, match="compute them first"):
        matching(table, Query(error=(0, 1)), class_names=NAMES)
    with pytest.raises(ValueError, match=r"\(6,\) errors"):
        matching(table, Query(error=(0, 1)), ERRORS[:2], class_names=NAMES)


def test_a_label_that_the_data_lack_is_refused(table: Latents) -> None:
    with pytest.raises(ConfigError, match="no label 'nine' in these data: choose from zero, one"):
        matching(table, Query(labels=("nine",)), class_names=NAMES)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"distortion": (3, 2)}, "is empty, from 3 to 2"),
        ({"rate": (float("nan"), None)}, "finite number"),
        ({"rate": (None, float("inf"))}, "finite number"),
        ({"error": ("1", None)}, "finite number"),
        ({"error": (True, None)}, "finite number"),
        ({"negative_elbo": (1, 2, 3)}, "two numbers"),
        ({"negative_elbo": 3}, "two numbers"),
        ({"labels": ()}, "without any label"),
        ({"labels": "zero"}, "list of texts"),
        ({"labels": (3,)}, "list of texts"),
        ({"splits": ()}, "one or more of train"),
        ({"splits": "test"}, "one or more of train"),
        ({"splits": ("test", "all")}, "one or more of train"),
    ],
)
def test_what_is_no_query_is_refused_in_one_sentence(values: Any, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        Query(**values)
    assert said in str(error.value)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"lables": ["zero"]}, "no 'lables'"),
        ([], "JSON object"),
        ({"labels": "zero"}, "are a list"),
        ({"splits": 3}, "are a list"),
        ({"rate": {"low": 1}}, "two numbers"),
    ],
)
def test_json_that_is_no_query_is_refused(document: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Query.from_document(document)
    assert Query.from_document({}) == Query()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (Query(), "Test images."),
        (Query(labels=("zero",)), "Test images labelled 'zero'."),
        (
            Query(labels=("zero", "one", None), splits=BOTH),
            "Train and test images labelled 'zero', 'one' or no label.",
        ),
        (Query(distortion=(20, 30.5)), "Test images with D from 20 to 30.5 nats."),
        (
            Query(rate=(2, None), error=(None, 0.02), negative_elbo=(1, None)),
            "Test images with R at least 2 nats, negative ELBO at least 1 nats and error per pixel at most 0.02.",
        ),
    ],
)
def test_a_query_in_words(query: Query, words: str) -> None:
    assert query.sentence() == words


def test_worst_and_best(table: Latents) -> None:
    assert per_image(table, "negative_elbo").tolist() == [16, 25, 34, 43, 52, 61]
    assert worst_first_by(table) == "negative_elbo"
    worst, best = extremes(table, "negative_elbo", 2)
    assert (worst.tolist(), best.tolist()) == ([5, 4], [0, 1])
    worst, best = extremes(table, "distortion", 99)
    assert (worst.tolist(), best.tolist()) == ([5, 4, 3, 2, 1, 0], [0, 1, 2, 3, 4, 5])


def test_of_equal_images_the_first_stands_first(table: Latents) -> None:
    flat = Latents(table.ids, table.labels, table.means, None, np.ones(6, np.float32), None)
    worst, best = extremes(flat, "distortion", 3)
    assert worst.tolist() == best.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("by", "k"), [("rate", 1), ("distortion", 0), ("scores", 1)])
def test_extremes_of_nothing_that_is_better_are_refused(by: str, k: int, table: Latents) -> None:
    with pytest.raises(ConfigError):
        extremes(table, by, k)
