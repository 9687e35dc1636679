"""Names that people give, and the ids that are made of them."""

import re
import secrets
import unicodedata

from core.errors import ConfigError
from core.files import one_line
from core.store.documents import NAME_LIMIT

ID_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?")

NOTE_LIMIT = 4000


def clean_name(name: str) -> str:
    """Make a display name one line of visible characters.

    Raises:
        ConfigError: it is no text, nothing is left, or it is too long.
    """
    if not isinstance(name, str):
        raise ConfigError(f"A run's name is a text, not {one_line(repr(name), limit=60)}: put it in quotes.")
    plain = one_line(name, limit=max(len(name), NAME_LIMIT))
    if not plain:
        raise ConfigError("A run's name cannot be empty: give it at least one visible character.")
    if len(plain) > NAME_LIMIT:
        raise ConfigError(
            f"A run's name has at most {NAME_LIMIT} characters, this one has {len(plain)}: shorten it."
        )
    return plain


def plain_note(note: str) -> str:
    """Take out what no text field shows and no UTF-8 file can hold: control characters but new lines and tabs."""
    return "".join(c for c in note if c in "\n\t" or unicodedata.category(c)[0] != "C")


def new_id(name: str) -> str:
    """Make an id of safe characters from a display name, with a random end so that no two collide."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:48].strip("-") or "run"
    return f"{slug}-{secrets.token_hex(3)}"
