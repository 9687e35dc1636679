"""The table of families: read this first.

A family is a network x an objective x defaults: one row. A row names its builders as `module:function`,
so that this file, and all that only lists families, imports no torch.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from core.errors import ConfigError


@dataclass(frozen=True)
class Family:
    """One row of the table: a kind of model and what it can be asked."""

    name: str
    title: str
    sentence: str
    source: str
    model: str
    """`module:class`, called as (config, shape) with shape = (C, H, W) in padded pixels; with `classes=`, the number
    of classes, where it needs labels."""
    objective: str
    """`module:function`, see core/objectives.py."""
    networks: tuple[str, ...]
    has_posterior: bool
    needs_labels: bool = False
    """Whether the network is told the label: encode, decode and sample want one for each row."""
    uses: tuple[str, ...] = ()
    """Settings that mean something here and not to every family: elsewhere any value but the default is refused."""
    lacks: tuple[str, ...] = ()
    """Settings that mean something to most families and nothing here: any value but the default is refused"""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Settings that have one value here, and any other is refused"""
    sigmoid_code: bool = False
    """Whether codes are activations, each between 0 and 1: no other code is one that the encoder can give"""
    linear: bool = False
    """Whether encoder and decoder are affine maps, so that their subspace can be held against PCA's"""
    closed_form: bool = False
    """Whether the model's own `begin` fits it to the training images at once: there are no steps"""
    noise: Literal["latent", "pixels"] = "latent"
    """What the objective's noise is for: a draw of z, or the corruption of every pixel."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values of settings where nothing else is said, other than those of `RunConfig`."""
    keeps_best: bool = True
    """Whether the epoch of the lowest validation objective is the best: not where players move each other's"""
    training: str = "core.training.updates:Descent"
    """`module:class`, called as (model, config): it makes the steps of training."""
    terms: tuple[str, ...] = ()
    """Terms of the objective besides D, R and the penalty on weights: names of `core.objectives.TERMS`."""

    @property
    def ignores(self) -> tuple[str, ...]:
        """Settings that have no meaning here: what another family uses and this one does not, and what it lacks."""
        special = dict.fromkeys(key for row in FAMILIES.values() for key in row.uses)
        return (*(key for key in special if key not in self.uses), *self.lacks)

    @property
    def steadier(self) -> str:
        """What to train again with where training diverged, in words."""
        warmup = "" if "warmup_epochs" in self.ignores else ", a warm-up of beta (warmup_epochs),"
        return f"a smaller learning_rate{warmup} or another seed"


