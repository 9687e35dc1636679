"""What `attribute` says of two labels: the vector between their averages, and what leaks onto other labels."""

from typing import Any

import numpy as np

from core.analysis.attributes import attribute_vector, class_means, leakage
from core.analysis.pvalues import centre_and_spread
from core.cli.terminal import CountProgress, number, table
from core.errors import ConfigError, DataError
from core.runs import Run

OTHERS = "others"


def describe_attribute(run: Run, *, to: str, source: str, split: str, strength: float) -> dict[str, Any]:
    """Take the vector from one label, or all others, to another one, and move the images of the first along it.

    Codes without a prior are brought to mean 0 and variance 1 before lengths and distances are taken.

    Raises:
        ConfigError: a label that the data set does not have, or twice the same.
        DataMissing: latents must be encoded and the data set is not on this machine.
        DataError: no image bears one of the labels.
    """
    goal = label_of(run, to)
    start = None if source == OTHERS else label_of(run, source)
    if goal == start:
        raise ConfigError(
            f"An attribute leads from one label to another, and '{to}' was given twice: change one."
        )
    progress = CountProgress(unit="image", announce=False)
    try:
        latents = run.latents(split, progress=progress)
    finally:
        progress.close()
    having = latents.labels == goal
    lacking = (latents.labels >= 0) & ~having if start is None else latents.labels == start
    if not having.any() or not lacking.any():
        missing = to if not having.any() else source
        raise DataError(
            f"No {split} image of run '{run.name}' bears the label '{missing}': choose another label."
        )
    vector = attribute_vector(latents.means[having], latents.means[lacking])
    centre, spread = np.zeros(run.latent), np.ones(run.latent)
    if not run.has_posterior:
        centre, spread = centre_and_spread(latents.means)
    space = (latents.means - centre) / spread
    labels, centres = class_means(space, latents.labels)
    found = leakage(
        space[lacking],
        latents.labels[lacking],
        vector=vector / spread,
        strengths=np.array([strength]),
        labels=labels,
        centres=centres,
    )
    shares = {
        run.class_names[label]: float(share) for label, share in zip(labels, found.moved_to[0], strict=True)
    }
    return {
        "run": run.id,
        "split": split,
        "to": to,
        "from": source,
        "images_to": int(having.sum()),
        "images_from": int(lacking.sum()),
        "vector": vector.tolist(),
        "length": float(np.linalg.norm(vector / spread)),
        "strength": strength,
        "moved_to": shares,
        "leakage": float(found.onto_others(goal)[0]),
        "agreement": found.agreement,
    }


def attribute_lines(document: dict[str, Any], *, unit: str) -> list[str]:
    """Say the same for people."""
    rows = [
        (name, "meant" if name == document["to"] else "leakage", number(100 * share, decimals=1))
        for name, share in document["moved_to"].items()
        if share or name == document["to"]
    ]
    return [
        f"The average of {document['to']} minus that of {document['from']}, {document['split']} images: "
        f"{document['images_to']:,} and {document['images_from']:,}; {document['length']:.3f} {unit} long.",
        "",
        f"At strength {document['strength']:g}, images of {document['from']} that now lie nearest to a label's average "
        "and did not before:",
        *table(("label", "", "%"), rows, right=("%",)),
        "",
        f"Leakage onto labels other than {document['to']}: {100 * document['leakage']:.1f} % (lower is cleaner). "
        f"Unmoved, {100 * document['agreement']:.1f} % lie nearest to their own label's average (higher: these shares "
        "mean more).",
    ]


def label_of(run: Run, name: str) -> int:
    """Label of a class, by its name.

    Raises:
        ConfigError: the data set has no such class.
    """
    if name not in run.class_names:
        raise ConfigError(f"There is no label '{name}': choose one of {', '.join(run.class_names)}.")
    return run.class_names.index(name)
