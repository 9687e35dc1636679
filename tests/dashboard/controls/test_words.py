"""Numbers as pages print them."""

import pytest

from dashboard.controls import span, two_digits, weight_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0826, "0.083"),
        (0.3, "0.30"),
        (1, "1.0"),
        (9.94, "9.9"),
        (9.96, "10"),
        (63.2, "63"),
        (1234.5, "1,234"),
    ],
)
def test_two_digits_or_all_before_the_point(value: float, text: str) -> None:
    assert two_digits(value) == text


def test_the_weight_runs_opposite_to_beta() -> None:
    assert [weight_text(beta, 1024) for beta in (0, 0.2048, 2.048)] == ["infinite", "5000", "500"]


@pytest.mark.parametrize(
    "seconds, text",
    [
        (-1, "0 s"), (0, "0 s"), (0.004, "less than 0.01 s"), (0.8, "0.8 s"), (9.9, "9.9 s"), (9.96, "10 s"),
        (59.4, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (599.6, "10 min"), (3599, "60 min"), (7500, "2 h 5 min"),
    ],
)  # fmt: skip
def test_spans_of_time(seconds: float, text: str) -> None:
    assert span(seconds) == text
