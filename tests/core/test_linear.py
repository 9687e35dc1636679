"""Linear codes: PCA against scikit-learn, and the trained linear autoencoder against PCA."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

from core.cli import main
from core.config import RunConfig
from core.data import catalog
from core.encoding import build_model
from core.errors import ConfigError
from core.recipes import recipe
from core.runs import Run, open_run
from core.training.loop import epochs
from core.training.run import train
from tests.core.shared import Trained

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
X = catalog.load("digits", "train").pixels.reshape(1437, 64) / 255


def bundled(family: str, latent: int) -> Run:
    return open_run(
        CHECKPOINTS / f"bundled-digits-{family}{'' if latent == 2 else f'-{latent}d'}", device="cpu"
    )


def decoder_of(run: Run) -> np.ndarray:
    """(64, L): what a step along each code axis adds to an image."""
    decode = run.model.decode
    with torch.no_grad():
        steps = decode(torch.eye(run.latent)) - decode(torch.zeros(1, run.latent))  # type: ignore[operator]
    return steps.flatten(1).numpy().T


def squared_error(run: Run) -> float:
    """Of the training images, per image, without the clipping of pictures."""
    x = torch.from_numpy(X).float().unflatten(1, (1, 8, 8))
    with torch.no_grad():
        again = run.model.decode(run.model.encode(x)[0])  # type: ignore[operator]
    return float((again - x).double().square().flatten(1).sum(1).mean())


@pytest.mark.parametrize("latent", [2, 8])
def test_pca_is_scikit_learns(latent: int) -> None:
    run, reference = bundled("pca", latent), PCA(latent, svd_solver="full").fit(X)
    np.testing.assert_allclose(decoder_of(run).T, reference.components_, atol=1e-6)
    codes = run.encode((X[:50] * 255).round().astype(np.uint8).reshape(-1, 1, 8, 8))[0]
    np.testing.assert_allclose(codes, reference.transform(X[:50]), atol=1e-5)
    scores = run.record.scores["train"]  # type: ignore[index]
    np.testing.assert_allclose(scores["explained_variance"], reference.explained_variance_, rtol=1e-5)
    np.testing.assert_allclose(
        scores["explained_variance_ratio"], reference.explained_variance_ratio_, rtol=1e-5
    )
    assert scores["explained_variance"] == sorted(scores["explained_variance"], reverse=True)
    assert scores["code_correlation"] < 1e-5
    # what is left is what the components do not explain
    left = X.var(0).sum() - 1436 / 1437 * reference.explained_variance_.sum()
    assert squared_error(run) == pytest.approx(left, rel=1e-5)
    assert (len(run.history()), run.document.epoch) == (1, 1)
    assert run.history()[0]["train"]["distortion"] == pytest.approx(scores["distortion"], rel=1e-6)
    assert run.document.parameters == 64 * latent + 64


@pytest.mark.parametrize("latent", [2, 8])
def test_the_linear_autoencoder_found_the_subspace_of_pca(latent: int) -> None:
    """Baldi and Hornik 1989: the least squared error of two linear layers is that of PCA, in any basis."""
    run, reference = bundled("linear", latent), PCA(latent, svd_solver="full").fit(X)
    angles = np.degrees(subspace_angles(decoder_of(run), reference.components_.T))
    assert len(angles) == latent
    assert angles.max() < 1
    least = np.square(X - reference.inverse_transform(reference.transform(X))).sum(1).mean()
    assert squared_error(run) == pytest.approx(least, rel=1e-3)
    # a basis of its own: the axes are correlated where those of PCA are not
    codes = run.latents("train").means.astype(np.float64)
    between = np.abs(np.corrcoef(codes.T))[np.triu_indices(latent, 1)].max()
    assert run.record.scores["train"]["code_correlation"] == pytest.approx(between, rel=1e-4)  # type: ignore[index]
    assert between > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("latent", [2, 8])
def test_a_linear_autoencoder_trained_anew_finds_it_too(latent: int, store: Path) -> None:
    run = train(recipe("digits-linear").config.with_settings({"latent": latent, "seed": 3}), store=store)
    reference = PCA(latent, svd_solver="full").fit(X)
    assert np.degrees(subspace_angles(decoder_of(run), reference.components_.T)).max() < 1
    least = np.square(X - reference.inverse_transform(reference.transform(X))).sum(1).mean()
    assert squared_error(run) == pytest.approx(least, rel=1e-3)
    assert len(run.history()) == 100


def test_a_linear_autoencoder_begins_at_the_mean_of_the_images() -> None:
    torch.manual_seed(0)
    model = build_model(RunConfig.make({"family": "linear", "latent": 3}), (1, 8, 8))
    pixels = torch.from_numpy(catalog.load("digits", "train").pixels.copy())
    model.begin(pixels)  # type: ignore[operator]
    codes = model.encode(pixels.float() / 255)[0].detach()  # type: ignore[operator]
    torch.testing.assert_close(codes.mean(0), torch.zeros(3), rtol=0, atol=1e-5)
    decoded = model.decode(torch.zeros(1, 3)).detach().flatten()  # type: ignore[operator]
    torch.testing.assert_close(decoded.double(), torch.from_numpy(X.mean(0)), rtol=0, atol=1e-6)


def test_pca_does_not_depend_on_the_seed_and_its_distortion_is_the_squared_error(trained: Trained) -> None:
    one, other = trained(family="pca", validation=0), trained(family="pca", validation=0, seed=5)
    np.testing.assert_array_equal(decoder_of(one), decoder_of(other))
    constant = 32 * np.log(np.pi)  # sigma^2 = 1/2: D is the squared error and this
    assert one.record.scores["train"]["distortion"] - constant == pytest.approx(squared_error(one), rel=1e-5)  # type: ignore[index]


def test_components_beyond_those_there_are_leave_no_folder(
    store: Path, sentence: Callable[[BaseException], str]
) -> None:
    config = RunConfig.make({"family": "pca", "latent": 65})
    with pytest.raises(ConfigError, match="latent 65 is more than the 64 components") as error:
        train(config, store=store)
    sentence(error.value)
    assert list(store.iterdir()) == []


def test_a_closed_form_counts_one_step(trained: Trained) -> None:
    config = RunConfig.make({"family": "pca"})
    steps: list[tuple[int, int, int]] = []
    pixels = torch.from_numpy(catalog.load("digits", "train").pixels[:100].copy())
    (row,) = epochs(build_model(config, (1, 8, 8)), pixels, config, on_step=lambda *one: steps.append(one))
    assert steps == [(1, 1, 1)]
    assert row["epoch"] == 1
    assert set(row) == {"epoch", "beta", "train", "seconds"}


def test_show_has_what_each_component_explains(
    bundled_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "bundled-digits-pca"]) == 0
    said = capsys.readouterr().out
    assert (
        "Explained variance (train, squared pixel values, largest first): z 1: 0.70087, z 2: 0.63518" in said
    )
    assert "Explained variance, share (train, dimensionless, 0 to 1, largest first): z 1: 0.14975" in said
