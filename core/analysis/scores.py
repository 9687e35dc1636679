"""The table of scores: what each number is, its unit, and which direction is better."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Score:
    """One row of the table."""

    title: str
    unit: str
    direction: Literal["lower", "higher"] | None
    """Which is better; None where more is neither."""
    sentence: str


SCORES: dict[str, Score] = {
    "distortion": Score(
        "Distortion D",
        "nats per image",
        "lower",
        "-log p(x given z), one seeded draw z ~ q(z given x) an image.",
    ),
    "distortion_standard_error": Score(
        "Standard error of D",
        "nats per image",
        "lower",
        "Of the draws of z, given these images; needs two draws.",
    ),
    "rate": Score("Rate R", "nats per image", None, "KL of q(z given x) from the prior N(0, I)."),
    "negative_elbo": Score("Negative ELBO", "nats per image", "lower", "D + R."),
    "objective": Score(
        "Objective",
        "nats per image",
        None,
        "D + beta R (free bits counted) and, with their weights, the other terms: what training minimised.",
    ),
    "excess_distortion": Score(
        "Excess distortion",
        "nats per image",
        "lower",
        "D - H(x): what grey pixels under a Bernoulli leave to gain.",
    ),
    "distortion_at_mean": Score(
        "Distortion at the mean", "nats per image", "lower", "-log p(x given z = mu): not a term of the ELBO."
    ),
    "squared_error_at_mean": Score(
        "Squared error at the mean",
        "per pixel",
        "lower",
        "Mean square of x minus its reconstruction at the mean.",
    ),
    "reconstruction_weight": Score(
        "Reconstruction weight",
        "dimensionless",
        None,
        "w = n / beta: the same objective as w * mean BCE + KL.",
    ),
    "weighted_reconstruction": Score(
        "Weighted reconstruction",
        "dimensionless",
        None,
        "w D / n, the reconstruction term where w is written.",
    ),
    "weighted_objective": Score(
        "Weighted objective", "dimensionless", None, "w D / n + R, the objective where w is written."
    ),
    "beta": Score("Beta", "dimensionless", None, "Weight of the rate in the objective."),
    "active_units": Score(
        "Active units",
        "dimensions",
        None,
        "Dimensions whose mean varies over images by more than 0.01 (variance).",
    ),
    "rate_per_dimension": Score(
        "Rate per dimension", "nats per image", None, "R, split by latent dimension."
    ),
    "mean_square_of_means": Score("E[mu^2]", "dimensionless", None, "Per dimension, over images."),
    "mean_variance": Score("E[sigma^2]", "dimensionless", None, "Per dimension, over images."),
    "sparsity": Score(
        "Sparsity penalty",
        "nats",
        "lower",
        "Sum over units of KL(rho from mean activation), over the whole split; unweighted.",
    ),
    "contraction": Score(
        "Contraction",
        "squared activation per squared pixel value",
        None,
        "Squared Frobenius norm of the encoder's Jacobian, averaged over images; unweighted.",
    ),
    "mmd": Score(
        "Squared MMD",
        "dimensionless",
        "lower",
        "Between decoded draws from the prior and the images of the whole split, unbiased, so below 0 too; unweighted.",
    ),
    "sigma": Score(
        "Sigma, learned",
        "pixel values",
        None,
        "Standard deviation of the Gaussian likelihood, one for all pixels, as training left it.",
    ),
    "squared_weights": Score(
        "Squared weights",
        "dimensionless",
        None,
        "Sum of squares of all weights, biases left out; unweighted.",
    ),
    "feature_distortion": Score(
        "Feature distortion",
        "nats per image",
        "lower",
        "Half the squared distance between the features that the run's own discriminator has of an image and of its "
        "reconstruction; unweighted. Each run has features of its own.",
    ),
    "adversarial": Score(
        "Adversarial loss",
        "nats per image",
        None,
        "What the decoder pays for images that the discriminator finds out, -log of the share of 'real'; unweighted.",
    ),
    "discrimination": Score(
        "Discriminator's loss",
        "nats per image",
        None,
        "Cross-entropy of the discriminator; log 2 = 0.693 is one that guesses.",
    ),
    "discriminator_accuracy": Score(
        "Discriminator's accuracy",
        "share of images, 0 to 1",
        None,
        "Share of right answers over as many real images as made ones; 0.5 is one that guesses, near 1 it has won.",
    ),
    "mean_activation": Score(
        "Mean activation",
        "dimensionless, 0 to 1",
        None,
        "Of each unit, over images; rho is what sparsity asks.",
    ),
    "code_variance": Score(
        "Code variance",
        "dimensionless",
        None,
        "Variance of each unit over images, summed over units; 0 is dead.",
    ),
    "code_correlation": Score(
        "Correlation of codes",
        "dimensionless, 0 to 1",
        None,
        "Largest absolute correlation of two latent dimensions over images; 0 for PCA's on its training images.",
    ),
    "explained_variance": Score(
        "Explained variance",
        "squared pixel values",
        None,
        "Variance of each principal component over images (N - 1): on the training images an eigenvalue.",
    ),
    "explained_variance_ratio": Score(
        "Explained variance, share",
        "dimensionless, 0 to 1",
        None,
        "Variance of each principal component over the variance of all pixels together.",
    ),
    "pixels": Score("Pixels n", "values per image", None, "Channels x height x width, padding counted."),
    "images": Score("Images", "images", None, "Images that were scored."),
}


def units() -> dict[str, str]:
    """Unit of each score, by name."""
    return {name: score.unit for name, score in SCORES.items()}


def directions() -> dict[str, str | None]:
    """'lower is better', 'higher is better' or None, by name."""
    return {
        name: f"{score.direction} is better" if score.direction else None for name, score in SCORES.items()
    }
