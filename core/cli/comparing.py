"""`compare`: runs against the first of them, as one JSON document."""

import argparse
import math
from collections.abc import Sequence
from typing import Any

from core.analysis.alignment import METHODS, align
from core.analysis.comparison import differing_settings, judge, paired_scores
from core.analysis.scores import SCORES, directions, units
from core.analysis.seeds import QUANTITIES, band, curve, seed_groups, spread
from core.analysis.similarity import Similarity, rows_of, shared_ids, similarity
from core.analysis.tradeoff import why_not_comparable
from core.cli.comparing_text import lines
from core.cli.terminal import CountProgress, emit, emit_json
from core.data.images import SPLITS
from core.errors import CheckpointError, ConfigError, DataMissing
from core.latents import Latents
from core.runs import Run
from core.store import RunRecord

LETTERS = "ABCDEFGH"


def compare(records: Sequence[RunRecord], args: argparse.Namespace) -> int:
    """Print what `args` asks for of two to eight runs.

    Raises:
        ConfigError: too few or too many runs.
        CheckpointError: one cannot be opened.
    """
    if not 2 <= len(records) <= len(LETTERS):
        once = " (a run that is named twice counts once)" if len(records) < len(args.runs) else ""
        raise ConfigError(
            f"Comparing needs 2 to {len(LETTERS)} runs, not {len(records)}{once}: name that many."
        )
    for record in records:
        if record.document is None or record.state == "damaged":
            raise CheckpointError(f"Run '{record.id}' cannot be opened: {record.reason}")
    latents, missing = _latents(records, args.split)
    document = comparison(
        records, latents, missing, split=args.split, neighbours=args.neighbours, seed=args.seed
    )
    if args.json:
        emit_json(document)
    else:
        emit(*lines(document))
    return 0


def _latents(records: Sequence[RunRecord], split: str) -> tuple[list[Latents | None], dict[str, str]]:
    """Posteriors of each run, stored or encoded now; by letter the reason where they cannot be had."""
    found: list[Latents | None] = []
    missing: dict[str, str] = {}
    progress = CountProgress(unit="image", announce=False)
    try:
        for letter, record in zip(LETTERS, records, strict=False):
            try:
                found.append(Run(record).latents(split, progress=progress))
            except DataMissing as error:
                found.append(None)
                missing[letter] = str(error)
            progress.close()
    finally:
        progress.close()
    return found, missing


def comparison(
    records: Sequence[RunRecord],
    latents: Sequence[Latents | None],
    missing: dict[str, str],
    *,
    split: str,
    neighbours: int,
    seed: int,
) -> dict[str, Any]:
    """What `compare --json` prints. Positions are letters, A the first; null does not apply or is not there."""
    letters = LETTERS[: len(records)]
    reasons = [why_not_comparable(records[0], record) for record in records]
    configs = [record.config for record in records]
    scored = [(record.scores or {}).get(split) or {} for record in records]
    scores: dict[str, dict[str, Any]] = {}
    first, second = latents if len(latents) == 2 and reasons[1] is None else (None, None)
    pairs = paired_scores(first, second) if first is not None and second is not None else {}
    for name in SCORES:
        values = [value if isinstance(value := one.get(name), int | float) else None for one in scored]
        if any(value is not None for value in values):
            verdict = judge(name, values, configs, comparable=[why is None for why in reasons], pairs=pairs)
            scores[name] = {
                "values": dict(zip(letters, values, strict=True)),
                "best": [letters[k] for k in verdict.best],
                "why_not_marked": verdict.why_not or None,
            }
    pixels = [math.prod(record.document.data.padded) for record in records if record.document]
    return {
        "split": split,
        "runs": {
            letter: {"id": record.id, "name": record.name, "state": record.state, "seed": record.config.seed}
            for letter, record in zip(letters, records, strict=True)
        },
        "units": units(),
        "direction": directions(),
        "scores": scores,
        "differences": _differences(letters, latents, reasons),
        "groups": [
            _group(letters, group, records, latents, neighbours=neighbours, seed=seed)
            for group in same_images(records)
            if len(group) > 1
        ],
        "seeds": [
            {
                "runs": [letters[k] for k in group],
                "scores": {
                    name: {"mean": found.mean, "standard_deviation": found.deviation}
                    for name in scores
                    if (found := spread([scores[name]["values"][letters[k]] for k in group]))
                },
                "curves": _bands([records[k] for k in group]),
            }
            for group in seed_groups(records)
            if len(group) > 1
        ],
        "settings": [
            {
                "key": one.name,
                "values": {
                    letter: value if means else None
                    for letter, value, means in zip(letters, one.values, one.applies, strict=True)
                },
                "applies": dict(zip(letters, one.applies, strict=True)),
                "description": one.description,
            }
            for one in differing_settings(*configs, pixels=pixels)
        ],
        "missing": missing,
    }


