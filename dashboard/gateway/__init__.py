"""The only importer of core: runs, arrays and scores for the pages, cached by run and file time.

Nothing here imports torch until a model is asked for; `warm_up` does it in the background after the first paint.
Caches are keyed by (folder, stamp) of a run and by parameters, never by arrays, and their arrays are read-only.
"""

from core.analysis.alignment import Alignment
from core.analysis.attributes import analogy, attribute_vector, nearest_mean
from core.analysis.averages import Averages
from core.analysis.collapse import collapse_sentence, dead_code_sentence
from core.analysis.comparison import PairedDifference, Setting, Verdict, judge
from core.analysis.projections import METHODS as PROJECTIONS
from core.analysis.projections import POINTS as PROJECTED_POINTS
from core.analysis.projections import Projection
from core.analysis.pvalues import (
    centre_and_spread,
    moments,
    phi,
    phi_inverse,
    posterior_samples,
    standardise,
    uniformity,
)
from core.analysis.queries import UNLABELLED, Query, extremes, worst_first_by
from core.analysis.scores import SCORES, units
from core.analysis.seeds import Band, Spread, band, seed_groups, spread
from core.analysis.similarity import Similarity
from core.analysis.tradeoff import (
    COLLAPSED,
    board_key,
    bound_words,
    comparable_key,
    corruption_words,
    pareto_front,
    pixel_words,
    sigma_words,
    why_not_comparable,
)
from core.config import RunConfig, reconstruction_weight
from core.data.catalog import DatasetInfo
from core.data.images import unit
from core.data.own import OwnSet, delete_own, left_out, read_sample
from core.errors import VAEScopeError
from core.families import FAMILIES
from core.generation import (
    film_gif,
    film_positions,
    impossible_code,
    path,
    prior_draws,
    quantile_steps,
    traversal,
    under_every_label,
)
from core.jobs import JobState
from core.latents import Latents
from core.lessons import LESSONS, Lesson
from core.projected import Wanted
from core.recipes import RECIPES, first_settings, first_training
from core.store import (
    COMBINED,
    NAME_LIMIT,
    TAG_LIMIT,
    How,
    RunRecord,
    Selection,
    TrashEntry,
    annotate,
    change_tags,
    clean_name,
    combine,
    delete_run,
    delete_selection,
    kept_epochs,
    purge,
    rename_selection,
    restore_run,
    restore_selection,
    selection_document,
    size_text,
    why_no_scores,
    why_not_deleted,
    why_not_resumed,
)
from core.training.fit import why_not_fit
from core.training.jobs import TrainingJob, job, jobs, what_next
from core.training.probe import Probe, Shown
from core.training.queue import submit
from core.training.sweep import submit_sweep, sweep_configs, sweep_names
from core.training.tending import again, forget, stop, tail
from dashboard.gateway.averages import selection_averages
from dashboard.gateway.comparing import (
    alignment,
    paired,
    paired_points,
    settings_that_differ,
    similarity,
)
from dashboard.gateway.costing import Measurement, cost, measure
from dashboard.gateway.decoding import (
    decode,
    decoder_size,
    lattice,
    lattice_rows,
    needs_labels,
    reconstruct,
    reconstruct_points,
)
from dashboard.gateway.editing import densities_at, label_means, leak, nearest_rows, some_rows, split_units
from dashboard.gateway.families import atoms, denoised
from dashboard.gateway.listing import (
    can_be_scored,
    folder_size,
    history,
    pixels_per_image,
    rate_per_dimension,
    rescore,
    runs,
    score,
    score_per_dimension,
    steps_per_epoch,
    store_path,
    trash,
    warm_up,
)
from dashboard.gateway.own_data import (
    add_looked,
    asked_with,
    can_be_fetched,
    data_sets,
    examples,
    in_inbox,
    inbox,
    is_here,
    limit_settings,
    look_again,
    on_their_way,
    own_set,
    own_size,
    runs_of,
    stage_from_inbox,
    stage_upload,
    stop_import,
    suggested_name,
    taken_names,
    value_names,
)
from dashboard.gateway.points import (
    ROW_BITS,
    SMALL_DATA,
    SPLIT_CODES,
    MapData,
    data_folder,
    example_ids,
    fetch,
    has_images,
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
from dashboard.gateway.quality import SampleQuality, chance_places, sample_quality
from dashboard.gateway.selections import (
    ErrorMaps,
    combine_selections,
    data_of,
    error_maps,
    error_maps_ready,
    errors,
    errors_ready,
    is_of,
    matching_ids,
    points,
    rows_by_split,
    save_selection,
    selection_map_ids,
    selections,
    selections_of,
    splits_of,
)
from dashboard.gateway.sketches import lattice_at_hand, sketch, sketch_stamp
from dashboard.gateway.training import (
    Box,
    Raw,
    asked,
    box,
    changed,
    checked_betas,
    command,
    config_of,
    raw_of,
    raw_of_family,
    recipe_of,
    twin,
)
from dashboard.gateway.watching import Watched, exactness_of, probe, shown, watchable, watched
