"""Training: what it learns, what it writes, and what is left when it ends otherwise than hoped."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

import core
from core import objectives
from core.config import RunConfig
from core.data import catalog
from core.encoding import build_model, encode_split, split_labels, split_tensors
from core.errors import CheckpointError, ConfigError, DataError, DataMissing, Diverged
from core.families import FAMILIES
from core.models.vae import Vae
from core.objectives import terms_of
from core.recipes import recipe
from core.runs import Run, open_run
from core.store import is_locked, list_runs, read_record
from core.training.loop import (
    HeldOut,
    epoch_generator,
    epochs,
    learning_rate_at,
    mean_terms,
    train_epoch,
)
from core.training.run import Hooks, train
from core.training.sweep import sweep, sweep_configs
from core.training.updates import Descent, make_optimiser
from tests.core.fitting import fitting

Trained = Callable[..., Run]
Small = Callable[..., RunConfig]
Sentence = Callable[[BaseException], str]
CPU = torch.device("cpu")
ROWS = [(row.name, network) for row in FAMILIES.values() for network in row.networks]


def _weights(run: Run) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in run.model.state_dict().items()}


def _only(store: Path) -> Path:
    (record,) = list_runs(store)
    return record.folder


def _is_game(family: str) -> bool:
    return FAMILIES[family].training.endswith(":Adversarial")


# ---- learning


@pytest.mark.parametrize("family, network", ROWS)
def test_one_batch_can_be_learned_by_heart(family: str, network: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    hidden = (16, 32) if network == "conv" else (128,)
    settings = {"network": network, "hidden": hidden, "latent": 8, "learning_rate": 5e-3, "epochs": 150}
    if _is_game(family):
        settings |= {"pixel_weight": 1, "adversarial_weight": 0.1}  # else nothing asks for these very pixels
    config = RunConfig.make(fitting(family, **settings, batch_size=16))
    images = catalog.load("digits", "train").select(range(16))
    pixels, noise = split_tensors(images, config, device=CPU)
    labels = split_labels(images, config, device=CPU)
    model = build_model(config, (1, 8, 8), classes=10)
    before = mean_terms(encode_split(model, pixels, config, noise=noise, labels=labels), config)
    held_out = HeldOut("validation", pixels, noise, labels)
    rows = list(epochs(model, pixels, config, labels=labels, held_out=held_out))
    x = images.pixels / 255
    if config.likelihood == "bernoulli":
        floor = -(np.where(x > 0, x * np.log(np.maximum(x, 1e-9)), 0)).sum() / 16
        floor -= np.where(x < 1, (1 - x) * np.log(np.maximum(1 - x, 1e-9)), 0).sum() / 16
    else:
        floor = 64 * math.log(config.sigma * math.sqrt(2 * math.pi))
    # what is fitted at once has no first epoch to be better than
    start = before if len(rows) == 1 else rows[0]["validation"]
    first, last = (one["distortion"] - floor for one in (start, rows[-1]["validation"]))
    assert last < 0.4 * first
    assert last > 0  # nothing goes below the entropy of grey pixels, or a squared error of 0
    assert _is_game(family) or rows[-1]["validation"]["objective"] < start["objective"]


@pytest.mark.parametrize("family, network", ROWS)
def test_the_trained_objective_falls(family: str, network: str, trained: Trained) -> None:
    if FAMILIES[family].closed_form:
        pytest.skip("fitted at once")
    history = trained(family=family, network=network, epochs=6).history()
    for split in ("train", "validation"):
        if _is_game(family):  # the players move each other's objectives
            assert history[-1][split]["terms"]["discriminator_accuracy"] > 0.55
        else:
            assert history[-1][split]["objective"] < 0.985 * history[0][split]["objective"]


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_decoder_that_ignores_z_ends_without_a_rate(network: str, small: Small) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)

    class Deaf(Vae):
        def decode(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
            return super().decode(0 * z)

    config = small(network=network, epochs=25, learning_rate=5e-3)
    images = catalog.load("digits", "train").select(range(384))
    pixels, noise = split_tensors(images, config, device=CPU)
    rows = list(
        epochs(Deaf(config, (1, 8, 8)), pixels, config, held_out=HeldOut("validation", pixels, noise))
    )
    assert rows[0]["train"]["rate"] > 0.01
    assert 0 <= rows[-1]["validation"]["rate"] < 0.01
    assert max(rows[-1]["validation"]["rate_per_dimension"]) < 0.01


def test_a_huge_beta_leaves_no_rate_and_beta_0_a_large_one(trained: Trained) -> None:
    rates = {beta: trained(beta=beta, epochs=6).record.scores["test"]["rate"] for beta in (0.0, 1.0, 1e3)}  # type: ignore[index]
    assert rates[0.0] > rates[1.0] > rates[1e3]
    assert rates[1e3] < 0.05


def test_the_first_step_is_adams_on_the_mean_objective(small: Small) -> None:
    """One step on one batch, against the same written out: gradient of mean(D + beta R), Adam's first update."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = small(beta=3.0, batch_size=32, learning_rate=1e-3)
    images = catalog.load("digits", "train").select(range(32))
    pixels, _ = split_tensors(images, config, device=CPU)
    model = build_model(config, (1, 8, 8))
    twin = build_model(config, (1, 8, 8))
    twin.load_state_dict(model.state_dict())
    row = train_epoch(model, Descent(model, config), pixels, config, epoch=1)
    order = torch.randperm(32, generator=epoch_generator(config, 1, 0, CPU))
    noise = torch.randn((32, 2), generator=epoch_generator(config, 1, 1, CPU))
    x = pixels[order].float() / 255
    means, log_variances = twin.encode(x)  # type: ignore[operator]
    posterior = Normal(means, (log_variances / 2).exp())
    logits = twin.decode(means + posterior.scale * noise)  # type: ignore[operator]
    distortion = -Bernoulli(logits=logits, validate_args=False).log_prob(x).sum((1, 2, 3))
    rate = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1)
    (distortion + 3 * rate).mean().backward()
    assert row["distortion"] == pytest.approx(distortion.mean().item(), rel=1e-5)
    assert row["rate"] == pytest.approx(rate.mean().item(), rel=1e-5)
    assert row["objective"] == pytest.approx((distortion + 3 * rate).mean().item(), rel=1e-5)
    for (name, new), old in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert old.grad is not None
        clear = old.grad.abs() > 1e-4  # where rounding cannot change g / (|g| + eps)
        assert clear.any(), name
        torch.testing.assert_close(new[clear], (old - 1e-3 * old.grad.sign())[clear], rtol=0, atol=2e-6)


