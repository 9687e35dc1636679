"""The bytes that carry a latent map to the browser: one JSON header and a few typed sections.

Layout, little-endian throughout::

    4 bytes   magic, ``VLM1``
    4 bytes   length of the header, a multiple of 4
    header    JSON (UTF-8), padded with spaces; ``header["sections"]`` lists what follows
    sections  each starts at a multiple of 4: name, type, shape, offset from the end of the header, bytes, hash

The browser's half is ``web/payload.js``. A section whose hash it has seen is not copied again.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

MAGIC = b"VLM1"
DTYPES: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "uint32": np.dtype("<u4"),
    "uint8": np.dtype("u1"),
}


def digest(data: bytes | memoryview) -> str:
    """Hash bytes for recognition, not for security: 16 hexadecimal digits of BLAKE2b."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def pack(
    header: Mapping[str, Any],
    sections: Mapping[str, np.ndarray],
    *,
    hashes: Mapping[str, str] | None = None,
) -> bytes:
    """Write a header and named arrays as one block of bytes.

    Args:
        header: JSON values; the key ``sections`` is written by this function.
        sections: arrays of type float32, uint32 or uint8, by name, in the order in which they are stored.
        hashes: hashes that are known already, by section name (a sheet of thumbnails is hashed once).

    Returns:
        The payload; equal input gives equal bytes.

    Raises:
        ValueError: a type other than the three, a NaN or infinity in the header, or a taken key.
    """
    if "sections" in header:
        raise ValueError("The payload's header may not bring its own 'sections': pack() writes that key.")
    entries: list[dict[str, Any]] = []
    body: list[bytes] = []
    offset = 0
    for name, array in sections.items():
        kind = array.dtype.name
        if kind not in DTYPES:
            raise ValueError(f"Section {name!r} is {kind}; allowed types are {', '.join(DTYPES)}.")
        data = np.ascontiguousarray(array, dtype=DTYPES[kind]).tobytes()
        known = (hashes or {}).get(name)
        entries.append(
            {
                "name": name,
                "type": kind,
                "shape": list(array.shape),
                "offset": offset,
                "bytes": len(data),
                "hash": known or digest(data),
            }
        )
        padding = -len(data) % 4
        body += [data, b"\0" * padding]
        offset += len(data) + padding
    try:
        text = json.dumps({**header, "sections": entries}, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(f"The payload's header holds a number that JSON cannot carry: {error}.") from error
    head = text.encode()
    head += b" " * (-len(head) % 4)
    return b"".join([MAGIC, len(head).to_bytes(4, "little"), head, *body])


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read back what `pack` wrote; tests use it to see what a page sent.

    Returns:
        The header (with its list ``sections``) and the read-only arrays by name.

    Raises:
        ValueError: the bytes are no payload, or end early.
    """
    if data[:4] != MAGIC:
        raise ValueError(
            f"These bytes are no latent map payload: they begin with {data[:4]!r}, not {MAGIC!r}."
        )
    length = int.from_bytes(data[4:8], "little")
    start = 8 + length
    if len(data) < start:
        raise ValueError(f"The payload ends early: its header needs {start} bytes, there are {len(data)}.")
    header = json.loads(data[8:start])
    arrays: dict[str, np.ndarray] = {}
    for entry in header["sections"]:
        first = start + entry["offset"]
        raw = data[first : first + entry["bytes"]]
        if len(raw) < entry["bytes"]:
            raise ValueError(f"The payload ends early: section {entry['name']!r} is cut off.")
        arrays[entry["name"]] = np.frombuffer(raw, dtype=DTYPES[entry["type"]]).reshape(entry["shape"])
    return header, arrays
