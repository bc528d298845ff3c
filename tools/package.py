"""Makes the zip that is deployed: what ``.funcignore`` leaves, the same bytes each time."""

import argparse
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pathspec

_ROOT = Path(__file__).resolve().parent.parent
#: The oldest time that a zip can state, for every file: when it was checked out is nobody's business.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644


def main(arguments: Sequence[str], *, root: Path = _ROOT) -> int:
    """Write the package and say what is in it."""
    parser = argparse.ArgumentParser(prog="python -m tools.package", description=__doc__)
    parser.add_argument("zip", type=Path, help="the file to write")
    target: Path = parser.parse_args(arguments).zip
    names = write(target, root=root)
    print(f"{target}: {len(names)} files, {target.stat().st_size} bytes")
    return 0


def write(target: Path, *, root: Path) -> list[str]:
    """Write the package of the app in ``root``; return the names of its files.

    Files are stored, not compressed: another zlib would give other bytes.
    """
    names = sorted(_files(root))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as package:
        for name in names:
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.external_attr = _REGULAR_FILE << 16
            entry.create_system = 3  # Unix, wherever it is made
            package.writestr(entry, (root / name).read_bytes())
    return names


def _files(root: Path) -> Iterator[str]:
    ignored = pathspec.GitIgnoreSpec.from_lines((root / ".funcignore").read_text(encoding="utf-8").splitlines())
    for folder, folders, files in root.walk():
        place = folder.relative_to(root)
        folders[:] = [each for each in folders if not ignored.match_file(f"{(place / each).as_posix()}/")]
        yield from (path for each in files if not ignored.match_file(path := (place / each).as_posix()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
