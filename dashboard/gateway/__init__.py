"""The only importer of core: runs, arrays and scores for the pages, cached by run and file time.

Nothing here imports torch until a model is asked for; `warm_up` does it in the background after the first paint.
Caches are keyed by (folder, stamp) of a run and by parameters, never by arrays, and their arrays are read-only.
"""

from core.analysis.alignment import Alignment
from core.analysis.attributes import analogy, attribute_vector, nearest_mean
from core.analysis.comparison import PairedDifference, Setting, Verdict, judge
from core.analysis.projections import METHODS as PROJECTIONS
from core.analysis.projections import POINTS as PROJECTED_POINTS
from core.analysis.projections import Projection
from core.analysis.pvalues import (
    moments,
    phi,
    phi_inverse,
    posterior_samples,
    standardise,
    uniformity,
)
from core.analysis.scores import SCORES, units
from core.analysis.seeds import Spread, seed_groups, spread
from core.analysis.similarity import Similarity
from core.analysis.tradeoff import COLLAPSED, board_key, comparable_key, pareto_front, why_not_comparable
from core.config import reconstruction_weight
from core.errors import VAEScopeError
from core.families import FAMILIES
from core.generation import film_gif, film_positions, path, prior_draws, quantile_steps, traversal
from core.jobs import JobState
from core.latents import Latents
from core.projected import Wanted
from core.store import (
    TAG_LIMIT,
    RunRecord,
    TrashEntry,
    annotate,
    change_tags,
    delete_run,
    purge,
    restore_run,
    size_text,
    why_no_scores,
    why_not_deleted,
)
from dashboard.gateway.comparing import (
    alignment,
    paired,
    paired_points,
    settings_that_differ,
    similarity,
)
from dashboard.gateway.decoding import decode, lattice, reconstruct, reconstruct_points
from dashboard.gateway.editing import densities_at, label_means, leak, nearest_rows, some_rows, split_units
from dashboard.gateway.listing import (
    folder_size,
    history,
    pixels_per_image,
    rate_per_dimension,
    runs,
    score,
    steps_per_epoch,
    store_path,
    trash,
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
from dashboard.gateway.projecting import projection, projection_job, start_projection, stop_projection
from dashboard.gateway.sketches import lattice_at_hand, sketch, sketch_stamp

__all__ = [
    "COLLAPSED",
    "FAMILIES",
    "PROJECTED_POINTS",
    "PROJECTIONS",
    "ROW_BITS",
    "SCORES",
    "SMALL_DATA",
    "SPLIT_CODES",
    "TAG_LIMIT",
    "Alignment",
    "JobState",
    "Latents",
    "MapData",
    "PairedDifference",
    "Projection",
    "RunRecord",
    "Setting",
    "Similarity",
    "Spread",
    "TrashEntry",
    "VAEScopeError",
    "Verdict",
    "Wanted",
    "alignment",
    "analogy",
    "annotate",
    "attribute_vector",
    "board_key",
    "change_tags",
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
    "judge",
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
    "paired_points",
    "pareto_front",
    "path",
    "phi",
    "phi_inverse",
    "pixels_per_image",
    "posterior_samples",
    "prior_draws",
    "projection",
    "projection_job",
    "purge",
    "quantile_steps",
    "rate_per_dimension",
    "reconstruct",
    "reconstruct_points",
    "reconstruction_weight",
    "restore_run",
    "runs",
    "score",
    "seed_groups",
    "settings_that_differ",
    "similarity",
    "size_text",
    "sketch",
    "sketch_stamp",
    "some_rows",
    "split_and_row",
    "split_units",
    "spread",
    "standardise",
    "start_projection",
    "steps_per_epoch",
    "stop_projection",
    "store_path",
    "trash",
    "traversal",
    "uniformity",
    "units",
    "warm_up",
    "why_no_scores",
    "why_not_comparable",
    "why_not_deleted",
]
