"""Compare: two to eight runs side by side, over the same images, the same prior draws and the same axes."""

from collections.abc import Mapping

import streamlit as st

from dashboard import controls, gateway
from dashboard.pages import _compare_curves as curves
from dashboard.pages import _compare_images as images
from dashboard.pages import _compare_looked as looked
from dashboard.pages import _compare_map as maps
from dashboard.pages import _compare_planes as planes
from dashboard.pages import _compare_scores as scores
from dashboard.pages import _compare_similarity as similarity
from dashboard.pages import _compare_tables as tables
from dashboard.pages._compare_pick import pick_sides
from dashboard.pages._compare_sides import (
    FEWEST,
    Side,
    Sides,
    decoding,
    describe,
    groups_of,
    letters_of,
    read_sides,
    reasons_of,
    tell,
)

HOW_TO_READ = r"""
**Maps.** Every panel shows the same images, so an image that is selected, hovered or clicked in one is marked in
all. Over an empty place a panel shows the nearest of 40 x 40 places that its run has decoded, in its own dimensions;
an aligned plane has none. The latent planes show $\mu$ of $q(z \mid x)$, or one seeded sample of it; circles stand at
1, 2 and 3 standard deviations of the prior. The p-value maps show
$\Phi(z) = \tfrac12(1 + \operatorname{erf}(z / \sqrt 2))$. Runs are free to rotate and mirror their planes: compare
which classes touch and how even the p-value map is, not where a class lies. $\Phi(\mu)$ lacks the variance
$E[\sigma^2]$ that samples have; only samples of a matching posterior are even.

**Aligned** takes that freedom out. With $X$ the means of A and $Y$ those of another run over the same images, each
minus its average, it turns and mirrors $Y$ by the orthogonal $Q$ that minimises $\lVert X - YQ \rVert^2$
(orthogonal Procrustes, Schönemann 1966), and shifts it onto A's centre. *Axes matched* allows $Q$ only to exchange
dimensions and their signs. The distance is $\sqrt{\lVert X - YQ \rVert^2 / N}$; the residual $1 - \rho^2$ with
$\rho = \operatorname{tr}(X^\top YQ) / (\lVert X \rVert \lVert Y \rVert)$ leaves scale out. Where the sizes differ,
missing dimensions are taken as 0.

**Colours.** D, R and the negative ELBO are those of each image in each run, on one scale for all runs whose numbers
mean the same. A *change* is A's score minus another run's, image by image, and the same in every panel: red images have
the lower score in the other run, blue ones in A.

**Similarity.** Linear CKA is $\lVert Y^\top X \rVert^2 / (\lVert X^\top X \rVert \, \lVert Y^\top Y \rVert)$ of the
centred means (Kornblith et al. 2019): the large directions agree. The overlap is the share of an image's ten
nearest neighbours in one run that are among its ten nearest in the other: the small neighbourhoods agree. Both lie
in 0 to 1, and higher is more alike.

**Scores.** $D = -\log p(x \mid z)$ at one seeded draw, $R = KL(q(z \mid x)\,\|\,N(0, I))$, negative ELBO $= D + R$,
in nats per image; lower is better for $D$ and the negative ELBO. *Better* is marked only where data, likelihood and
the number of pixels $n$ are equal. Across betas the negative ELBO stays unmarked, because each run minimised its
own $D + \beta R$. The reconstruction weight of other sources is $w = n / \beta$: it runs opposite to beta.

**Intervals.** With $d_i = A_i - B_i$ of the same test image $i$ the table gives
$\bar d \pm t_{N-1,\,0.975}\; s_d / \sqrt N$, the 95 % interval of the mean over images; of several runs, each
against A. It speaks about other images of the same kind and these very weights; another seed of the same recipe can
differ by more. Runs that differ in nothing but the seed get their mean and standard deviation in the table, and in the
curves a band of one standard deviation to each side of their mean, at the epochs that all of them have.

**Images.** Reconstructions are at the mean $\mu$. Prior draws $z \sim N(0, I)$ depend on the seed alone, so runs
with equally many latent dimensions decode the same $z$.
"""


def page() -> None:
    """Draw the page: choose, guard, compute, draw."""
    st.title("Compare")
    sides = pick_sides()
    if sides is None:
        return
    describe(sides)
    sides = tell(sides)
    reasons = reasons_of(sides)
    st.subheader("Latent space")
    choices = planes.choose(sides)
    sides = read_sides(sides, choices.splits)
    shown = _maps(sides, choices, reasons)
    similarity.similarities(sides, choices.splits)
    scores.score_table(sides, reasons)
    decoders = decoding(sides)
    images.same_originals(decoders)
    images.prior_samples(decoders)
    curves.curves(sides, reasons)
    tables.settings_table(sides)
    controls.how_to_read(HOW_TO_READ)
    controls.await_lattices([plane.decoded for plane in shown])


def _maps(sides: Sides, choices: planes.Choices, reasons: Mapping[str, str | None]) -> list[planes.Plane]:
    groups = groups_of(sides)
    if len(groups) > 1:
        saw = [f"{letters_of(group)} saw {controls.plain(group[0].dataset[0])}" for group in groups]
        st.info(
            f"{', '.join(saw[:-1])} and {saw[-1]}: they share no "
            f"image, so each {'has' if len(sides) == 2 else 'group has'} maps of its own and a selection in one cannot "
            "be shown in the other.",
            icon=":material/link_off:",
        )
    asked: set[str] = set()
    drawn: list[planes.Plane] = []
    for everyone in groups:
        group = [side for side in everyone if not side.unread]
        if not group:
            continue
        ready = [
            side
            for side in group
            if all(gateway.latents_ready(side.record, split) for split in choices.splits)
        ]
        if len(ready) < len(group):
            dataset = group[0].record.config.dataset
            # asked once a data set: a second button to fetch it would be the same
            if dataset in asked or not controls.need_data(group[0].record):
                asked.add(dataset)
                if len(ready) < FEWEST:
                    continue
                group = ready  # what is here can be compared without the images
            for side in group:
                controls.need_latents(side.record, choices.splits)
        drawn += _map_of(group, choices, reasons)
    return drawn


def _map_of(
    group: list[Side], choices: planes.Choices, reasons: Mapping[str, str | None]
) -> list[planes.Plane]:
    """The maps of runs on the same data, and what is looked at in them."""
    shown = planes.planes_of(group, choices)
    key = "compare-map-" + "".join(side.letter for side in group).lower()
    record = group[0].record
    of_group = choices.kept is not None and gateway.is_of(choices.kept, record)
    selection = controls.MapSelection(record, choices.kept if of_group else None, page="compare")
    joined, chosen = maps.draw_maps(shown, choices, selection, key=key)
    maps.describe_maps(shown, joined, choices)
    if len(chosen) > 1:
        selection.bar(
            joined.data.ids, key=key, origin="Selected on a map of the Compare page.", counted=False
        )
    looked.looked_at(shown, joined, chosen, reasons=reasons, key=key)
    return shown
