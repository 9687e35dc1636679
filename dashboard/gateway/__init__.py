"""The only importer of core: runs, arrays and scores for the pages, cached by run and file time.

Nothing here imports torch until a model is asked for; `warm_up` does it in the background after the first paint.
Caches are keyed by (folder, stamp) of a run and by parameters, never by arrays, and their arrays are read-only.
"""

from core.analysis.attributes import analogy, attribute_vector, nearest_mean
from core.analysis.comparison import PairedDifference, Setting
from core.analysis.pvalues import (
    moments,
    phi,
    phi_inverse,
    posterior_samples,
    standardise,
    uniformity,
)
from core.analysis.scores import SCORES, better, units
from core.analysis.tradeoff import COLLAPSED, board_key, comparable_key, pareto_front
from core.config import reconstruction_weight
from core.errors import VAEScopeError
from core.families import FAMILIES
from core.generation import film_gif, film_positions, path, prior_draws, quantile_steps, traversal
from core.latents import Latents
from core.store import RunRecord, annotate, delete_run
from dashboard.gateway.comparing import paired, settings_that_differ
from dashboard.gateway.decoding import decode, lattice, reconstruct, reconstruct_points
from dashboard.gateway.editing import densities_at, label_means, leak, nearest_rows, some_rows, split_units
from dashboard.gateway.listing import (
    folder_size,
    history,
    pixels_per_image,
    rate_per_dimension,
    runs,
    score,
    store_path,
    warm_up,
)
from dashboard.gateway.points import (
    ROW_BITS,
    SMALL_DATA,
    SPLIT_CODES,
    MapData,
    data_available,
    data_folder,
    example_ids,
    fetch,
    images,
    latents,
    latents_ready,
    map_data,
    map_id,
    originals,
    originals_of_map,
    split_and_row,
)
from dashboard.gateway.sketches import lattice_at_hand, sketch, sketch_stamp

__all__ = [
    "COLLAPSED",
    "FAMILIES",
    "ROW_BITS",
    "SCORES",
    "SMALL_DATA",
    "SPLIT_CODES",
    "Latents",
    "MapData",
    "PairedDifference",
    "RunRecord",
    "Setting",
    "VAEScopeError",
    "analogy",
    "annotate",
    "attribute_vector",
    "better",
    "board_key",
    "comparable_key",
    "data_available",
    "data_folder",
    "decode",
    "delete_run",
    "densities_at",
    "example_ids",
    "fetch",
    "film_gif",
    "film_positions",
    "folder_size",
    "history",
    "images",
    "label_means",
    "latents",
    "latents_ready",
    "lattice",
    "lattice_at_hand",
    "leak",
    "map_data",
    "map_id",
    "moments",
    "nearest_mean",
    "nearest_rows",
    "originals",
    "originals_of_map",
    "paired",
    "pareto_front",
    "path",
    "phi",
    "phi_inverse",
    "pixels_per_image",
    "posterior_samples",
    "prior_draws",
    "quantile_steps",
    "rate_per_dimension",
    "reconstruct",
    "reconstruct_points",
    "reconstruction_weight",
    "runs",
    "score",
    "settings_that_differ",
    "sketch",
    "sketch_stamp",
    "some_rows",
    "split_and_row",
    "split_units",
    "standardise",
    "store_path",
    "traversal",
    "uniformity",
    "units",
    "warm_up",
]