def test_weight_decay_is_decoupled(small: Small) -> None:
    config = small(optimiser="adamw", weight_decay=0.5, learning_rate=0.1)
    model = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.ones_(model.weight)
    optimiser = make_optimiser(model.parameters(), config)
    assert isinstance(optimiser, torch.optim.AdamW)
    model.weight.grad = torch.zeros_like(model.weight)
    optimiser.step()
    torch.testing.assert_close(model.weight, torch.full_like(model.weight, 0.95))  # 1 - 0.1 * 0.5
    assert type(make_optimiser(model.parameters(), small())) is torch.optim.Adam


# ---- determinism


def test_the_same_seed_gives_the_same_weights_and_another_does_not(store: Path, small: Small) -> None:
    torch.set_num_threads(1)
    runs = [train(small(seed=seed, network="conv"), store=store) for seed in (5, 5, 6)]
    assert _weights(runs[0]) == _weights(runs[1])
    assert _weights(runs[0]) != _weights(runs[2])
    assert runs[0].record.scores is not None
    assert runs[1].record.scores is not None
    assert runs[0].record.scores["test"] == runs[1].record.scores["test"]
    for one, other in zip(runs[0].history(), runs[1].history(), strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert runs[0].id != runs[1].id


def test_watching_a_run_does_not_change_it(store: Path, small: Small) -> None:
    torch.set_num_threads(1)
    seen: list[Any] = []

    def noisy(*_: object) -> None:
        seen.append(torch.rand(3))  # a hook that uses the global generator

    hooks = Hooks(on_start=noisy, on_step=noisy, on_epoch=noisy, on_stage=noisy)
    assert _weights(train(small(), store=store)) == _weights(train(small(), store=store, hooks=hooks))
    assert seen


# ---- what is written


def test_the_folder_of_a_finished_run(trained: Trained) -> None:
    run = trained()
    assert {item.name for item in run.record.folder.iterdir()} == {
        "run.json",
        "model-3.safetensors",
        "history.jsonl",
        "scores.json",
        "latents-test.npz",
        "latents-train.npz",
    }
    document = json.loads((run.record.folder / "run.json").read_text())
    assert (document["format"], document["state"], document["epoch"]) == (1, "finished", 3)
    assert document["id"] == run.id == run.record.folder.name
    assert document["data"]["fingerprint"] == catalog.fingerprint("digits")
    assert document["data"]["class_names"] == [str(k) for k in range(10)]
    assert document["parameters"] == (64 * 32 + 32) + 2 * (32 * 2 + 2) + (2 * 32 + 32) + (32 * 64 + 64)
    assert set(document["versions"]) == {"python", "torch", "numpy", "safetensors", "scikit-learn"}
    assert RunConfig.make(document["config"]) == run.config
    assert document["reason"] is None
    assert not is_locked(run.record.folder)


@pytest.mark.parametrize("family, network", ROWS)
def test_the_history_has_a_row_an_epoch(family: str, network: str, trained: Trained) -> None:
    run = trained(family=family, network=network)
    history = run.history()
    assert [row["epoch"] for row in history] == list(range(1, run.config.epochs + 1))
    for row in history:
        assert set(row) == {"epoch", "beta", "train", "validation", "seconds"}
        assert row["seconds"] > 0
        for split in ("train", "validation"):
            terms = row[split]
            others = FAMILIES[family].terms
            names = {"distortion", "rate", "rate_per_dimension", "objective", *(["terms"] if others else [])}
            assert set(terms) == names
            assert set(terms.get("terms", {})) == set(others)
            expected = run.config.pixel_weight * terms["distortion"]
            expected += sum(
                terms_of(run.config)[name] * value for name, value in terms.get("terms", {}).items()
            )
            if not run.has_posterior:
                assert terms["rate"] is None
                assert terms["rate_per_dimension"] is None
                assert terms["objective"] == pytest.approx(expected, rel=1e-6)
                continue
            assert len(terms["rate_per_dimension"]) == 2
            assert min(terms["rate_per_dimension"]) >= 0
            assert sum(terms["rate_per_dimension"]) == pytest.approx(terms["rate"], rel=1e-9)
            expected += run.config.beta * terms["rate"]
            assert terms["objective"] == pytest.approx(expected, rel=1e-6)


def test_the_last_row_is_the_stored_score(trained: Trained) -> None:
    run = trained()
    assert run.record.scores is not None
    last, stored = run.history()[-1]["validation"], run.record.scores["validation"]
    for name in ("distortion", "rate", "objective"):
        assert last[name] == pytest.approx(stored[name], rel=1e-6)


def test_without_a_validation_share_the_test_split_is_followed_under_its_own_name(trained: Trained) -> None:
    run = trained(validation=0)
    assert run.document.data.validation == 0
    assert run.record.scores is not None
    assert "validation" not in run.record.scores
    for row in run.history():
        assert set(row) == {"epoch", "beta", "train", "test", "seconds"}
    assert run.history()[-1]["test"]["distortion"] == pytest.approx(
        run.record.scores["test"]["distortion"], rel=1e-6
    )


def test_beta_warms_up(trained: Trained) -> None:
    history = trained(beta=8.0, warmup_epochs=2).history()
    assert [row["beta"] for row in history] == [4.0, 8.0, 8.0]
    first, second, last = (row["train"] for row in history)

    def effective(terms: dict[str, Any]) -> float:
        return (terms["objective"] - terms["distortion"]) / terms["rate"]

    # an average over the epoch's steps, of a beta that grows from 0 to 4, from 4 to 8, and stays at 8
    assert 0 < effective(first) < 4
    assert 4 < effective(second) < 8
    assert effective(last) == pytest.approx(8, rel=1e-4)
    # the held-out objective is at the final beta in every row: one curve, one weight
    for row in history:
        assert effective(row["validation"]) == pytest.approx(8)


def test_of_every_few_epochs_there_is_a_row_and_of_the_last(
    trained: Trained, store: Path, small: Small
) -> None:
    run = trained(epochs=7, report_every=3)
    every = trained(epochs=7)
    assert [row["epoch"] for row in run.history()] == [3, 6, 7]
    assert (run.document.epoch, run.document.weights) == (7, "model-7.safetensors")
    assert _weights(run) == _weights(every)  # what is not looked at does not change
    for row in run.history():
        expected = every.history()[row["epoch"] - 1]
        assert {**row, "seconds": 0} == {**expected, "seconds": 0}


def test_a_batch_of_0_is_all_images_and_one_step_an_epoch(store: Path, small: Small) -> None:
    steps: list[tuple[int, int, int]] = []
    run = train(small(batch_size=0), store=store, hooks=Hooks(on_step=lambda *one: steps.append(one)))
    assert steps == [(1, 1, 1), (2, 1, 1), (3, 1, 1)]
    whole = train(small(batch_size=run.document.data.train), store=store)
    first, second = (one.history()[0]["train"]["rate"] for one in (run, whole))
    assert first == pytest.approx(second, rel=1e-5)  # the first step has the same weights, in any order


@pytest.mark.parametrize(
    "schedule, epoch, expected",
    [
        ("constant", 0, 0.2),
        ("constant", 10, 0.2),
        ("cosine", 0, 0.2),
        ("cosine", 2.5, 0.2 * (1 + math.sqrt(0.5)) / 2),
        ("cosine", 5, 0.1),
        ("cosine", 10, 0),
        ("cosine", 11, 0),
    ],
)
def test_the_learning_rate_follows_its_schedule(schedule: str, epoch: float, expected: float) -> None:
    config = RunConfig.make({"schedule": schedule, "learning_rate": 0.2, "epochs": 10})
    assert math.isclose(learning_rate_at(config, epoch), expected, abs_tol=1e-12)


def test_steps_have_the_learning_rate_of_their_place(small: Small) -> None:
    """Adam's first step is the learning rate times the sign of the gradient, whatever that rate is by then."""
    torch.manual_seed(0)
    config = small(schedule="cosine", learning_rate=0.1, epochs=4, batch_size=64)
    pixels, _ = split_tensors(catalog.load("digits", "train").select(range(64)), config, device=CPU)
    model = build_model(config, (1, 8, 8))
    before = model.mean.bias.detach().clone()  # type: ignore[union-attr, operator]
    train_epoch(model, Descent(model, config), pixels, config, epoch=3)
    moved = (model.mean.bias.detach() - before).abs()  # type: ignore[union-attr, operator]
    torch.testing.assert_close(moved, torch.full_like(moved, 0.05), rtol=1e-3, atol=0)


@pytest.mark.parametrize("settings", [{"precision": "bf16"}, {"likelihood": "gaussian"}, {"latent": 5}])
def test_other_settings_train_too(settings: dict[str, Any], trained: Trained) -> None:
    run = trained(**settings)
    assert run.history()[-1]["validation"]["objective"] < run.history()[0]["validation"]["objective"]
    assert all(tensor.dtype == torch.float32 for tensor in run.model.state_dict().values())


def test_hooks_hear_of_every_step_and_epoch(store: Path, small: Small) -> None:
    heard: list[tuple[str, Any]] = []
    hooks = Hooks(
        on_start=lambda run_id, config: heard.append(("start", run_id)),
        on_step=lambda *step: heard.append(("step", step)),
        on_epoch=lambda row: heard.append(("epoch", row["epoch"])),
        on_stage=lambda text: heard.append(("stage", text)),
    )
    run = train(small(epochs=2, batch_size=500), store=store, hooks=hooks)
    steps = [("step", (epoch, step, 3)) for epoch in (1, 2) for step in (1, 2, 3)]
    assert heard == [
        ("stage", "Loading data"),
        ("start", run.id),
        *steps[:3],
        ("epoch", 1),
        *steps[3:],
        ("epoch", 2),
        ("stage", "Scoring"),
    ]


def test_while_it_trains_a_run_reads_running_and_its_last_epoch_opens(store: Path, small: Small) -> None:
    seen: list[tuple[Any, ...]] = []

    def look(row: dict[str, Any]) -> None:
        (record,) = list_runs(store)
        run = open_run(record.id, store=store, device="cpu")
        shape = run.decode(np.zeros((1, 2))).shape
        epoch = run.document.epoch
        assert run.document.weights == f"model-{epoch}.safetensors"
        # those of one epoch before are still there: a reader may have met the run.json that names them
        kept = {item.name for item in record.folder.glob("*.safetensors")}
        assert kept == {f"model-{epoch}.safetensors", f"model-{epoch - 1}.safetensors"}
        seen.append((record.state, len(run.history()), epoch, shape))

    train(small(), store=store, hooks=Hooks(on_epoch=look))
    assert seen == [("running", epoch, epoch, (1, 1, 8, 8)) for epoch in (1, 2, 3)]


def test_training_leaves_the_callers_threads_as_they_were(store: Path, small: Small) -> None:
    seen: list[int] = []
    torch.set_num_threads(2)
    try:
        train(
            small(threads=1),
            store=store,
            hooks=Hooks(on_epoch=lambda _: seen.append(torch.get_num_threads())),
        )
        assert seen == [1, 1, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_names_and_notes_of_origin(store: Path, small: Small) -> None:
    run = train(small(epochs=1), name="../../<b>x</b>\u202e", store=store, recipe="digits-vae", sweep="s-1")
    assert run.name == "../../<b>x</b>"
    assert run.record.folder.parent == store
    assert (run.document.recipe, run.document.sweep, run.document.bundled) == ("digits-vae", "s-1", False)
    assert train(small(epochs=1), store=store).name == "vae"
    assert train(small(epochs=1), store=store, recipe="digits-vae").name == "digits-vae"
    assert core.train(small(epochs=1), name="By the door").record.folder.parent == store


def test_latents_can_be_left_out(store: Path, small: Small) -> None:
    run = train(small(epochs=1), store=store, keep_latents=False)
    assert not list(run.record.folder.glob("latents-*"))
    assert run.record.scores is not None


# ---- refusals before anything is written


@pytest.mark.parametrize(
    "settings, options, error, says",
    [
        ({"batch_size": 1294}, {}, ConfigError, "more than the 1293 training images"),
        ({"pad": 4}, {}, ConfigError, "cannot be padded"),
        ({"dataset": "mnist"}, {}, DataMissing, "mnist"),
        ({"dataset": "cats"}, {}, DataError, "no data set 'cats'"),
        ({"device": "cuda:77"}, {}, ConfigError, "not here"),
        ({}, {"name": ""}, ConfigError, "cannot be empty"),
        ({}, {"name": "x" * 200}, ConfigError, "at most 120"),
        ({}, {"run_id": "../x"}, CheckpointError, "no run id"),
        ({}, {"run_id": 5}, CheckpointError, "no run id"),
        ({}, {"name": 5}, ConfigError, "A run's name is a text, not 5"),
        ({}, {"recipe": 5}, ConfigError, "'recipe' is a text, not 5"),
        ({}, {"sweep": 5}, ConfigError, "'sweep' is a text, not 5"),
        ({}, {"hooks": print}, ConfigError, "'hooks' is a core.training.run.Hooks"),
        (
            {},
            {"epochs": 5},
            ConfigError,
            "no option 'epochs': .* settings are changed with config.with_settings",
        ),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(
    settings: dict[str, Any],
    options: dict[str, Any],
    error: type[Exception],
    says: str,
    store: Path,
    small: Small,
    monkeypatch: pytest.MonkeyPatch,
    sentence: Sentence,
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(store / "no-data"))
    with pytest.raises(error, match=says) as caught:
        core.train(small(**settings), store=store, **options)
    sentence(caught.value)
    assert list(store.iterdir()) == []


@pytest.mark.parametrize("config", [None, "digits-vae", {"epochs": 1}, recipe("digits-vae")], ids=repr)
def test_what_is_no_config_is_one_sentence(config: Any, store: Path, sentence: Sentence) -> None:
    with pytest.raises(ConfigError, match="A run is trained from a RunConfig") as error:
        core.train(config, store=store)
    sentence(error.value)
    assert list(store.iterdir()) == []


def test_a_store_may_be_named_by_a_text(store: Path, small: Small) -> None:
    assert core.train(small(epochs=1), store=str(store / "new")).record.folder.parent == store / "new"


# ---- ends otherwise than hoped


@pytest.fixture
def nan_in_epoch(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str], None]:
    """Make a term of the objective NaN from the given epoch on (11 steps an epoch)."""

    def arrange(epoch: int, term: str) -> None:
        real, steps = objectives.elbo, iter(range(10**9))

        def poisoned(
            model: Any, x: torch.Tensor, noise: torch.Tensor, config: RunConfig, **told: Any
        ) -> objectives.Terms:
            out = real(model, x, noise, config)
            if model.training and next(steps) >= 11 * (epoch - 1):
                return out._replace(**{term: getattr(out, term) * math.nan})
            return out

        monkeypatch.setattr(objectives, "elbo", poisoned)

    return arrange


@pytest.mark.parametrize("term", ["distortion", "rate_per_dimension"])
@pytest.mark.parametrize("epoch", [1, 3])
def test_a_loss_that_is_not_finite_keeps_the_last_good_weights(
    epoch: int,
    term: str,
    store: Path,
    small: Small,
    nan_in_epoch: Callable[[int, str], None],
    sentence: Sentence,
) -> None:
    nan_in_epoch(epoch, term)
    with pytest.raises(Diverged, match=f"not finite in epoch {epoch}") as error:
        train(small(epochs=5, batch_size=128), store=store)
    record = read_record(_only(store))
    assert (record.state, record.reason) == ("diverged", sentence(error.value))
    assert "learning_rate" in (record.reason or "")
    run = open_run(record.folder, device="cpu")
    assert run.document.epoch == epoch - 1
    assert [row["epoch"] for row in run.history()] == list(range(1, epoch))
    assert all(torch.isfinite(tensor).all() for tensor in run.model.state_dict().values())
    assert np.isfinite(run.decode(np.zeros((1, 2)))).all()
    assert not is_locked(record.folder)


def test_the_last_good_weights_are_those_of_the_same_run_stopped_there(
    store: Path, small: Small, nan_in_epoch: Callable[[int, str], None]
) -> None:
    torch.set_num_threads(1)
    good = train(small(epochs=2, batch_size=128), store=store / "good")
    nan_in_epoch(3, "distortion")
    with pytest.raises(Diverged):
        train(small(epochs=5, batch_size=128), store=store / "bad")
    assert _weights(open_run(_only(store / "bad"), device="cpu")) == _weights(good)


def test_a_step_size_that_blows_up_is_caught(store: Path, small: Small) -> None:
    # without a bound on log-variances, sigma overflows within a few steps
    with pytest.raises(Diverged):
        train(small(epochs=20, learning_rate=10, batch_size=16), store=store)
    record = read_record(_only(store))
    assert record.state == "diverged"
    run = open_run(record.folder, device="cpu")
    assert len(run.history()) == run.document.epoch
    assert all(torch.isfinite(tensor).all() for tensor in run.model.state_dict().values())


def test_a_held_out_loss_that_is_not_finite_is_caught_too(
    store: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = objectives.elbo, []

    def poisoned(model: Any, *arguments: Any, **told: Any) -> objectives.Terms:
        out = real(model, *arguments)
        if not model.training:
            seen.append(1)
            if len(seen) == 2:
                return out._replace(distortion=out.distortion * math.inf)
        return out

    monkeypatch.setattr(objectives, "elbo", poisoned)
    with pytest.raises(Diverged, match="epoch 2"):
        train(small(), store=store)
    assert open_run(_only(store)).document.epoch == 1


@pytest.mark.parametrize("place", ["on_start", "on_step", "on_epoch", "on_stage"])
@pytest.mark.parametrize(
    "error, state, says",
    [
        (KeyboardInterrupt(), "stopped", "Stopped by hand after epoch"),
        (RuntimeError("secret detail"), "failed", "RuntimeError in training."),
        (SystemExit(3), "failed", "SystemExit in training."),
        (CheckpointError("The disk is full."), "failed", "The disk is full."),
    ],
)
def test_a_run_that_was_stopped_or_failed_says_so(
    place: str, error: BaseException, state: str, says: str, store: Path, small: Small
) -> None:
    calls: list[object] = []

    def raise_it(*arguments: Any) -> None:
        calls.append(arguments)
        if place != "on_stage" or arguments == ("Scoring",):
            raise error

    with pytest.raises(type(error)):
        train(small(), store=store, hooks=Hooks(**{place: raise_it}))
    record = read_record(_only(store))
    assert record.state == state
    assert says in (record.reason or "")
    epoch = {"on_start": 0, "on_step": 0, "on_epoch": 1, "on_stage": 3}[place]
    run = open_run(record.folder, device="cpu")
    assert run.document.epoch == epoch
    assert len(run.history()) == epoch
    assert np.isfinite(run.decode(np.zeros((1, 2)))).all()
    assert not is_locked(record.folder)


def test_a_killed_process_leaves_a_run_that_reads_interrupted_and_opens(store: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from core.config import RunConfig
from core.training.run import Hooks, train
def die(row):
    if row["epoch"] == 2:
        os._exit(9)
config = RunConfig.make({"hidden": (8,), "epochs": 5, "threads": 1, "device": "cpu"})
train(config, store=Path(sys.argv[1]), hooks=Hooks(on_epoch=die))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(store)], cwd=Path(core.__file__).parents[1], check=False
    )
    assert done.returncode == 9
    record = read_record(_only(store))
    assert record.state == "interrupted"
    assert "epoch 2" in (record.reason or "")
    run = open_run(record.folder, device="cpu")
    assert len(run.history()) == 2
    assert run.decode(np.zeros((1, 2))).shape == (1, 1, 8, 8)


# ---- sweeps


def test_a_sweep_is_one_config_a_beta(small: Small) -> None:
    config = small(seed=4)
    configs = sweep_configs(config, [2.0, 0.0, 0.5])
    assert [one.beta for one in configs] == [2.0, 0.0, 0.5]
    for one in configs:
        assert one.with_settings({"beta": 1.0}) == config


@pytest.mark.parametrize(
    "settings, betas, says",
    [
        ({}, [], "at least one beta"),
        ({}, [1.0, 1.0], "stand once"),
        ({}, [1.0, -1.0], "'beta' cannot be -1"),
        ({}, [math.nan], "'beta' cannot be nan"),
        ({"family": "ae"}, [1.0], "no beta to sweep"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_before_anything_trains(
    settings: dict[str, Any],
    betas: list[float],
    says: str,
    store: Path,
    small: Small,
    sentence: Sentence,
) -> None:
    with pytest.raises(ConfigError, match=says) as error:
        sweep(small(**settings), betas, name="S", store=store)
    sentence(error.value)
    assert list(store.iterdir()) == []


def test_the_runs_of_a_sweep_are_found_by_its_name(store: Path, small: Small) -> None:
    runs = sweep(small(epochs=1), [0.5, 2.0], name="Mine", store=store, recipe="digits-vae")
    assert [run.name for run in runs] == ["Mine, beta 0.5", "Mine, beta 2"]
    assert len({run.document.sweep for run in runs}) == 1
    assert runs[0].document.sweep
    assert len({run.id for run in runs}) == 2
