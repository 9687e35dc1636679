"""Edit images: traverse the latent space, walk from image to image, and add attributes."""

import streamlit as st

from dashboard import controls, gateway
from dashboard.pages._edit_arithmetic import arithmetic
from dashboard.pages._edit_attributes import attributes
from dashboard.pages._edit_images import choose_images, show_chosen
from dashboard.pages._edit_path import interpolation
from dashboard.pages._edit_traversal import traversals

HOW_TO_READ = r"""
**Traversals.** In a row one dimension $j$ takes the quantiles $z_j = \Phi^{-1}\left(\tfrac{k + 1/2}{n}\right)$ for
$k = 0, \dots, n - 1$, while all others stand still; $\Phi$ is the normal distribution function. Each frame stands for
an equal share of the prior. Rows are ordered by rate (nats per image): a row in which nothing changes belongs to a
dimension that the run does not use. Codes of a run without a prior take the same quantiles of a normal distribution
with their own average and standard deviation.

**Interpolation.** Straight: $(1 - t)\,a + t\,b$. Spherical: the direction follows the great circle around the origin at
constant speed (Shoemake 1985), and the length goes evenly from $|a|$ to $|b|$. In many dimensions the prior lies
near a shell of radius $\sqrt{L}$, which a straight path leaves; in two dimensions it does not matter much. Where an
image stands at the origin, or both in one direction, there is no circle and the path is straight; between opposite ones
it passes the coordinate axis that is most nearly at right angles to them.

**Attribute vectors** (Larsen et al. 2016): the average latent of the images that have an attribute minus that of the
images that lack it. Strength $s$ decodes $z + s\,v$. **Leakage**: all images that lack it are moved by $s\,v$; the
figure shows the share of them whose nearest label average (Euclidean) is another one than before, label by label. A
vector without leakage moves images to the label that is meant and to no other. The shares are of latents: they do not
say whether the decoded image looks like that label.

**Arithmetic**: $a - b + c$ of the latents of three images, decoded (Radford et al. 2016).
"""


def page() -> None:
    """Draw the page: choose, guard, compute, draw."""
    st.title("Edit images")
    record = controls.pick_run()
    if not gateway.FAMILIES[record.config.family].has_posterior:
        st.caption(
            f"Family {controls.plain(record.config.family)} has no posterior and no prior: images stand at their "
            "codes, and quantiles, circles and distances are taken of the codes brought to mean 0 and variance 1."
        )
    images = choose_images(record)
    if images is not None:
        show_chosen(images)
    else:
        st.caption(
            "Interpolation, attribute vectors, arithmetic, and traversals from an image need the images. A traversal "
            "from the origin of a prior works without them."
        )
    traversals(record, images)
    if images is not None:
        interpolation(images)
        attributes(images)
        arithmetic(images)
    controls.how_to_read(HOW_TO_READ)
