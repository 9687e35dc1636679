"""What tests of the Train page share: reading it, and waiting for what its jobs do."""

from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from dashboard.components.film import NAME
from dashboard.components.latent_map import unpack

BRIEF = {"epochs": 3, "hidden": (16,), "threads": 1, "device": "cpu"}


def films(at: AppTest) -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Header and sections of each film, as sent to the browser."""
    found = at.get("bidi_component")
    return [unpack(element.proto.bytes) for element in found if element.proto.component_name == NAME]


def named(elements: Any, label: str) -> Any:
    """The widget of this label."""
    return next(one for one in elements if one.label == label)


def labels(at: AppTest) -> list[str]:
    return [one.label for one in at.button]
