"""Boards of the trade-off: which runs stand on one, as points, and which are left out and why."""

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import pandas as pd

from dashboard import controls, gateway
from dashboard.charts.points import TradeoffPoint
from dashboard.gateway import COLLAPSED, FAMILIES, SCORES, Latents, RunRecord, VAEScopeError

SKIPPED = ("beta", "reconstruction_weight", "pixels", "images")
"""Scores that a point carries in another form, or that are the same for all."""


@dataclass(frozen=True, eq=False)
class Board:
    """Runs that differ in nothing but beta and how they were trained, smallest beta first."""

    key: str
    """Short text for the URL, made from what the runs share"""
    title: str
    records: Sequence[RunRecord]

    @property
    def betas(self) -> dict[str, str]:
        """{run id: 'β 0.5'}; runs of the same beta are told apart by their names, and by their ids if need be."""
        titles = controls.run_titles(self.records)
        betas = [record.config.beta for record in self.records]
        return {
            record.id: f"β {beta:g}" + ("" if betas.count(beta) == 1 else f" ({titles[record.id]})")
            for record, beta in zip(self.records, betas, strict=True)
        }

    @property
    def default(self) -> RunRecord:
        """The run shown first: the bundled beta = 1, else the one whose beta is nearest to 1."""
        bundled = [record for record in self.records if record.id == controls.DEFAULT_RUN]
        return bundled[0] if bundled else min(self.records, key=lambda one: abs(one.config.beta - 1))


def boards_of(records: Sequence[RunRecord], split: str) -> dict[str, Board]:
    """Sort the runs that have a rate on this split into boards, largest first."""
    groups: dict[Hashable, list[RunRecord]] = {}
    for record in records:
        if why_left_out(record, split) is None:
            groups.setdefault(gateway.board_key(record), []).append(record)
    boards = {}
    for members in sorted(groups.values(), key=len, reverse=True):
        key = hashlib.blake2b(repr(gateway.board_key(members[0])).encode(), digest_size=4).hexdigest()
        members.sort(key=lambda one: (one.config.beta, one.name, one.id))
        boards[key] = Board(key, _title(members), members)
    return boards


def default_board(boards: dict[str, Board]) -> str:
    """The board of the bundled sweep, else the one with the most runs."""
    for key, board in boards.items():
        if any(record.id == controls.DEFAULT_RUN for record in board.records):
            return key
    return next(iter(boards))


def why_left_out(record: RunRecord, split: str) -> str | None:
    """Why a run cannot be a point, as Markdown; None where it can."""
    family = FAMILIES[record.config.family]
    if not family.has_posterior:
        return f"does not apply: family {family.name} has no posterior, so no rate"
    if gateway.score(record, "rate", split) is None or gateway.score(record, "distortion", split) is None:
        return controls.plain(gateway.why_no_scores(record))
    return None


def points_of(board: Board, split: str) -> list[TradeoffPoint]:
    """The runs of a board as points, with all their scores of a split."""
    points = []
    for record in board.records:
        rate, distortion = gateway.score(record, "rate", split), gateway.score(record, "distortion", split)
        assert rate is not None
        assert distortion is not None
        stored = (record.scores or {}).get(split) or {}
        scores = {
            name: gateway.score(record, name, split)
            for name in SCORES
            if name in stored and name not in SKIPPED and not isinstance(stored[name], list)
        }
        points.append(
            TradeoffPoint(
                run_id=record.id,
                name=record.name,
                beta=record.config.beta,
                reconstruction_weight=gateway.reconstruction_weight(
                    record.config.beta, gateway.pixels_per_image(record)
                ),
                rate=rate,
                distortion=distortion,
                scores=scores,
                collapsed=rate < COLLAPSED,
            )
        )
    return points


def weight_text(record: RunRecord) -> str:
    """The equivalent reconstruction weight of a run, in words."""
    return controls.weight_text(record.config.beta, gateway.pixels_per_image(record))


def score_table(points: Sequence[TradeoffPoint], front: Sequence[bool]) -> pd.DataFrame:
    """The board as a table that people read, one row a run."""
    return pd.DataFrame(
        {
            "run": [point.name for point in points],
            "beta": [point.beta for point in points],
            "weight": [
                "infinite" if point.reconstruction_weight is None else f"{point.reconstruction_weight:.5g}"
                for point in points
            ],
            "rate": [point.rate for point in points],
            "distortion": [point.distortion for point in points],
            "excess": [point.scores.get("excess_distortion") for point in points],
            "negative_elbo": [point.rate + point.distortion for point in points],
            "front": [bool(one) for one in front],
            "collapsed": [point.collapsed for point in points],
        }
    )


def spread_is_wide(points: Sequence[TradeoffPoint]) -> bool:
    """Whether one rate is so much larger than the others that a linear axis would squeeze them."""
    rates = sorted(point.rate for point in points if not point.collapsed)
    return len(rates) > 2 and rates[-1] > 4 * rates[-2]


def floor_of(points: Sequence[TradeoffPoint]) -> float | None:
    """H(x) in nats per image, the part of D that no model can remove; None where it does not apply."""
    excess = points[0].scores.get("excess_distortion")
    return None if excess is None else points[0].distortion - excess


def stored_latents(record: RunRecord, split: str) -> Latents | None:
    """The latents of a split; None where they are not at hand, or damaged."""
    try:
        return gateway.latents(record, split) if gateway.latents_ready(record, split) else None
    except VAEScopeError:
        return None


def _title(members: Sequence[RunRecord]) -> str:
    config = members[0].config
    widths = "-".join(str(width) for width in config.hidden) or "no hidden layer"
    count = f"{len(members)} runs" if len(members) > 1 else "1 run"
    warmup = f", warm-up of {config.warmup_epochs:g} epochs" if config.warmup_epochs else ""
    network = f"{config.network} {widths} {config.activation}, {config.latent}-D latent"
    likelihood = config.likelihood + (
        f" σ {gateway.sigma_words(members[0])}" if config.likelihood == "gaussian" else ""
    )
    if config.binarise != "none":
        likelihood += f", pixels {gateway.pixel_words(members[0])}"
    if config.free_bits:
        likelihood += f", {config.free_bits:g} free nats a dimension"
    if config.mmd_weight:
        likelihood += f", MMD weighed by {config.mmd_weight:g}"
    document = members[0].document
    assert document is not None
    _, height, width = document.data.padded
    padded = f" padded to {height}x{width}" if document.data.padded != document.data.shape else ""
    family = "" if config.family == "vae" else f"{gateway.FAMILIES[config.family].title}, "
    decay = f", l2 {config.l2:g}" if config.l2 else ""
    return f"{config.dataset}{padded}, {family}{network}, {likelihood}{decay}{warmup}: {count}"
