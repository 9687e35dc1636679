"""What the command line says about runs, recipes and data sets: JSON documents, and the same as lines of text."""

from typing import Any

from core.analysis.collapse import collapse_sentence, dead_code_sentence
from core.analysis.scores import SCORES, directions, units
from core.cli.terminal import number, shorten, table
from core.config import RunConfig, reconstruction_weight
from core.data import catalog, own
from core.data.images import SPLITS
from core.errors import CheckpointError
from core.families import family
from core.recipes import RECIPES, Recipe
from core.store import RunDocument, RunRecord, disk_use, read_history, size_text, why_no_scores

NAME_COLUMNS = 40
DIMENSIONS = 20
"""Per-dimension numbers that a text shows; JSON has all."""
PER_DIMENSION = ("rate_per_dimension", "explained_variance", "explained_variance_ratio")
"""Scores of each dimension that a text shows"""


def stored_scores(record: RunRecord) -> dict[str, dict[str, Any] | None]:
    """Scores by split as scores.json has them; `test` is None where there are none."""
    scores = record.scores or {}
    found = {split: scores[split] for split in SPLITS if isinstance(scores.get(split), dict)}
    return {"test": None, **found}


def _beta(config: RunConfig) -> float | None:
    return None if "beta" in family(config.family).ignores else config.beta


def _weight(document: RunDocument) -> float | None:
    beta = _beta(document.config)
    channels, height, width = document.data.padded
    return None if beta is None else reconstruction_weight(beta, channels * height * width)


def listing(record: RunRecord) -> dict[str, Any]:
    """One object of `list --json`: null where the folder cannot be read, or a value does not apply."""
    document = record.document
    config = document.config if document else None
    return {
        "id": record.id,
        "name": record.name,
        "family": config.family if config else None,
        "dataset": config.dataset if config else None,
        "state": record.state,
        "reason": record.reason,
        "network": config.network if config else None,
        "likelihood": config.likelihood if config else None,
        "latent": config.latent if config else None,
        "beta": _beta(config) if config else None,
        "reconstruction_weight": _weight(document) if document else None,
        "epochs": config.epochs if config else None,
        "epoch": document.epoch if document else None,
        "created": document.created if document else None,
        "updated": document.updated if document else None,
        "recipe": document.recipe if document else None,
        "sweep": document.sweep if document else None,
        "bundled": record.bundled,
        "hidden": record.hidden,
        "note": record.note,
        "tags": list(record.tags),
        "bytes": None if record.state == "foreign" else disk_use(record.folder),
        "problems": list(record.problems),
        "folder": str(record.folder),
        "test": stored_scores(record)["test"],
    }


def report_of(record: RunRecord) -> dict[str, Any]:
    """What `show --json` prints of a readable run: its stored scores, as `evaluate` computes them, and what it is."""
    document = record.document
    assert document is not None
    return {
        **listing(record),
        **stored_scores(record),
        "units": units(),
        "direction": directions(),
        "config": document.config.to_json(),
        "data": document.data.model_dump(mode="json"),
        "parameters": document.parameters,
        "kept": list(document.kept),
        "best": document.best,
        "stands": list(document.stands) if document.resume else None,
        "versions": document.versions,
        "machine": document.machine,
    }


def listing_lines(records: list[RunRecord]) -> list[str]:
    """The table of runs, one line each, and what is wrong with those where something is."""
    header = (
        "id",
        "name",
        "state",
        "family",
        "data",
        "latent",
        "beta",
        "w",
        "epochs",
        "D",
        "R",
        "D + R",
        "disk",
    )
    tagged = any(record.tags for record in records)
    rows, remarks, total = [], [], 0
    for record in records:
        facts = listing(record)
        test = facts["test"] or {}
        weight = "infinite" if facts["beta"] == 0 else number(facts["reconstruction_weight"])
        epochs = f"{facts['epoch']}/{facts['epochs']}" if record.readable else "-"
        hidden = " (hidden)" if record.hidden else ""
        known = (
            facts["family"] or "-",
            facts["dataset"] or "-",
            number(facts["latent"]),
            number(facts["beta"]),
        )
        values = (number(test.get(score), decimals=3) for score in ("distortion", "rate", "negative_elbo"))
        name = shorten(record.name, NAME_COLUMNS)
        disk = "-" if facts["bytes"] is None else size_text(facts["bytes"])
        tags = (", ".join(record.tags),) if tagged else ()
        rows.append(
            (record.id, name, f"{record.state}{hidden}", *known, weight, epochs, *values, disk, *tags)
        )
        total += facts["bytes"] or 0
        remarks += [f"{record.id}: {why}" for why in (record.reason, *record.problems) if why]
    return [
        *table((*header, "tags") if tagged else header, rows, right=header[5:]),
        "",
        f"Disk use of these runs: {size_text(total)} (1 kB = 1,000 B).",
        "D, R and D + R: nats per image of the test split; lower D and D + R are better, between runs of the same",
        "data and likelihood. w = n / beta is the reconstruction weight. -: none yet, or does not apply.",
        *(["", *remarks] if remarks else []),
    ]


