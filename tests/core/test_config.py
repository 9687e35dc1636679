"""Settings: JSON both ways, a command line's texts, and refusals that say what is allowed."""

import json
import math
from typing import Any

import pytest

from core.config import RunConfig, beta_of_weight, reconstruction_weight
from core.errors import ConfigError
from core.families import FAMILIES
from tests.core.shared import Sentence


def test_the_defaults_are_a_vae_on_the_embedded_digits() -> None:
    config = RunConfig.make({})
    assert (config.dataset, config.family, config.beta, config.validation) == ("digits", "vae", 1.0, 0.1)
    assert config.sigma**2 == pytest.approx(0.5)  # squared error, as most sources write it


def test_json_gives_the_same_config_back() -> None:
    config = RunConfig.make(
        {"hidden": [400, 200], "pad": 32, "beta": 0.1, "network": "conv", "warmup_epochs": 2.5, "threads": 3}
    )
    assert RunConfig.make(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    "key, text, value",
    [
        ("hidden", "400,200", (400, 200)),
        ("hidden", " 400 , 200 ", (400, 200)),
        ("hidden", "64", (64,)),
        ("hidden", 64, (64,)),
        ("hidden", "", ()),
        ("latent", "8", 8),
        ("beta", "0.25", 0.25),
        ("beta", "0", 0.0),
        ("pad", "32", 32),
        ("pad", "none", None),
        ("pad", "", None),
        ("seed", "7", 7),
        ("device", "cuda:1", "cuda:1"),
        ("likelihood", "gaussian", "gaussian"),
    ],
)
def test_a_command_lines_text_is_understood(key: str, text: object, value: object) -> None:
    assert getattr(RunConfig.make({key: text}), key) == value


BAD: list[tuple[str, Any]] = [
    ("beta", -1),
    ("beta", "much"),
    ("beta", math.nan),
    ("beta", math.inf),
    ("sigma", 0),
    ("sigma", math.inf),
    ("warmup_epochs", -0.5),
    ("latent", 0),
    ("latent", 2.5),
    ("latent", None),
    ("hidden", "400,x"),
    ("hidden", [0]),
    ("hidden", [16385]),
    ("hidden", [8] * 17),
    ("pad", 3),
    ("pad", "wide"),
    ("network", "transformer"),
    ("activation", "sine"),
    ("likelihood", "poisson"),
    ("optimiser", "sgd"),
    ("learning_rate", 0),
    ("learning_rate", 11),
    ("batch_size", -1),
    ("report_every", 0),
    ("schedule", "linear"),
    ("epochs", 0),
    ("seed", -1),
    ("seed", 2**31),
    ("validation", 0.6),
    ("validation", -0.1),
    ("precision", "fp16"),
    ("device", "tpu"),
    ("device", "cuda:x"),
    ("threads", -1),
]


@pytest.mark.parametrize("key, value", BAD)
def test_a_bad_value_is_named_with_the_allowed_ones(key: str, value: Any, sentence: Sentence) -> None:
    with pytest.raises(ConfigError) as error:
        RunConfig.make({key: value})
    text = sentence(error.value)
    assert f"'{key}'" in text
    assert repr(value) in text
    assert RunConfig.allowed(key) in text


def test_an_unknown_setting_is_answered_with_all_there_are(sentence: Sentence) -> None:
    with pytest.raises(ConfigError, match="There is no setting 'betta'") as error:
        RunConfig.make({"betta": 1})
    for key in RunConfig.model_fields:
        assert key in sentence(error.value)


def test_an_unknown_family_is_answered_with_all_there_are(sentence: Sentence) -> None:
    with pytest.raises(ConfigError, match=f"no family 'gan': choose one of {', '.join(FAMILIES)}") as error:
        RunConfig.make({"family": "gan"})
    sentence(error.value)


