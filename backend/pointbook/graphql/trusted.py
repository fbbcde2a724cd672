"""Trusted documents: the operations of the widgets, addressed by the SHA-256 of their text.

Sources are ``widgets/documents/*.graphql``; ``trusted_documents.json`` beside this module is what the
server runs. Write it anew with ``python -m pointbook.graphql.trusted widgets/documents``. Those of released
versions are in ``former_documents.json``: pages whose scripts are pinned go on sending their ids.
"""

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

MANIFEST = "trusted_documents.json"
FORMER = "former_documents.json"
_PREFIX = "sha256:"
_SHORT = 16


def document_id(text: str) -> str:
    """The id under which a text is addressed: ``sha256:`` and 64 hexadecimal digits."""
    return _PREFIX + hashlib.sha256(text.encode()).hexdigest()


def normal_id(given: str) -> str:
    """An id as clients write it, with or without the prefix of its kind."""
    return given if given.startswith(_PREFIX) else _PREFIX + given


def by_name(documents: Mapping[str, str]) -> Mapping[str, str]:
    """Documents by their ids, and by the first 16 digits: a script that has many asks by these.

    Raises AssertionError when two documents begin alike.
    """
    short = {identity[: len(_PREFIX) + _SHORT]: text for identity, text in documents.items()}
    assert len(short) == len(documents), "the ids of two documents begin alike"
    return {**documents, **short}


def collect(folder: Path) -> dict[str, str]:
    """Every document of a folder by its id. The text is the file's, without blank lines at its ends."""
    texts = [path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("*.graphql"))]
    return {document_id(text): text for text in texts}


def shipped(folder: Traversable | None = None) -> Mapping[str, str]:
    """What this installation admits. Raises AssertionError when a text is not what its id says."""
    folder = folder or resources.files(__package__)
    documents: dict[str, str] = {}
    for manifest in (MANIFEST, FORMER):
        documents |= json.loads(folder.joinpath(manifest).read_text(encoding="utf-8"))
    for identity, text in documents.items():
        assert document_id(text) == identity, "the manifest was edited by hand"
    return documents


def name_of(text: str) -> str:
    """Of the operation in a document."""
    found = re.search(r"^\s*(?:query|mutation|subscription)\s+(\w+)", text, re.MULTILINE)
    assert found is not None, "a document of the widgets has a named operation"
    return found[1]


def render(documents: Mapping[str, str]) -> str:
    """The manifest as it is committed."""
    return json.dumps(documents, indent=2, ensure_ascii=False) + "\n"


def main(folder: str) -> None:
    target = Path(__file__).with_name(MANIFEST)
    target.write_text(render(collect(Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
