"""Queries: which images of a split have these labels, this D, R or negative ELBO, and this error."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.analysis.scores import SCORES
from core.data.images import SPLITS
from core.errors import ConfigError, NotApplicable
from core.files import one_line
from core.latents import Latents

Range = tuple[float | None, float | None]
"""Lowest and highest value, both let through; None is an open end."""

PER_IMAGE = ("distortion", "rate", "negative_elbo")
RANGES = (*PER_IMAGE, "error")
"""What a query gives ranges of."""
NEED_RATE = ("rate", "negative_elbo")
ERROR = "squared_error_at_mean"
"""Row of the table of scores that says what an image's error is."""
UNLABELLED = "no label"
"""How the label of an image without one reads; a query and its JSON have None for it."""


@dataclass(frozen=True)
class Query:
    """What images are asked for: all that is said must hold.

    Raises:
        ConfigError: a range that is none, no split or an unknown one, or an empty list of labels.
    """

    labels: tuple[str | None, ...] | None = None
    """Names of classes, None among them for images without a label; None: whatever the label"""
    distortion: Range | None = None
    """Nats per image"""
    rate: Range | None = None
    """Nats per image"""
    negative_elbo: Range | None = None
    """Nats per image"""
    error: Range | None = None
    """Mean squared error per pixel of the reconstruction at the mean, pixels in [0, 1]"""
    splits: tuple[str, ...] = ("test",)

    def __post_init__(self) -> None:
        """Check every part, and bring it into one form: an open range is no range, splits stand in their order."""
        for name in RANGES:
            object.__setattr__(self, name, _range(name, getattr(self, name)))
        if self.labels is not None:
            if isinstance(self.labels, str) or not all(
                one is None or isinstance(one, str) for one in self.labels
            ):
                raise ConfigError("Labels are a list of the names of classes: give a list of texts.")
            if not self.labels:
                raise ConfigError(
                    "A query without any label finds nothing: name one, or leave the labels out."
                )
            object.__setattr__(self, "labels", tuple(dict.fromkeys(self.labels)))
        if isinstance(self.splits, str) or not self.splits or set(self.splits) - set(SPLITS):
            raise ConfigError(
                f"The splits of a query are one or more of {', '.join(SPLITS)}, not "
                f"{one_line(self.splits, limit=60)!r}: choose among these."
            )
        object.__setattr__(self, "splits", tuple(split for split in SPLITS if split in self.splits))

    def document(self) -> dict[str, Any]:
        """Write the query as JSON: what it does not ask for is null."""
        ranges = {name: None if (one := getattr(self, name)) is None else list(one) for name in RANGES}
        return {
            "labels": None if self.labels is None else list(self.labels),
            **ranges,
            "splits": list(self.splits),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Query":
        """Read a query from its JSON.

        Raises:
            ConfigError: an unknown key, or a value that is none of that key.
        """
        if not isinstance(document, Mapping):
            raise ConfigError("A query is a JSON object: see `Query.document` for its keys.")
        unknown = sorted(set(map(str, document)) - set(cls.__dataclass_fields__))
        if unknown:
            raise ConfigError(
                f"A query has no '{one_line(unknown[0], limit=60)}': it has {', '.join(cls.__dataclass_fields__)}."
            )
        values: dict[str, Any] = dict(document)
        for name in ("labels", "splits"):
            if name in values and not (isinstance(values[name], list | tuple) or values[name] is None):
                raise ConfigError(
                    f"The {name} of a query are a list, not {one_line(repr(values[name]), limit=60)}."
                )
        labels = values.get("labels")
        values["labels"] = None if labels is None else tuple(labels)
        if values.get("splits") is None:
            values.pop("splits", None)
        return cls(**values)

    @property
    def needs_rate(self) -> bool:
        """Whether it can be asked of a family with a posterior alone."""
        return self.rate is not None or self.negative_elbo is not None

    def sentence(self) -> str:
        """Say the query in words, as one sentence."""
        first, *others = self.splits
        where = f"{first.capitalize()}{''.join(f' and {other}' for other in others)} images"
        if self.labels is not None:
            names = [UNLABELLED if one is None else f"'{one}'" for one in self.labels]
            where += (
                f" labelled {', '.join(names[:-1])} or {names[-1]}" if names[1:] else f" labelled {names[0]}"
            )
        parts = [
            f"{_short(name)} {_range_words(values)}{'' if name == 'error' else ' nats'}"
            for name in RANGES
            if (values := getattr(self, name)) is not None
        ]
        if not parts:
            return f"{where}."
        return f"{where} with {', '.join(parts[:-1])}{' and ' if parts[1:] else ''}{parts[-1]}."


def _short(name: str) -> str:
    return {"distortion": "D", "rate": "R", "negative_elbo": "negative ELBO", "error": "error per pixel"}[
        name
    ]


def _range_words(values: Range) -> str:
    low, high = values
    if low is None:
        return f"at most {high:.6g}"
    if high is None:
        return f"at least {low:.6g}"
    return f"from {low:.6g} to {high:.6g}"


def _range(name: str, values: Any) -> Range | None:
    title = "error" if name == "error" else SCORES[name].title
    if values is None:
        return None
    if not isinstance(values, list | tuple) or len(values) != 2:
        raise ConfigError(
            f"The range of {title} is two numbers, the lowest and the highest: give both, or none."
        )
    ends: list[float | None] = []
    for one in values:
        if one is not None and (
            isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one)
        ):
            raise ConfigError(
                f"An end of the range of {title} is a finite number, or nothing where it is open, not "
                f"{one_line(repr(one), limit=40)}."
            )
        ends.append(None if one is None else float(one))
    low, high = ends
    if low is not None and high is not None and low > high:
        raise ConfigError(f"The range of {title} is empty, from {low:.6g} to {high:.6g}: swap its ends.")
    return None if low is None and high is None else (low, high)


