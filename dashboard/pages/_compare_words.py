"""Numbers, differences and verdicts of the Compare page as text."""

from dashboard.gateway import SCORES, PairedDifference

NOT_APPLICABLE = "does not apply"
DIGITS = {"squared_error_at_mean": 5, "beta": 4, "distortion_standard_error": 4}
"""Decimals of scores that need more than two"""


def number_text(value: float, name: str) -> str:
    """A score as tables print it."""
    if SCORES[name].unit in ("images", "values per image", "dimensions"):
        return f"{value:,.0f}"
    if name in ("beta", "reconstruction_weight"):
        return f"{value:,.6g}"
    return f"{value:,.{DIGITS.get(name, 2)}f}"


def signed(value: float | None, name: str) -> str:
    """A difference of a score, with its sign; nothing where there is none."""
    if value is None:
        return ""
    text = number_text(abs(value), name)
    return text if not text.strip("0.,") else f"{'+' if value > 0 else '−'}{text}"


def interval(pair: PairedDifference | None, name: str) -> str:
    """The 95 % interval of a paired difference; nothing where there is none."""
    if pair is None or pair.low is None or pair.high is None:
        return ""
    return f"{signed(pair.low, name)} to {signed(pair.high, name)}"


def verdict(pair: PairedDifference, first: str, second: str) -> str:
    """What a paired difference says about two runs, by letter."""
    if pair.low is None or pair.high is None:
        return "one image has no interval"
    if not pair.tells:
        return "no difference can be told"
    return f"{first if pair.mean < 0 else second} is lower"


def paired_sentence(name: str, pair: PairedDifference) -> str:
    """A paired difference of A and B in words, as Markdown of ours."""
    title = SCORES[name].title
    if pair.low is None or pair.high is None:
        return f"{title}: A − B = {signed(pair.mean, name)} nats per image (one image has no interval)."
    span = f"95 % interval {signed(pair.low, name)} to {signed(pair.high, name)}"
    return (
        f"{title}: **A − B = {signed(pair.mean, name)} nats per image** ({span}): {verdict(pair, 'A', 'B')}; "
        f"A is lower on {100 * pair.first_lower:.0f} % of the images."
    )