def _bands(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Loss curves of runs that differ in the seed alone: mean and standard deviation of each epoch that all have."""
    histories = [Run(record).history() for record in records]
    found: dict[str, Any] = {}
    for split in SPLITS:
        for name in QUANTITIES:
            one = band([curve(rows, split, name) for rows in histories])
            if one is not None:
                found.setdefault(split, {})[name] = {
                    "epochs": list(one.epochs),
                    "mean": list(one.means),
                    "standard_deviation": list(one.deviations),
                    "seeds": one.seeds,
                }
    return found


def same_images(records: Sequence[RunRecord]) -> list[list[int]]:
    """Positions of the runs that saw the same data set, in order of first appearance."""
    groups: dict[tuple[str, str], list[int]] = {}
    for place, record in enumerate(records):
        assert record.document is not None
        data = record.document.data
        groups.setdefault((data.dataset, data.fingerprint), []).append(place)
    return list(groups.values())


def _differences(
    letters: str, latents: Sequence[Latents | None], reasons: Sequence[str | None]
) -> dict[str, Any]:
    """First minus each other, image by image; null where that cannot be had."""
    found: dict[str, Any] = {}
    for letter, other, why in zip(letters[1:], latents[1:], reasons[1:], strict=True):
        pairs = None
        if why is None and latents[0] is not None and other is not None:
            pairs = {
                name: {
                    "mean": pair.mean,
                    "standard_error": pair.standard_error,
                    "low": pair.low,
                    "high": pair.high,
                    "images": pair.images,
                    "share_lower_in_first": pair.first_lower,
                }
                for name, pair in paired_scores(latents[0], other).items()
            }
        found[f"{letters[0]}-{letter}"] = {"why_not_comparable": why, "scores": pairs}
    return found


def _group(
    letters: str,
    group: Sequence[int],
    records: Sequence[RunRecord],
    latents: Sequence[Latents | None],
    *,
    neighbours: int,
    seed: int,
) -> dict[str, Any]:
    """CKA, neighbourhood overlap and alignment of the runs that saw the same images."""
    there = [k for k in group if latents[k] is not None]
    known = [one for k in there if (one := latents[k]) is not None]
    found: dict[str, Any] = {"runs": [letters[k] for k in there]}
    if len(known) < 2:
        return {**found, "similarity": None, "alignment": None}
    alike = similarity(known, neighbours=neighbours, seed=seed)
    alignment: dict[str, Any] = {}
    for k, other in zip(there[1:], known[1:], strict=True):
        ids, _ = shared_ids([known[0], other], sample=max(len(known[0]), len(other)))
        if len(ids) < 2:
            continue
        first, second = known[0].means[rows_of(known[0], ids)], other.means[rows_of(other, ids)]
        for method in METHODS:
            fit = align(first, second, method=method)
            alignment.setdefault(letters[k], {})[method] = {
                "residual": fit.residual,
                "distance": fit.distance,
                "mirrored": fit.mirrored,
                "images": fit.images,
            }
    return {**found, "similarity": _similarity(alike), "alignment": alignment}


def _similarity(alike: Similarity) -> dict[str, Any]:
    return {
        "cka": alike.cka.tolist(),
        "overlap": alike.overlap.tolist(),
        "images": alike.images,
        "of_images": alike.total,
        "neighbours": alike.neighbours,
        "overlap_by_chance": alike.chance,
    }
