"""Runs the app on this machine: by Core Tools' ``func start`` where it is installed, else by ``functions_host``."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_SETTINGS = "local.settings.json"


class StartRefusedError(Exception):
    """The app can't be run like that; says why and what to do."""


def main(arguments: Sequence[str], *, root: Path = _ROOT) -> int:
    """Become the host of the app in ``root``; returns only where that was refused."""
    path = f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    try:
        line = command(arguments, root=root, path=path)
    except StartRefusedError as error:
        sys.stderr.write(f"start: {error}\n")
        return 2
    sys.stderr.write(f"start: {' '.join(line)}\n")
    os.chdir(root)
    return os.execve(line[0], line, {**os.environ, "PATH": path, "VIRTUAL_ENV": sys.prefix})  # noqa: S606 - no shell


def command(arguments: Sequence[str], *, root: Path, path: str) -> list[str]:
    """The command line that runs the app; ``path`` is where programs are looked for.

    Raises StartRefusedError without settings, and for a lease of messages that only tests may have.
    """
    if any(each.startswith("--lease") for each in arguments):
        raise StartRefusedError("a shorter lease of messages is for tests; the platform's is ten minutes")
    if not (root / _SETTINGS).is_file():
        raise StartRefusedError(f"there is no {_SETTINGS}; begin with: cp local.settings.sample.json {_SETTINGS}")
    if func := shutil.which("func", path=path):
        return [func, "start", *arguments]
    return [sys.executable, "-m", "functions_host", "start", *arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
