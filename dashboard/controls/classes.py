"""The class that a run which is told the label decodes as."""

import streamlit as st

from dashboard import gateway
from dashboard.controls.choices import select
from dashboard.controls.words import plain
from dashboard.gateway import RunRecord

OWN = "own"
WIDTH = 260


def class_names_of(record: RunRecord) -> tuple[str, ...]:
    """Names of the classes of a run's data, by label."""
    assert record.document is not None
    return record.document.data.class_names


def pick_class(record: RunRecord, *, key: str = "as", what: str = "Decode as class") -> int | None:
    """Ask which class to decode as, the first one by default; None of a run that is not told any."""
    if not gateway.needs_labels(record):
        return None
    names = {str(label): name for label, name in enumerate(class_names_of(record))}
    with st.container(width=WIDTH):
        return int(select(what, names, key=key, default="0", help=_help(record)))


def pick_class_or_own(record: RunRecord) -> int | None:
    """Ask which class to decode as, each image's own by default; None for that, and of a run that is not told any."""
    if not gateway.needs_labels(record):
        return None
    names = {OWN: "each image's own"}
    names |= {str(label): name for label, name in enumerate(class_names_of(record))}
    with st.container(width=WIDTH):
        chosen = select("Decode as class", names, key="as", default=OWN, help=_help(record))
    return None if chosen == OWN else int(chosen)


def class_words(record: RunRecord, label: int | None) -> str:
    """' as class 3', to stand behind 'decoded'; nothing where no class is told. Markdown."""
    return "" if label is None else f" as class {plain(class_names_of(record)[label])}"


def _help(record: RunRecord) -> str:
    return (
        f"Family {record.config.family} is told the label: one place of its latent space decodes to another image for "
        "each class."
    )
