"""Two runs against each other."""

from core.analysis.comparison import PairedDifference, Setting, differing_settings, paired_scores
from core.analysis.tradeoff import comparable_key
from core.store import RunRecord
from dashboard.gateway.listing import pixels_per_image
from dashboard.gateway.points import latents, latents_ready


def settings_that_differ(first: RunRecord, second: RunRecord) -> list[Setting]:
    """Settings of two runs that differ, with what they mean and to which run they apply.

    Raises:
        CheckpointError: a run is not readable.
    """
    pixels = (pixels_per_image(first), pixels_per_image(second))
    return differing_settings(first.config, second.config, pixels=pixels)


def paired(first: RunRecord, second: RunRecord) -> dict[str, PairedDifference]:
    """Differences first - second of D, R and negative ELBO over the same test images, with their 95 % intervals.

    Empty where the runs are not comparable, or where test latents would have to be encoded first.

    Raises:
        CheckpointError: a file is damaged.
    """
    if comparable_key(first) != comparable_key(second):
        return {}
    if not (latents_ready(first, "test") and latents_ready(second, "test")):
        return {}
    return paired_scores(latents(first, "test"), latents(second, "test"))
