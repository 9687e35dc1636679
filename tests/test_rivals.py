"""What training is measured against does what it is said to do"""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from benchmarks.rivals import Pictures, tutorial


def test_pictures_are_the_images_in_unit_range_with_their_labels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, 4), dtype=np.uint8)
    labels = np.array([4, 0, 2, 1, 3])
    pictures = Pictures(pixels, labels)
    assert len(pictures) == 5
    for row in range(5):
        image, label = pictures[row]
        assert torch.equal(image, torch.from_numpy(pixels[row])[None].float() / 255)
        assert (type(label), label) == (int, labels[row])
    assert [label for _, label in map(Pictures(pixels).__getitem__, range(5))] == [0] * 5
    batches = list(DataLoader(pictures, batch_size=2))
    assert torch.equal(
        torch.cat([images for images, _ in batches])[:, 0] * 255, torch.from_numpy(pixels).float()
    )
    assert torch.cat([given for _, given in batches]).tolist() == labels.tolist()


def test_the_tutorials_loop_takes_each_image_once_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    plain = Pictures.__getitem__
    monkeypatch.setattr(Pictures, "__getitem__", lambda self, row: (seen.append(row), plain(self, row))[1])
    pixels = np.random.default_rng(0).integers(0, 256, (7, 1, 2, 2), dtype=np.uint8)
    for squared in (False, True):
        seen.clear()
        tutorial(pixels, widths=(4, 3), latent=2, batch=3, squared=squared)()
        assert sorted(seen) == list(range(7))
        assert seen != list(range(7))