def no_scores_line(record: RunRecord) -> str:
    """Say why `show` has no scores of a run, and what brings them; a problem stands above already."""
    if any("scores.json" in problem for problem in record.problems):
        return "No scores: the problem above says what brings them back."
    return why_no_scores(record)


def score_lines(splits: dict[str, Any]) -> list[str]:
    """The table of scores by split, with units and directions; empty without scores."""
    scores = {split: values for split, values in splits.items() if values}
    if not scores:
        return []

    def text(name: str, values: dict[str, Any]) -> str:
        if values.get(name) is None and values.get("beta") == 0:
            return "infinite" if name == "reconstruction_weight" else "-"
        return number(values.get(name))

    header = ("score", *scores, "unit", "direction")
    rows = [
        (row.title, *(text(name, values) for values in scores.values()), row.unit, directions()[name] or "-")
        for name, row in SCORES.items()
        if not any(isinstance(values.get(name), list) for values in scores.values())
        and any(name in values for values in scores.values())
        and name not in PER_DIMENSION
    ]
    lines = table(header, rows, right=tuple(scores))
    for split, values in scores.items():
        for name in PER_DIMENSION:
            numbers = values.get(name)
            if isinstance(numbers, list) and numbers and all(isinstance(one, int | float) for one in numbers):
                order = sorted(range(len(numbers)), key=lambda k: -numbers[k])[:DIMENSIONS]
                more = (
                    f", ... {len(numbers) - DIMENSIONS} more in --json" if len(numbers) > DIMENSIONS else ""
                )
                listed = ", ".join(f"z {k + 1}: {number(numbers[k])}" for k in order)
                row = SCORES[name]
                lines.append(f"{row.title} ({split}, {row.unit}, largest first): {listed}{more}")
    return [*lines, "-: does not apply."] if any("-" in row[1 : len(scores) + 1] for row in rows) else lines


def run_lines(record: RunRecord) -> list[str]:
    """What `show` prints of a readable run."""
    document = record.document
    assert document is not None
    data, weight = document.data, _weight(document)
    sizes = f"{data.train:,} train, {data.validation:,} validation, {data.test:,} test"
    shape, padded = ("x".join(map(str, size)) for size in (data.shape, data.padded))
    shown = f"{shape}, padded to {padded}" if padded != shape else shape
    facts = {
        "name": record.name,
        "id": record.id,
        "state": f"{record.state}{f': {record.reason}' if record.reason else ''}",
        "note": record.note,
        "tags": ", ".join(record.tags),
        "family": f"{document.config.family} ({family(document.config.family).title})",
        "data": f"{data.dataset} ({sizes}; images of {shown})",
        "beta": "" if _beta(document.config) is None else number(document.config.beta),
        "weight": f"w = n / beta = {number(weight)}" if weight is not None else "",
        "collapse": _collapse(record),
        "dead code": dead_code_sentence(record.scores, document.config) or "",
        "epochs": f"{document.epoch:,} of {document.config.epochs:,}",
        "kept": _kept(document),
        "parameters": f"{document.parameters:,}",
        "recipe": document.recipe or "",
        "created": document.created,
        "machine": document.machine,
        "folder": str(record.folder),
        "disk": size_text(disk_use(record.folder)),
        "settings": settings_text(document.config),
    }
    lines = [f"{name:<11}{text}" for name, text in facts.items() if text]
    return [
        *lines,
        *(f"problem    {problem}" for problem in record.problems),
        "",
        *(score_lines(stored_scores(record)) or [no_scores_line(record)]),
    ]


def _kept(document: RunDocument) -> str:
    """The epochs whose weights stay, where there are others than the last."""
    if len(document.kept) < 2:
        return ""
    epochs = (f"{epoch}{' (best)' if epoch == document.best else ''}" for epoch in document.kept)
    return f"{', '.join(epochs)}: RUN@EPOCH opens one"


