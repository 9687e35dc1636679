"""Settings for a test that runs over all families: those that a family fixes or has no use for are left out."""

from typing import Any

from core.families import FAMILIES


def fitting(family: str, **settings: Any) -> dict[str, Any]:
    """Settings of a family, without those that it refuses."""
    row = FAMILIES[family]
    taken = {key: value for key, value in settings.items() if key not in (*row.fixed, *row.ignores)}
    return {"family": family, **taken}
