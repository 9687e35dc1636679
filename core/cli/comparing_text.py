"""`compare` as text: the numbers of its document as tables."""

from typing import Any

from core.analysis.scores import SCORES
from core.cli.documents import NAME_COLUMNS
from core.cli.terminal import number, shorten, table

PAIRED = ("distortion", "rate", "negative_elbo")
"""Scores whose spread over seeds a text shows; JSON has all."""


def lines(document: dict[str, Any]) -> list[str]:
    """What `compare` prints: the document's numbers as tables."""
    letters = list(document["runs"])
    text = [
        f"{letter}  {shorten(run['name'], NAME_COLUMNS)}  ({run['id']})"
        for letter, run in document["runs"].items()
    ]
    text += ["", *_score_lines(document, letters)]
    for pair, found in document["differences"].items():
        first, second = pair.split("-")
        if found["why_not_comparable"]:
            text += ["", f"{first} - {second}: not compared, because {found['why_not_comparable']}."]
        elif found["scores"]:
            text += ["", *_difference_lines(first, second, found["scores"])]
    for group in document["groups"]:
        if group["similarity"]:
            text += ["", *_matrix_lines(group), "", *_alignment_lines(group)]
    for group in document["seeds"]:
        parts = [
            f"{SCORES[name].title} {number(one['mean'], decimals=3)} +- {number(one['standard_deviation'], decimals=3)}"
            for name, one in group["scores"].items()
            if name in PAIRED
        ]
        who = ", ".join(group["runs"])
        text += [
            "",
            f"{who} differ in the seed alone; mean +- standard deviation over seeds: {'; '.join(parts)}",
        ]
        if group["curves"]:
            text += ["--json has their loss curves too, mean and standard deviation of each epoch."]
    text += ["", *_setting_lines(document, letters)]
    for letter, why in document["missing"].items():
        text += ["", f"{letter}: no differences, similarity or alignment. {why}"]
    return text


def _score_lines(document: dict[str, Any], letters: list[str]) -> list[str]:
    if not document["scores"]:
        return [
            f"No run has scores of the {document['split']} split yet: `python -m core evaluate RUN` computes them."
        ]
    header = (f"score ({document['split']})", *letters, "better", "unit", "direction")
    rows = []
    for name, one in document["scores"].items():
        best = one["best"]
        mark = ", ".join(best) if best else f"not marked: {one['why_not_marked']}"
        if len(best) == len(letters):
            mark = "equal"
        rows.append(
            (
                SCORES[name].title,
                *(number(value) for value in one["values"].values()),
                mark if best or one["why_not_marked"] else "",
                SCORES[name].unit,
                document["direction"][name] or "-",
            )
        )
    return table(header, rows, right=letters)


def _difference_lines(first: str, second: str, scores: dict[str, Any]) -> list[str]:
    images = max(one["images"] for one in scores.values())
    header = (f"{first} - {second}", "mean", "from", "to", f"{first} lower on", "")
    rows = []
    for name, one in scores.items():
        verdict = ""
        if one["low"] is not None:
            lower = first if one["mean"] < 0 else second
            verdict = "no difference can be told" if one["low"] <= 0 <= one["high"] else f"{lower} is lower"
        rows.append(
            (
                SCORES[name].title,
                *(number(one[end], decimals=3) for end in ("mean", "low", "high")),
                f"{100 * one['share_lower_in_first']:.0f} %",
                verdict,
            )
        )
    return [
        *table(header, rows, right=header[1:5]),
        f"Nats per image, over the same {images:,} images; from, to: 95 % interval of the mean (paired, Student's t).",
    ]


def _matrix_lines(group: dict[str, Any]) -> list[str]:
    letters, alike = group["runs"], group["similarity"]
    of = f" (a stratified sample of {alike['of_images']:,})" if alike["images"] < alike["of_images"] else ""
    chance = number(alike["overlap_by_chance"], decimals=3)
    titles = {
        "cka": "linear CKA",
        "overlap": f"overlap of {alike['neighbours']} nearest neighbours, by chance {chance}",
    }
    text: list[str] = []
    for name, title in titles.items():
        rows = [
            (letter, *(number(value, decimals=3) for value in row))
            for letter, row in zip(letters, alike[name], strict=True)
        ]
        text += [f"{title} (0 to 1, higher is more alike)", *table(("", *letters), rows, right=letters), ""]
    return [
        *text,
        f"Over the same {alike['images']:,} images{of}, at the means of q(z given x), or the codes.",
    ]


def _alignment_lines(group: dict[str, Any]) -> list[str]:
    first = group["runs"][0]
    header = (f"laid onto {first}", "method", "residual", "distance", "mirrored")
    rows = [
        (
            letter,
            method,
            number(fit["residual"], decimals=3),
            number(fit["distance"], decimals=3),
            "yes" if fit["mirrored"] else "no",
        )
        for letter, methods in (group["alignment"] or {}).items()
        for method, fit in methods.items()
    ]
    return [
        *table(header, rows, right=("residual", "distance")),
        "residual: 0 one shape, 1 nothing in common; distance: root mean square over images, in units of the latents",
        "(the prior's sigma; a code has no unit). Lower is more alike.",
    ]


def _setting_lines(document: dict[str, Any], letters: list[str]) -> list[str]:
    if not document["settings"]:
        return ["All settings are equal, the seed included."]

    def text(one: dict[str, Any], letter: str) -> str:
        if not one["applies"][letter]:
            return "does not apply"
        value = one["values"][letter]
        if isinstance(value, list | tuple):
            return ",".join(map(str, value)) or "none"
        return "none" if value is None else number(value) if isinstance(value, float) else str(value)

    rows = [(one["key"], *(text(one, letter) for letter in letters)) for one in document["settings"]]
    return table(("settings that differ", *letters), rows)
