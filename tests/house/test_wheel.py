"""What is installed is whole: data files travel with the code that reads them."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from tests.house.files import ROOT, committed

PACKAGE = ROOT / "backend" / "pointbook"


def test_the_wheel_has_every_file_of_the_package(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    shipped = set(ZipFile(wheel).namelist())
    ours = {str(path.relative_to(PACKAGE.parent)) for path in committed() if path.is_relative_to(PACKAGE)}
    assert {"pointbook/presets/sides.json", "pointbook/texts/templates/pl.txt.j2"} <= ours
    assert ours <= shipped
