"""The passwords of one data directory's servers and the installation's secret."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pointbook.embedded.errors import EmbeddedError


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """Made once for a data directory and kept in it; ``secret`` is what voucher codes are derived from."""

    superuser_password: str
    owner_password: str
    app_password: str
    valkey_password: str
    secret: str

    @classmethod
    def make_or_read(cls, data_dir: Path, *, cluster: Path) -> "Secrets":
        """New ones only where no cluster exists: it would not know them. Raises EmbeddedError."""
        kept = _file(data_dir)
        if kept.exists() or (cluster / "PG_VERSION").exists():
            return cls.read(data_dir)
        made = cls(*(secrets.token_urlsafe(32) for _ in fields(cls)))
        _write_durably(kept, json.dumps(asdict(made), indent=2))
        return made

    @classmethod
    def read(cls, data_dir: Path) -> "Secrets":
        """Raises EmbeddedError when the file is missing or not whole."""
        kept = _file(data_dir)
        try:
            document = json.loads(kept.read_text())
            found = [document[field.name] for field in fields(cls)]
        except (ValueError, KeyError, TypeError, FileNotFoundError):
            found = []
        if not found or not all(isinstance(value, str) and value for value in found):
            raise EmbeddedError(
                f"{kept} is {'damaged' if kept.exists() else 'missing'}: put it back from a backup,"
                f" or remove {data_dir} to begin anew without its data."
            )
        return cls(*found)


def _file(data_dir: Path) -> Path:
    return data_dir / "secrets.json"


def _write_durably(path: Path, content: str) -> None:
    """After a power cut the file is whole or not there: a cluster without its passwords would be lost."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    with unfinished.open("w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
