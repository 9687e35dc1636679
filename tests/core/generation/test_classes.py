"""The same latents under every label."""

import numpy as np
import pytest

from core.generation import under_every_label


def test_a_row_a_latent_and_a_column_a_label() -> None:
    z = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    places, labels = under_every_label(z, classes=3)
    assert labels.tolist() == [0, 1, 2, 0, 1, 2]
    np.testing.assert_array_equal(places.reshape(2, 3, 2)[:, 1], z)
    assert places.dtype == np.float32


def test_what_is_no_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 class"):
        under_every_label(np.zeros((2, 3)), classes=0)
    with pytest.raises(ValueError, match=r"not \(3,\)"):
        under_every_label(np.zeros(3), classes=2)