FAMILIES: dict[str, Family] = {
    row.name: row
    for row in (
        Family(
            name="vae",
            title="Variational autoencoder",
            sentence="Encodes an image as a Gaussian and minimises D + beta R; beta = 1 is the evidence bound.",
            source="Kingma and Welling 2014, arXiv:1312.6114; beta: Higgins et al. 2017",
            model="core.models.vae:Vae",
            objective="core.objectives:elbo",
            networks=("mlp", "conv"),
            has_posterior=True,
            uses=(
                "beta",
                "warmup_epochs",
                "free_bits",
                "learn_sigma",
                "binarise",
                "mmd_weight",
                "mmd_bandwidth",
            ),
        ),
        Family(
            name="cvae",
            title="Conditional variational autoencoder",
            sentence="A VAE told the label, one-hot, in both halves: it bounds log p(x given y) and samples any class.",
            source="Sohn, Lee and Yan 2015, NeurIPS 28; prior as in Kingma et al. 2014, arXiv:1406.5298",
            model="core.models.conditional:ConditionalVae",
            objective="core.objectives:elbo",
            networks=("mlp", "conv"),
            has_posterior=True,
            needs_labels=True,
            uses=("beta", "warmup_epochs"),
        ),
        Family(
            name="ae",
            title="Autoencoder",
            sentence="Encodes an image as a point and minimises D alone: no posterior, no prior, no rate.",
            source="Hinton and Salakhutdinov 2006, doi:10.1126/science.1127647",
            model="core.models.autoencoder:Autoencoder",
            objective="core.objectives:distortion_alone",
            networks=("mlp", "conv"),
            has_posterior=False,
        ),
        Family(
            name="coae",
            title="Convolutional autoencoder",
            sentence="An autoencoder of convolutions alone: a point for each image, D alone, no prior, no rate.",
            source="Masci et al. 2011, doi:10.1007/978-3-642-21735-7_7",
            model="core.models.autoencoder:Autoencoder",
            objective="core.objectives:distortion_alone",
            networks=("conv",),
            has_posterior=False,
            defaults={"network": "conv", "hidden": (32, 64, 128)},
        ),
        Family(
            name="dae",
            title="Denoising autoencoder",
            sentence="Encodes a corrupted image and minimises the D of the clean one: what noise cannot hide.",
            source="Vincent et al. 2008, doi:10.1145/1390156.1390294; 2010, JMLR 11",
            model="core.models.autoencoder:Autoencoder",
            objective="core.objectives:denoising",
            networks=("mlp", "conv"),
            has_posterior=False,
            uses=("corruption", "corruption_level"),
            noise="pixels",
        ),
        Family(
            name="sae",
            title="Sparse autoencoder",
            sentence="Encodes an image by many sigmoid units, few of them active: D + beta_s KL(rho from activation).",
            source="Ng 2011, CS294A lecture notes, section 3; Lee, Ekanadham and Ng 2007",
            model="core.models.autoencoder:SigmoidAutoencoder",
            objective="core.objectives:distortion_alone",
            networks=("mlp",),
            has_posterior=False,
            uses=("sparsity_weight", "sparsity_target"),
            defaults={"sparsity_weight": 1.0, "hidden": (), "latent": 100},
            sigmoid_code=True,
            terms=("sparsity",),
        ),
        Family(
            name="cae",
            title="Contractive autoencoder",
            sentence="Encodes an image by sigmoid units that hardly move when the image does: D + lambda ||J||^2.",
            source="Rifai et al. 2011, Contractive auto-encoders, ICML, equations 3 to 5",
            model="core.models.autoencoder:ContractiveAutoencoder",
            objective="core.objectives:distortion_alone",
            networks=("mlp",),
            has_posterior=False,
            uses=("contraction_weight", "tied"),
            defaults={"contraction_weight": 1.0, "hidden": (), "latent": 32},
            sigmoid_code=True,
            terms=("contraction",),
        ),
        Family(
            name="vaegan",
            title="VAE-GAN",
            sentence="A VAE whose images must be near in a discriminator's features, and must convince it.",
            source="Larsen et al. 2016, Autoencoding beyond pixels, arXiv:1512.09300",
            model="core.models.vaegan:VaeGan",
            objective="core.objectives:feature_elbo",
            networks=("conv", "mlp"),
            has_posterior=True,
            uses=("beta", "warmup_epochs", "pixel_weight", "feature_weight", "adversarial_weight"),
            defaults={
                "network": "conv",
                "hidden": (32, 64, 128),
                "pixel_weight": 0.0,
                "feature_weight": 1.0,
                "adversarial_weight": 1.0,
            },
            keeps_best=False,
            training="core.training.updates:Adversarial",
            terms=("feature_distortion", "adversarial", "discrimination", "discriminator_accuracy"),
        ),
        Family(
            name="linear",
            title="Linear autoencoder",
            sentence="One linear layer each way, trained on the squared error: it finds PCA's subspace, not its axes.",
            source="Baldi and Hornik 1989, doi:10.1016/0893-6080(89)90014-2",
            model="core.models.linear:LinearAutoencoder",
            objective="core.objectives:distortion_alone",
            networks=("mlp",),
            has_posterior=False,
            lacks=("activation",),
            fixed={"hidden": (), "likelihood": "gaussian"},
            linear=True,
        ),
        Family(
            name="pca",
            title="Principal component analysis",
            sentence="The linear code of least squared error in closed form, axes sorted by variance: no training.",
            source="Pearson 1901, doi:10.1080/14786440109462720; scikit-learn's PCA, full SVD",
            model="core.models.linear:PrincipalComponents",
            objective="core.objectives:distortion_alone",
            networks=("mlp",),
            has_posterior=False,
            lacks=("activation", "l2", "optimiser", "learning_rate", "schedule", "weight_decay", "precision"),
            fixed={"hidden": (), "likelihood": "gaussian", "batch_size": 0, "epochs": 1, "report_every": 1},
            linear=True,
            closed_form=True,
        ),
    )
}


def family(name: str) -> Family:
    """Look up one row of the table.

    Raises:
        ConfigError: no such family; the sentence lists those there are.
    """
    try:
        return FAMILIES[name]
    except KeyError:
        raise ConfigError(f"There is no family '{name}': choose one of {', '.join(FAMILIES)}.") from None


def build(builder: str) -> Callable[..., Any]:
    """Import what a row names as `module:function`."""
    module, _, attribute = builder.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found
