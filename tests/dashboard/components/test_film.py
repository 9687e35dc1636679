"""The film of a probe set: what is sent, its axes, and how large it may be."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.training.probe import BYTES, IMAGES, most_rows
from dashboard.components.film import MOST_BYTES, NAME, thinned
from dashboard.components.latent_map import unpack
from dashboard.theme import CLASS_COLOURS, UNLABELLED_COLOUR

SCRIPT = """
import numpy as np
from dashboard.components.film import film
frames = np.array([[[0, 0], [1, -2], [np.nan, 9]], [[-3, 1], [2, 2], [0, np.inf]]], np.float32)
film(frames, epochs=np.array([0, 4]), of_epochs=9, labels=np.array([1, -1, 0]), class_names=("a", "<b>"),
     titles=("x", "y"), key="film", subject="s", alt="A film")
"""


def test_what_is_sent() -> None:
    at = AppTest.from_string(SCRIPT, default_timeout=60).run()
    assert not at.exception
    (element,) = [one for one in at.get("bidi_component") if one.proto.component_name == NAME]
    header, sections = unpack(element.proto.bytes)
    assert header["epochs"] == [0, 4]
    assert header["of_epochs"] == 9
    assert sections["labels"].tolist() == [1, 2, 0]
    assert header["classes"] == ["a", "<b>", "no label"]
    assert header["colours"] == [*CLASS_COLOURS[:2], UNLABELLED_COLOUR]
    assert header["present"] == [True, True, True]
    # one range for all epochs, of what is finite, and an edge of 4 %
    assert header["ranges"][0] == pytest.approx([-3 - 0.2, 2 + 0.2])
    assert header["ranges"][1] == pytest.approx([-2 - 0.44, 9 + 0.44])


def test_all_that_training_keeps_of_a_plane_is_sent_whole() -> None:
    epochs = most_rows(2 * IMAGES)
    assert epochs > 100
    assert 8 * IMAGES * epochs <= MOST_BYTES < BYTES
    assert thinned(epochs, IMAGES).tolist() == list(range(epochs))


@pytest.mark.parametrize("epochs", [2, 999, 2000, 50_001])
def test_what_is_larger_is_thinned_evenly_and_keeps_the_last(epochs: int) -> None:
    kept = thinned(epochs, IMAGES)
    assert kept[-1] == epochs - 1
    assert len(set(np.diff(kept).tolist())) <= 1
    assert 8 * IMAGES * len(kept) <= MOST_BYTES