def _collapse(record: RunRecord) -> str:
    """Whether a game of two players was lost; damaged histories are a problem that stands elsewhere."""
    try:
        return collapse_sentence(read_history(record.folder)) or ""
    except CheckpointError:
        return ""


def settings_text(config: RunConfig) -> str:
    """The settings that are not the default, as `--set` takes them."""
    defaults = {key: field.default for key, field in RunConfig.model_fields.items()}
    changed = {key: getattr(config, key) for key in defaults if getattr(config, key) != defaults[key]}
    return " ".join(
        f"{key}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for key, value in changed.items()
    )


def recipe_document(recipe: Recipe) -> dict[str, Any]:
    """One object of `recipes --json`."""
    return {
        "name": recipe.name,
        "sentence": recipe.sentence,
        "source": recipe.source,
        "reference": recipe.reference,
        "config": recipe.config.to_json(),
    }


def recipe_lines() -> list[str]:
    """What `recipes` prints: each recipe with what it gives, and its settings that are not the default."""
    lines = []
    for recipe in RECIPES.values():
        lines += [
            recipe.name,
            f"    {recipe.sentence}",
            f"    Expect: {recipe.reference} ({recipe.source}).",
            f"    {settings_text(recipe.config)}",
        ]
    return [
        *lines,
        "",
        "Train one with `python -m core train NAME`; `python -m core settings` explains the settings.",
    ]


def setting_documents() -> list[dict[str, Any]]:
    """One object for each setting of a run: key, default, allowed values in words, description."""
    defaults = RunConfig().to_json()
    return [
        {
            "key": key,
            "default": defaults[key],
            "allowed": ", ".join(catalog.names()) if key == "dataset" else RunConfig.allowed(key),
            "description": field.description,
        }
        for key, field in RunConfig.model_fields.items()
    ]


def setting_lines() -> list[str]:
    """What `settings` prints."""
    lines = []
    for row in setting_documents():
        value = row["default"]
        default = (
            ",".join(map(str, value)) if isinstance(value, list) else "none" if value is None else f"{value}"
        )
        lines += [f"{row['key']}={default}", f"    {row['description']}", f"    allowed: {row['allowed']}"]
    return [
        *lines,
        "",
        "These are the defaults; a recipe changes some, and `train RECIPE --set key=value ...` has the last word.",
        "A source that weighs its mean reconstruction by w against the KL has beta = n / w, n = pixels x channels.",
    ]


def data_documents() -> list[dict[str, Any]]:
    """One object of `data list --json` for each data set; those on their way come last, and are not known yet."""
    known: list[dict[str, Any]] = [
        {
            "name": row.name,
            "title": row.title,
            "kind": row.kind,
            "own": row.own,
            "available": (here := row.own or catalog.is_available(row.name)),
            "state": "ready" if here else "absent",
            "embedded": row.embedded,
            "shape": list(row.shape),
            "train_images": row.train_images,
            "test_images": row.test_images,
            "class_names": list(row.class_names),
            "source": row.source,
            "licence": row.licence,
        }
        for row in catalog.rows()
    ]
    unknown = dict.fromkeys(known[0]) | {
        "own": True,
        "available": False,
        "embedded": False,
        "class_names": [],
    }
    return known + [
        unknown | {"name": one.name, "title": one.name, "state": one.state, "source": f"yours, it {one.said}"}
        for one in own.list_own()
        if one.state != "ready"
    ]


HERE = {"ready": "yes", "absent": "no", "looked": "no"}
"""What `data list` says of a state; of any other it says the state"""


def data_lines() -> list[str]:
    """What `data list` prints."""
    header = ("name", "here", "image", "train", "test", "licence", "source")
    rows = [
        (
            row["name"],
            "embedded" if row["embedded"] else HERE.get(row["state"], row["state"]),
            "x".join(map(str, row["shape"] or ())),
            "" if row["train_images"] is None else number(row["train_images"]),
            "" if row["test_images"] is None else number(row["test_images"]),
            row["licence"] or "",
            row["source"],
        )
        for row in data_documents()
    ]
    return [
        *table(header, rows, right=("train", "test")),
        "",
        "Images are channels x height x width. `python -m core data fetch NAME` downloads what is missing to",
        f"{catalog.data_folder()} (VAESCOPE_DATA sets another folder).",
    ]
