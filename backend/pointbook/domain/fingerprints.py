"""What tells two documents under the same id apart."""

import hashlib
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii
from typing import Final

_quoted: Final = encode_basestring_ascii


def fingerprint(head: Iterable[str | None], content: str) -> bytes:
    """SHA-256 of the words of a document's head and of the stored form of its content, which is ASCII."""
    text = ",".join(["null" if word is None else _quoted(word) for word in head])
    return hashlib.sha256(f"[{text}]\n{content}".encode("ascii")).digest()