@pytest.mark.parametrize(
    "settings, says",
    [
        ({"family": "ae", "beta": 2}, "'beta' means nothing to family 'ae'"),
        ({"family": "ae", "warmup_epochs": 1}, "'warmup_epochs' means nothing to family 'ae'"),
        ({"network": "conv", "hidden": ""}, "at least one layer"),
        ({"weight_decay": 0.1}, "optimiser=adamw"),
        (
            {"family": "vae", "sparsity_weight": 1},
            "a family that uses it: "
            + ", ".join(row.name for row in FAMILIES.values() if "sparsity_weight" in row.uses),
        ),
        ({"family": "coae", "network": "mlp"}, "has no network 'mlp'"),
        ({"family": "cae", "tied": True, "hidden": (5,)}, "an encoder of one layer"),
        ({"family": "linear", "hidden": (5,)}, "'hidden' is always empty in family 'linear'"),
        ({"family": "linear", "activation": "tanh"}, "'activation' means nothing to family 'linear'"),
        (
            {"family": "linear", "likelihood": "bernoulli"},
            "'likelihood' is always gaussian in family 'linear'",
        ),
        ({"family": "pca", "epochs": 5}, "'epochs' is always 1 in family 'pca'"),
        ({"family": "pca", "learning_rate": 0.1}, "'learning_rate' means nothing to family 'pca'"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    settings: dict[str, Any], says: str, sentence: Sentence
) -> None:
    with pytest.raises(ConfigError, match=says) as error:
        RunConfig.make(settings)
    sentence(error.value)


def test_a_family_brings_its_defaults_and_what_is_said_counts_more() -> None:
    assert RunConfig.make({"family": "sae"}).latent == 100
    assert RunConfig.make({"family": "sae", "latent": 7, "sparsity_weight": 0}).sparsity_weight == 0
    assert RunConfig.make({"family": "coae"}).network == "conv"
    assert RunConfig.make({"family": "vae"}) == RunConfig.make({})


def test_another_family_leaves_behind_what_only_the_one_before_uses() -> None:
    sparse = RunConfig.make({"family": "vae", "beta": 3, "epochs": 7}).with_settings({"family": "sae"})
    assert sparse == RunConfig.make({"family": "sae", "epochs": 7})
    again = sparse.with_settings({"family": "vae", "beta": 2})
    assert again == RunConfig.make({"family": "vae", "beta": 2, "epochs": 7})
    kept = sparse.with_settings({"family": "sae", "epochs": 8})
    assert kept == RunConfig.make({"family": "sae", "epochs": 8})
    closed = again.with_settings({"family": "pca"})
    assert closed == RunConfig.make({"family": "pca"})
    assert closed.with_settings({"family": "vae"}) == RunConfig.make({})
    with pytest.raises(ConfigError, match="'beta' means nothing to family 'cae'"):
        again.with_settings({"family": "cae", "beta": 2})


def test_settings_that_fit_together_pass() -> None:
    RunConfig.make({"family": "ae", "beta": 1.0})
    RunConfig.make({"weight_decay": 0.1, "optimiser": "adamw"})


def test_one_changed_setting_leaves_the_others_and_is_checked() -> None:
    config = RunConfig.make({"hidden": (5, 6), "seed": 3})
    changed = config.with_settings({"beta": "4"})
    assert changed.to_json() == {**config.to_json(), "beta": 4.0}
    assert config.beta == 1.0
    with pytest.raises(ConfigError, match="'epochs' cannot be -1"):
        config.with_settings({"epochs": -1})
    with pytest.raises(ConfigError, match="no setting 'epoch'"):
        config.with_settings({"epoch": 1})


@pytest.mark.parametrize("settings", [None, 5, "epochs=5", [("epochs", 5)]])
def test_settings_that_are_no_dict_are_one_sentence(settings: Any, sentence: Sentence) -> None:
    for take in (RunConfig.make, RunConfig().with_settings):
        with pytest.raises(ConfigError, match=r"Settings are a dict, such as \{'epochs': 5\}") as error:
            take(settings)
        sentence(error.value)


def test_a_config_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        RunConfig.make({}).beta = 3.0  # type: ignore[misc]


@pytest.mark.parametrize("key", RunConfig.model_fields)
def test_every_setting_says_what_it_is_and_what_it_may_be(key: str) -> None:
    assert RunConfig.model_fields[key].description
    assert RunConfig.allowed(key)


@pytest.mark.parametrize(
    "key, words",
    [
        ("validation", "numbers from 0 to 0.5"),
        ("sigma", "numbers above 0 to 100"),
        ("latent", "whole numbers from 1 to 1024"),
        ("network", "mlp, conv"),
        ("family", ", ".join(FAMILIES)),
        ("pad", "none, or a whole number from 4 to 1024"),
    ],
)
def test_allowed_values_in_words(key: str, words: str) -> None:
    assert RunConfig.allowed(key) == words


def test_beta_and_the_reconstruction_weight_are_each_others_inverse() -> None:
    # a source that writes 500 * mean over 32 x 32 pixels + KL
    assert beta_of_weight(500, 1024) == pytest.approx(2.048)
    assert reconstruction_weight(2.048, 1024) == pytest.approx(500)
    assert reconstruction_weight(1, 784) == 784
    assert reconstruction_weight(0, 784) is None  # infinite, and JSON has no Infinity
