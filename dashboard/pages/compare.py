"""Compare: two runs side by side, over the same images, the same prior draws and the same axes."""

import streamlit as st

from dashboard import controls, gateway
from dashboard.pages import _compare_curves as curves
from dashboard.pages import _compare_images as images
from dashboard.pages import _compare_looked as looked
from dashboard.pages import _compare_map as maps
from dashboard.pages import _compare_planes as planes
from dashboard.pages import _compare_tables as tables
from dashboard.pages._compare_sides import Sides, describe, pick_sides, why_not_comparable

HOW_TO_READ = r"""
**Maps.** Every panel shows the same images, so an image that is selected, hovered or clicked in one is marked in all.
Above, the latent planes of A and B: $\mu$ of $q(z \mid x)$, or one seeded sample of it; circles stand at 1, 2 and 3
standard deviations of the prior. Below, their p-value maps $\Phi(z) = \tfrac12(1 + \operatorname{erf}(z / \sqrt 2))$.
Two runs are free to rotate and mirror their planes: compare which classes touch and how even the p-value map is, not
where a class lies. $\Phi(\mu)$ lacks the variance $E[\sigma^2]$ that samples have; only samples of a matching posterior
are even.

**Scores.** $D = -\log p(x \mid z)$ at one seeded draw, $R = KL(q(z \mid x)\,\|\,N(0, I))$, negative ELBO $= D + R$, in
nats per image; lower is better for $D$ and the negative ELBO. *Better* is marked only where data, likelihood and the
number of pixels $n$ are equal. Across betas the negative ELBO stays unmarked, because each run minimised its own
$D + \beta R$. The reconstruction weight of other sources is $w = n / \beta$: it runs opposite to beta.

**Intervals.** With $d_i = A_i - B_i$ of the same test image $i$ the table gives
$\bar d \pm t_{N-1,\,0.975}\; s_d / \sqrt N$, the 95 % interval of the mean over images. It speaks about other images of
the same kind and these very weights; another seed of the same recipe can differ by more.

**Images.** Reconstructions are at the mean $\mu$. Prior draws $z \sim N(0, I)$ depend on the seed alone, so two runs
with equally many latent dimensions decode the same $z$.
"""


def page() -> None:
    """Draw the page: choose, guard, compute, draw."""
    st.title("Compare")
    sides = pick_sides()
    if sides is None:
        return
    for side, column in zip(sides, st.columns(2), strict=True):
        with column:
            describe(side)
    why_not = why_not_comparable(sides)
    _maps(sides, comparable=why_not is None)
    tables.score_table(sides, why_not=why_not)
    images.same_originals(sides)
    images.prior_samples(sides)
    curves.curves(sides, why_not=why_not)
    tables.settings_table(sides)
    controls.how_to_read(HOW_TO_READ)


def _maps(sides: Sides, *, comparable: bool) -> None:
    st.subheader("Latent space")
    choices = planes.choose(sides)
    linked = sides[0].dataset == sides[1].dataset
    if not linked:
        st.info(
            f"A saw {controls.plain(sides[0].dataset[0])} and B {controls.plain(sides[1].dataset[0])}: they share no "
            "image, so each has maps of its own and a selection in one cannot be shown in the other.",
            icon=":material/link_off:",
        )
    groups = [list(sides)] if linked else [[side] for side in sides]
    asked: set[str] = set()
    for group in groups:
        # asked once a data set: a second button to fetch it would be the same
        if not all(gateway.latents_ready(side.record, split) for side in group for split in choices.splits):
            dataset = group[0].record.config.dataset
            if dataset in asked or not controls.need_data(group[0].record):
                asked.add(dataset)
                continue
            for side in group:
                controls.need_latents(side.record, choices.splits)
        shown = []
        for side, column in zip(group, st.columns(2), strict=False):
            with column:
                shown.append(planes.plane_of(side, choices))
        key = "compare-map-" + "".join(plane.side.letter for plane in shown).lower()
        joined, chosen = maps.draw_maps(shown, same_axes=choices.same_axes, key=key)
        maps.describe_maps(shown, joined)
        looked.looked_at(shown, joined, chosen, comparable=comparable, key=key)