def per_image(latents: Latents, name: str) -> np.ndarray:
    """'distortion', 'rate' or 'negative_elbo' of each image -> (N,) float64, nats.

    Raises:
        NotApplicable: a rate of codes without a posterior.
    """
    if name not in PER_IMAGE:
        raise ConfigError(
            f"There is no '{one_line(name, limit=60)}' of an image: use one of {', '.join(PER_IMAGE)}."
        )
    distortion = latents.distortion.astype(np.float64)
    if name == "distortion":
        return distortion
    if latents.rate is None:
        raise NotApplicable(
            f"{SCORES[name].title} does not apply: codes without a posterior have no rate; ask for D or the error "
            "instead."
        )
    rate = latents.rate.astype(np.float64)
    return rate if name == "rate" else distortion + rate


def matching(
    latents: Latents,
    query: Query,
    errors: np.ndarray | None = None,
    *,
    class_names: Sequence[str],
) -> np.ndarray:
    """Find the images of a table that a query asks for.

    Args:
        latents: N images; where their splits are not known, all of them count as asked for.
        query: what is asked for.
        errors: (N,) error of each image, per pixel; needed where the query gives a range of it.
        class_names: names of the labels.

    Returns:
        (M,) int64, places in the table, ascending.

    Raises:
        ConfigError: a label that the data do not have, or a range of errors without errors.
        NotApplicable: a rate is asked of codes without a posterior.
        ValueError: not as many errors as images.
    """
    keep = np.ones(len(latents), bool)
    if latents.splits is not None:
        keep &= np.isin(latents.splits, [SPLITS.index(split) for split in query.splits])
    if query.labels is not None:
        keep &= np.isin(latents.labels, [_label(one, class_names) for one in query.labels])
    for name in PER_IMAGE:
        if (values := getattr(query, name)) is not None:
            keep &= _within(per_image(latents, name), values)
    if query.error is not None:
        if errors is None:
            raise ConfigError("This query gives a range of errors, and there are none: compute them first.")
        if errors.shape != (len(latents),):
            raise ValueError(f"{len(latents)} images need ({len(latents)},) errors, not {errors.shape}.")
        keep &= _within(errors.astype(np.float64), query.error)
    return np.flatnonzero(keep)


def _label(name: str | None, class_names: Sequence[str]) -> int:
    if name is None:
        return -1
    if name not in class_names:
        raise ConfigError(
            f"There is no label '{one_line(name, limit=60)}' in these data: choose from {', '.join(class_names)}."
        )
    return list(class_names).index(name)


def _within(values: np.ndarray, ends: Range) -> np.ndarray:
    low, high = ends
    return (values >= (-np.inf if low is None else low)) & (values <= (np.inf if high is None else high))


def extremes(latents: Latents, by: str, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k worst and the k best images by 'negative_elbo' or 'distortion', of which lower is better.

    Returns:
        Two (min(k, N),) int64 arrays of places in the table, the worst first and the best first; of equal images the
        one that stands first.

    Raises:
        ConfigError: k is below 1, or a score of which neither direction is better.
        NotApplicable: a negative ELBO of codes without a posterior.
    """
    values = per_image(latents, by)
    if SCORES[by].direction != "lower":
        raise ConfigError(
            f"Neither more nor less {SCORES[by].title} is better: ask for the negative ELBO or D."
        )
    if k < 1:
        raise ConfigError(f"{k} images are none: ask for 1 or more.")
    worst, best = np.argsort(-values, kind="stable"), np.argsort(values, kind="stable")
    return worst[:k], best[:k]


def worst_first_by(latents: Latents) -> str:
    """The score that tells worse images from better ones: negative ELBO, or D of codes without a posterior."""
    return "negative_elbo" if latents.rate is not None else "distortion"
