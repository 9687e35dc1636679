"""Names, notes and tags that people give, and the ids that are made of names."""

import contextlib
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable

from core.errors import ConfigError
from core.files import one_line
from core.store.documents import NAME_LIMIT

ID_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?")

NOTE_LIMIT = 4000

TAG_LIMIT = 32
"""Characters of a tag at most"""

TAGS_LIMIT = 20
"""Tags of a run at most"""


def clean_name(name: str, *, of: str = "run") -> str:
    """Make a display name one line of visible characters; `of` is what it names, for the errors.

    Raises:
        ConfigError: it is no text, nothing is left, or it is too long.
    """
    if not isinstance(name, str):
        raise ConfigError(f"A {of}'s name is a text, not {one_line(repr(name), limit=60)}: put it in quotes.")
    plain = one_line(name, limit=max(len(name), NAME_LIMIT))
    if not plain:
        raise ConfigError(f"A {of}'s name cannot be empty: give it at least one visible character.")
    if len(plain) > NAME_LIMIT:
        raise ConfigError(
            f"A {of}'s name has at most {NAME_LIMIT} characters, this one has {len(plain)}: shorten it."
        )
    return plain


def plain_note(note: str) -> str:
    """Take out what no text field shows and no UTF-8 file can hold: control characters but new lines and tabs."""
    return "".join(c for c in note if c in "\n\t" or unicodedata.category(c)[0] != "C")


def clean_tag(tag: str) -> str:
    """Make a tag one line of visible characters in lower case, so that 'Paper' and 'paper' are one tag.

    Raises:
        ConfigError: nothing is left, it is too long, it holds a comma, or it begins with + or -.
    """
    lower = one_line(tag, limit=max(len(tag), TAG_LIMIT)).lower()
    plain = unicodedata.normalize("NFC", lower)  # an accent as part of a letter or after it: the same tag
    if not plain:
        raise ConfigError("A tag cannot be empty: give it at least one visible character.")
    if len(plain) > TAG_LIMIT:
        raise ConfigError(
            f"A tag has at most {TAG_LIMIT} characters, '{one_line(plain, limit=40)}' has {len(plain)}: shorten it."
        )
    if "," in plain or plain[0] in "+-":
        # a comma stands between the tags of a link, + and - before those that a command adds and removes
        raise ConfigError(
            f"A tag cannot hold a comma or begin with + or -, as '{plain}' does: leave them out."
        )
    return plain


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Clean several tags: each once, in the order of the alphabet.

    Raises:
        ConfigError: one of them is no tag (`clean_tag`), or there are too many for a run.
    """
    cleaned = sorted({clean_tag(tag) for tag in tags})
    if len(cleaned) > TAGS_LIMIT:
        raise ConfigError(
            f"A run has at most {TAGS_LIMIT} tags, and these would be {len(cleaned)}: remove some first."
        )
    return tuple(cleaned)


def stored_tags(value: object) -> tuple[str, ...]:
    """Read tags as annotations.json has them, by whatever hand: what is no tag is left out."""
    found = []
    for one in value if isinstance(value, list) else []:
        if isinstance(one, str):
            with contextlib.suppress(ConfigError):
                found.append(clean_tag(one))
    return tuple(sorted(set(found))[:TAGS_LIMIT])


def new_id(name: str, *, fallback: str = "run", taken: Callable[[str], bool] = lambda _: False) -> str:
    """Make an id of safe characters from a display name, with a random end.

    Args:
        name: as people read it.
        fallback: the word to begin with where the name has no safe character.
        taken: whether an id is in use already. Of 300 of one name two have the same random end once in 400 times.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:48].strip("-") or fallback
    while taken(made := f"{slug}-{secrets.token_hex(3)}"):
        pass
    return made
