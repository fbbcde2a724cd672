"""Keeps what pages have pinned of a version that is released: ``make release``.

Its scripts are served on, its documents are admitted, and the schema that they were written for is remembered, so
that a test can say what would break them.
"""

import json
import shutil
from datetime import UTC, date, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from pointbook.graphql.trusted import FORMER, render, shipped
from pointbook.http.widget_scripts import RELEASED, scripts_in
from tests.house.files import ROOT

PACKAGE = ROOT / "backend" / "pointbook"
RELEASED_SCHEMA = ROOT / "widgets" / "released.graphql"


def keep(version: str, day: date, package: Path = PACKAGE) -> None:
    """Again for the same version: nothing. Raises ValueError if it was released with other scripts."""
    built = package / "http" / "static" / "widgets"
    files = scripts_in(built).values()
    release = {"version": version, "scripts": sorted(file.pinned_name for file in files)}
    manifest = built / RELEASED / "releases.json"
    releases: list[dict[str, Any]] = json.loads(manifest.read_text())
    earlier = next((each for each in releases if each["version"] == version), None)
    if earlier is None:
        releases.append({**release, "date": day.isoformat()})
    elif earlier["scripts"] != release["scripts"]:
        raise ValueError(
            f"{version} was released on {earlier['date']} with other scripts: it needs another number"
        )
    for file in files:
        kept = built / RELEASED / file.pinned_name
        kept.write_bytes(file.content)
        if brotli := file.encoded.get("br"):
            kept.with_name(f"{kept.name}.br").write_bytes(brotli)
    documents = package / "graphql"
    (documents / FORMER).write_text(render(shipped(documents)))
    manifest.write_text(json.dumps(releases, indent=2) + "\n")


if __name__ == "__main__":
    keep(installed("pointbook"), datetime.now(UTC).date())
    shutil.copy(ROOT / "schema.graphql", RELEASED_SCHEMA)
