"""Recipes: complete configurations, the two sources' settings as the sources give them."""

import pytest

from core.config import RunConfig
from core.data import catalog
from core.errors import ConfigError
from core.recipes import RECIPES, Recipe, first_training, recipe

ROWS = [pytest.param(row, id=row.name) for row in RECIPES.values()]


@pytest.mark.parametrize("row", ROWS)
def test_a_recipe_is_complete_and_its_data_set_is_known(row: Recipe) -> None:
    assert RECIPES[row.name] is row
    assert recipe(row.name) is row
    assert RunConfig.make(row.config.to_json()) == row.config
    assert row.sentence.endswith((".", "?"))
    assert row.source
    assert row.reference
    catalog.info(row.config.dataset)


@pytest.mark.parametrize("row", ROWS)
def test_a_recipe_runs_on_any_machine(row: Recipe) -> None:
    assert row.config.device == "auto"
    assert row.config.precision == "fp32"


def test_the_mnist_recipe_is_its_source() -> None:
    config = recipe("mnist-mlp-vae").config
    expected = {
        "dataset": "mnist",
        "pad": None,
        "validation": 0,
        "family": "vae",
        "network": "mlp",
        "hidden": [400],
        "latent": 20,
        "activation": "relu",
        "likelihood": "bernoulli",
        "beta": 1,
        "optimiser": "adam",
        "learning_rate": 1e-3,
        "batch_size": 128,
        "epochs": 10,
    }
    assert {key: config.to_json()[key] for key in expected} == expected


def test_the_fashion_recipe_is_its_source() -> None:
    config = recipe("fashion-conv-vae").config
    expected = {
        "dataset": "fashion-mnist",
        "pad": 32,
        "validation": 0,
        "family": "vae",
        "network": "conv",
        "hidden": [32, 64, 128],
        "latent": 2,
        "activation": "relu",
        "likelihood": "bernoulli",
        "beta": 2.048,  # 32 * 32 / 500
        "optimiser": "adam",
        "learning_rate": 5e-4,
        "batch_size": 100,
        "epochs": 5,
    }
    assert {key: config.to_json()[key] for key in expected} == expected


def test_an_unknown_recipe_is_answered_with_all_there_are() -> None:
    with pytest.raises(ConfigError, match="no recipe 'None'"):
        recipe(None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"no recipe '\['a'\]': choose one of"):
        recipe(["a"])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"no recipe 'x': choose one of {', '.join(RECIPES)}"):
        recipe("x")


@pytest.mark.parametrize("images", [1, 2, 51, 71, 72, 1437])
@pytest.mark.parametrize(("dataset", "kind"), [("mine", "image"), ("mnist", "image"), ("table", "vector")])
def test_the_first_command_fits_a_small_data_set(dataset: str, kind: str, images: int) -> None:
    words = first_training(dataset, kind, images).split()
    assert words[:4] == ["python", "-m", "core", "train"]
    settings = dict(word.split("=") for word in words[5:] if "=" in word)
    config = recipe(words[4]).config.with_settings(settings)
    assert config.dataset == dataset
    kept = max(1, images - round(images * config.validation))
    assert 1 <= config.batch_size <= kept
    assert ("batch_size" in settings) == (recipe(words[4]).config.batch_size > kept)
