"""The one statement of every setting of a run: it feeds the command line, the pages and the checkpoint.

Words and units: beta multiplies the rate, `objective = D + beta R` in nats per image. The equivalent
"reconstruction weight" w of sources that write `w * mean over n pixels + KL` is n / beta.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from core.errors import ConfigError
from core.families import FAMILIES, family
from core.settings import Settings, mapping, none_text


def _split(value: object) -> object:
    """'400,200' and [400, 200] both mean (400, 200): a command line has only text."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    return value


Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=16384)], ...], BeforeValidator(_split)]
OptionalSize = Annotated[Annotated[int, Field(ge=4, le=1024)] | None, BeforeValidator(none_text)]


KEEPING = ("checkpoint_epochs", "checkpoint_minutes", "keep_every")
"""Settings that say what is stored on the way, and change nothing of what is trained."""


class RunConfig(Settings):
    """Every setting of a run, in one flat block; JSON both ways.

    Raises:
        ConfigError: from `make` and `with_settings`, when a key is unknown or a value does not fit.
    """

    dataset: str = Field(
        default="digits", description="data set, by its name in the catalogue", max_length=64
    )
    pad: OptionalSize = Field(
        default=None,
        description="side in pixels to pad images to with zeros, or none",
        json_schema_extra={"allowed": "none, or a whole number from 4 to 1024"},
    )
    validation: float = Field(
        default=0.1,
        ge=0,
        le=0.5,
        description="share of the training set held out; 0 follows the test split instead",
    )

    family: str = Field(
        default="vae",
        description="kind of model: a row of core/families.py",
        json_schema_extra={"allowed": ", ".join(FAMILIES)},
    )
    network: Literal["mlp", "conv"] = Field(default="mlp", description="fully connected or convolutional")
    hidden: Widths = Field(
        default=(128,),
        description="mlp: width of each layer; conv: channels of each stride-2 layer",
        max_length=16,
        json_schema_extra={
            "allowed": "whole numbers from 1 to 16384 with commas between, at most 16 of them"
        },
    )
    latent: int = Field(default=2, ge=1, le=1024, description="latent dimensions")
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh"] = Field(
        default="relu", description="nonlinearity after every hidden layer"
    )
    likelihood: Literal["bernoulli", "gaussian"] = Field(
        default="bernoulli", description="p(x given z): Bernoulli on logits, or Gaussian with fixed sigma"
    )
    # squared error is a Gaussian with sigma^2 = 1/2, the likelihood that most sources mean by "MSE"
    sigma: float = Field(
        default=math.sqrt(0.5),
        gt=0,
        le=100,
        description="standard deviation of the Gaussian likelihood, pixel units",
    )
    beta: float = Field(
        default=1.0, ge=0, le=1e6, description="weight of the rate in the objective; w = n / beta"
    )
    warmup_epochs: float = Field(
        default=0.0, ge=0, le=1e5, description="epochs over which beta grows from 0, linearly"
    )

    free_bits: float = Field(
        default=0.0,
        ge=0,
        le=1e3,
        description="nats that each latent dimension may cost for nothing: the objective counts max(free_bits, R_j)",
    )
    output: Literal["linear", "sigmoid"] = Field(
        default="linear",
        description="mean of the Gaussian likelihood: as the network gives it, or through a sigmoid, within [0, 1]",
    )
    learn_sigma: bool = Field(
        default=False, description="sigma of the Gaussian likelihood is trained too, from `sigma` on"
    )
    binarise: Literal["none", "fixed", "sampled"] = Field(
        default="none",
        description="pixels as they are, 1 from 0.5 on and else 0, or drawn as Bernoulli(x), anew each training step",
    )
    mmd_weight: float = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="lambda: weight of the squared MMD between decoded draws from the prior and the images",
    )
    mmd_bandwidth: float = Field(
        default=0.0,
        ge=0,
        le=1e4,
        description="s of the MMD's kernel exp(-|x - y|^2 / (2 s^2)); 0: median distance of training images",
    )

    l2: float = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="weight of the sum of squared weights (biases left out) in the objective",
    )
    corruption: Literal["gaussian", "masking", "salt_and_pepper"] = Field(
        default="gaussian",
        description="what is done to the images that a denoising autoencoder encodes",
    )
    corruption_level: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="standard deviation of Gaussian noise in pixel units, or share of values masked or replaced",
    )
    sparsity_weight: float = Field(
        default=0.0, ge=0, le=1e6, description="beta_s: weight of the sparsity penalty, nats a batch"
    )
    sparsity_target: float = Field(
        default=0.05, gt=0, lt=1, description="rho: the mean activation that each unit is drawn to"
    )
    contraction_weight: float = Field(
        default=0.0, ge=0, le=1e6, description="lambda: weight of the squared norm of the encoder's Jacobian"
    )
    tied: bool = Field(
        default=False, description="the decoder is the encoder's matrix, transposed; needs hidden to be empty"
    )

    pixel_weight: float = Field(
        default=1.0,
        ge=0,
        le=1e6,
        description="weight of D, the distortion of pixels, in a VAE-GAN's objective",
    )
    feature_weight: float = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="weight of the distortion of the discriminator's features in a VAE-GAN's objective",
    )
    adversarial_weight: float = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="weight of what a VAE-GAN's decoder pays for images that its discriminator finds out",
    )

    optimiser: Literal["adam", "adamw"] = Field(default="adam", description="update rule")
    learning_rate: float = Field(default=1e-3, gt=0, le=10, description="step size of the optimiser")
    weight_decay: float = Field(default=0.0, ge=0, le=10, description="AdamW's decoupled decay")
    schedule: Literal["constant", "cosine"] = Field(
        default="constant",
        description="learning rate over the steps: as it is, or down to 0 by half a cosine",
    )
    batch_size: int = Field(
        default=128, ge=0, le=1_000_000, description="images a step; 0 takes all training images at once"
    )
    epochs: int = Field(default=10, ge=1, le=1_000_000, description="passes over the training images")
    report_every: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        description="epochs from one row of history and held-out score to the next; the last has both",
    )
    checkpoint_epochs: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        description="epochs from one checkpoint to the next, each at a row of history (report_every); the last has one",
    )
    checkpoint_minutes: float = Field(
        default=10.0,
        ge=0,
        le=1e5,
        description="minutes without a checkpoint after which there is one in the middle of an epoch; 0: never",
    )
    keep_every: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="the weights of each so many epochs stay, besides the last and the best; 0: those two alone",
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="of weights, shuffling and noise")

    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        description="auto (a CUDA GPU if there is one, else the CPU), cpu, cuda or cuda:0, cuda:1, ...",
        json_schema_extra={"allowed": "auto, cpu, cuda, cuda:0, cuda:1, ..."},
    )
    precision: Literal["fp32", "bf16"] = Field(
        default="fp32",
        description="of the arithmetic in training; weights and scores stay fp32; bf16 is slow on a CPU without it",
    )
    threads: int = Field(default=0, ge=0, le=1024, description="CPU threads; 0 leaves the choice to torch")

    @model_validator(mode="before")
    @classmethod
    def _takes_the_familys_defaults(cls, values: Any) -> Any:
        name = values.get("family", cls.model_fields["family"].default) if isinstance(values, dict) else None
        row = FAMILIES.get(name) if isinstance(name, str) else None
        return values if row is None else {**row.defaults, **row.fixed, **values}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        row = family(self.family)
        if self.network not in row.networks:
            raise ConfigError(
                f"Family '{row.name}' has no network '{self.network}': choose one of {', '.join(row.networks)}."
            )
        for key in row.ignores:
            if getattr(self, key) != type(self).model_fields[key].default:
                others = ", ".join(other.name for other in FAMILIES.values() if key not in other.ignores)
                raise ConfigError(
                    f"'{key}' means nothing to family '{row.name}': leave it out, or choose a family that uses it: "
                    f"{others}."
                )
        for key, value in row.fixed.items():
            if getattr(self, key) != value:
                others = ", ".join(other.name for other in FAMILIES.values() if key not in other.fixed)
                raise ConfigError(
                    f"'{key}' is always {'empty' if value == () else value} in family '{row.name}': leave it out, or "
                    f"choose a family that lets you set it: {others}."
                )
        if self.tied and (self.hidden or self.network != "mlp"):
            raise ConfigError(
                "Tied weights are those of an encoder of one layer: set hidden to nothing (hidden=), or tied=false."
            )
        if self.output != "linear" and (self.likelihood != "gaussian" or self.tied or row.linear):
            raise ConfigError(
                "A sigmoid at the output is for the mean of a Gaussian that a network gives (a Bernoulli has its own, "
                "a linear or tied decoder none): set output=linear."
            )
        if self.learn_sigma and self.likelihood != "gaussian":
            raise ConfigError(
                "Only a Gaussian likelihood has a sigma to learn: set likelihood=gaussian, or learn_sigma=false."
            )
        if self.binarise != "none" and self.likelihood != "bernoulli":
            raise ConfigError(
                "Binary pixels want a Bernoulli likelihood: set likelihood=bernoulli, or binarise=none."
            )
        if self.mmd_bandwidth and not self.mmd_weight:
            raise ConfigError(
                "mmd_bandwidth is of the MMD's kernel, and its weight is 0: set mmd_weight, or leave mmd_bandwidth out."
            )
        if self.network == "conv" and not self.hidden:
            raise ConfigError(
                "A conv network needs at least one layer: set hidden to channels such as 32,64,128."
            )
        if self.weight_decay and self.optimiser != "adamw":
            raise ConfigError(
                "weight_decay is AdamW's decoupled decay: set optimiser=adamw, or weight_decay=0."
            )
        return self

    def with_settings(self, settings: dict[str, Any]) -> Self:
        """Return a copy with some settings changed, validated like new.

        Another family brings its own defaults, and leaves behind what only the one before it uses.

        Raises:
            ConfigError: as `make`.
        """
        changes, values = mapping(settings), self.to_json()
        if changes.get("family", self.family) != self.family:
            after = family(changes["family"])
            own = {*family(self.family).defaults, *family(self.family).fixed}
            for key in {*own, *after.defaults, *after.fixed, *after.ignores, *after.uses}:
                values.pop(key, None)
        return type(self).make({**values, **changes})

    def counted_rate(self, rates: Sequence[float]) -> float:
        """R as the objective counts it, from the rate of each dimension averaged over images, nats: `free_bits`."""
        return float(sum(max(self.free_bits, rate) for rate in rates) if self.free_bits else sum(rates))

    def comes_due(self, every: int, epoch: int) -> bool:
        """Whether what is done each `every` epochs is done at this one: rows of history are the only times for it."""
        before = (epoch - 1) // self.report_every * self.report_every
        return every > 0 and epoch > 0 and epoch // every > before // every

    def has_row(self, epoch: int) -> bool:
        """Whether an epoch ends with a row of history."""
        return epoch % self.report_every == 0 or epoch == self.epochs

    def step_size(self, images: int) -> int:
        """Images of a step, of so many training images: `batch_size`, or all where it is 0."""
        return self.batch_size or images

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON: `make(to_json())` gives the config back."""
        return self.model_dump(mode="json")


def reconstruction_weight(beta: float, pixels: int) -> float | None:
    """Weight w of a source that minimises `w * mean BCE over pixels + KL`: n / beta, None (infinite) at beta 0."""
    weight = pixels / beta if beta > 0 else math.inf
    return weight if math.isfinite(weight) else None


def beta_of_weight(weight: float, pixels: int) -> float:
    """Beta that equals a reconstruction weight: n / w."""
    return pixels / weight
