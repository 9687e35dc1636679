"""An opened run: arrays in, arrays out. Torch is imported when the weights are first needed."""

from core.runs.run import Progress, Run, open_run, to_latents
from core.runs.seen import as_seen, load_images

__all__ = ["Progress", "Run", "as_seen", "load_images", "open_run", "to_latents"]
