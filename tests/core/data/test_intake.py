"""What callers hand over: whole numbers and latents are taken in every honest form, and all else is one sentence."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from core.data.intake import LARGEST, as_model_images, as_model_latents, whole_number
from core.errors import ConfigError, DataError

Sentence = Callable[[BaseException], str]
SHAPE = (1, 8, 8)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)])
def test_a_whole_number_of_any_kind_is_pythons_own(value: Any) -> None:
    number = whole_number(value, "n")
    assert type(number) is int
    assert number == 3


@pytest.mark.parametrize(
    "value", [-1, LARGEST + 1, 10**40, 1.0, 1.5, float("nan"), "3", None, True, np.True_, [3], np.zeros(2)]
)
def test_what_is_no_whole_number_is_one_sentence(value: Any, sentence: Sentence) -> None:
    with pytest.raises(
        ConfigError, match=r"^'n' cannot be .*: give a whole number from 0 to 2147483647\.$"
    ) as error:
        whole_number(value, "n")
    assert len(sentence(error.value)) < 200


def test_the_ends_of_the_range_belong_to_it() -> None:
    assert (whole_number(0, "n"), whole_number(1, "n", least=1), whole_number(LARGEST, "n")) == (
        0,
        1,
        LARGEST,
    )
    with pytest.raises(ConfigError, match="whole number from 1 to"):
        whole_number(0, "n", least=1)


@pytest.mark.parametrize(
    "z", [np.ones((3, 2)), np.ones((3, 2), np.float16), [[1, 1]] * 3, np.ones((3, 2), bool), torch.ones(3, 2)]
)
def test_latents_of_any_kind_are_float32_and_a_copy(z: Any) -> None:
    got = as_model_latents(z, latent=2)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, np.ones((3, 2)))
    got[:] = 7
    assert np.asarray(z).max() == 1


def test_latents_in_any_order_keep_their_places() -> None:
    z = np.arange(12.0).reshape(2, 6).T[::-1]
    got = as_model_latents(z, latent=2)
    np.testing.assert_array_equal(got, z)
    np.testing.assert_array_equal(torch.from_numpy(got).numpy(), z)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "z, says",
    [
        ([[1, 2], [3]], "cannot be read as an array"),
        (torch.zeros(1, 2, requires_grad=True), "requires grad"),
        ("abc", "give finite numbers"),
        ([["1", "2"]], "give finite numbers"),
        (None, "give finite numbers"),
        ({}, "give finite numbers"),
        ([[None, 1]], "give finite numbers"),
        (np.zeros((1, 2), complex), "type complex128"),
        (np.zeros((1, 2), "datetime64[s]"), "give finite numbers"),
        ([[10**400, 1]], "give finite numbers"),
        ([[1e300, 1]], "give finite numbers"),
        ([], r"shape \(0,\) do not fit"),
    ],
)
def test_what_are_no_latents_is_one_sentence_without_a_warning(z: Any, says: str, sentence: Sentence) -> None:
    with pytest.raises(DataError, match=says) as error:
        as_model_latents(z, latent=2)
    assert len(sentence(error.value)) < 300


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "images, says",
    [
        ([[0.5] * 64, [0.5]], "cannot be read as an array"),
        (torch.zeros(1, 64, requires_grad=True), "requires grad"),
        (np.full((1, 64), 1e300), r"run from 1e\+300 to 1e\+300"),
        (None, "do not fit run 'R'"),
        ([], "do not fit run 'R'"),
    ],
)
def test_what_are_no_images_is_one_sentence_without_a_warning(
    images: Any, says: str, sentence: Sentence
) -> None:
    with pytest.raises(DataError, match=says) as error:
        as_model_images(images, shape=SHAPE, padded=SHAPE, run="R")
    assert len(sentence(error.value)) < 300
