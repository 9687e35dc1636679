"""Ids as errors name them."""

from core.store import first_of


def test_an_error_names_twelve_runs_and_says_how_many_more_there_are() -> None:
    ids = [f"run-{k}" for k in range(14)]
    assert first_of(ids[:12], "list") == ", ".join(ids[:12])
    assert first_of(ids, "list") == f"{', '.join(ids[:12])} and 2 more: see `python -m core list`"
