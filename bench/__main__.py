"""``python -m bench [NAME ...]``: run benchmarks, each in a process of its own; without a name, all of them."""

import argparse
import pkgutil
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_NO_BENCHMARKS = frozenset({"__main__", "raw"})  # raw is a server that benchmarks start


def benchmarks() -> dict[str, str]:
    """Every module of this folder with a ``main``, and the first line of its docstring."""
    found = {}
    for module in pkgutil.iter_modules([str(_HERE)]):
        source = (_HERE / f"{module.name}.py").read_text()
        if module.name not in _NO_BENCHMARKS and 'if __name__ == "__main__":' in source:
            found[module.name] = source.strip().lstrip('"').splitlines()[0].rstrip('"')
    return dict(sorted(found.items()))


def main() -> int:
    known = benchmarks()
    listing = "\n".join(f"  {name:<16} {summary}" for name, summary in known.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"{__doc__}\n\n{listing}",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("name", nargs="*", choices=[*known, []], help="which to run")
    chosen = parser.parse_args().name or list(known)
    failed = []
    for name in chosen:
        print(f"\n== {name}: {known[name]}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode != 0:  # noqa: S603
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
