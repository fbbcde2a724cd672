"""The files of the repository, as a stranger gets them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def committed() -> list[Path]:
    """Every file under version control, or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def read(path: Path) -> str | None:
    """The text of a file; None for a picture or another file that is none."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return None
