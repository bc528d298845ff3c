"""``python -m benchmarks.proof``: what the long runs came to.

``collect`` reads a report of each tool, writes ``benchmarks/proof.json`` and renders it.
``render`` takes ``benchmarks/bugs_found.toml`` into that file, and writes ``docs/proof.md`` and the table in README
from it; ``render --check`` tells whether all of it is so.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import surroundings
from benchmarks.proof.bugs import read_bugs
from benchmarks.proof.document import document, with_words
from benchmarks.proof.page import page, summary
from benchmarks.proof.reports import NAMES, ReportError, read_reports

_ROOT = Path(__file__).resolve().parent.parent.parent
_FILE, _BUGS = Path("benchmarks", "proof.json"), Path("benchmarks", "bugs_found.toml")
_BEGIN, _END = "<!-- proof -->\n", "<!-- /proof -->"


def main(arguments: Sequence[str] | None = None, *, root: Path = _ROOT) -> int:
    """Collect or render; 0: it is done, or is as it has to be."""
    options = _parser().parse_args(arguments)
    try:
        proof = _collected(options) if options.command == "collect" else _read(root)
        written = {} if proof is None else _rendered(proof, root=root)
    except ReportError as error:
        sys.stderr.write(f"proof: {error}\n")
        return 1
    return _check(written) if options.command == "render" and options.check else _write(written)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proof", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    collect = commands.add_parser("collect", help="read the reports of all long runs")
    for name in NAMES:
        collect.add_argument(f"--{name}", type=Path, required=True, metavar="FILE")
    collect.add_argument("--allow-mixed", action="store_true", help="of several commits, or of what no commit has")
    render = commands.add_parser("render", help="write the pages from benchmarks/proof.json")
    render.add_argument("--check", action="store_true", help="change nothing; fail if a page isn't up to date")
    return parser


def _collected(options: argparse.Namespace) -> Mapping[str, Any]:
    files: dict[str, Path] = {name: getattr(options, name) for name in NAMES}
    proof = document(
        read_reports(files, allow_mixed=options.allow_mixed),
        machine={name: each for name, each in surroundings.environment("").items() if each},
        date=datetime.now(UTC).isoformat(timespec="minutes"),
    )
    print(f"proof: {sum(each['met'] for each in proof['rows'])} of {len(proof['rows'])} goals met")
    return proof


def _read(root: Path) -> Mapping[str, Any] | None:
    """What was collected; None before anything was."""
    file = root / _FILE
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _rendered(proof: Mapping[str, Any], *, root: Path) -> dict[Path, str]:
    """The text of each file."""
    proof, readme = with_words(proof, bugs=read_bugs(root / _BUGS)), root / "README.md"
    return {
        root / _FILE: json.dumps(proof, indent=2, ensure_ascii=False) + "\n",
        root / "docs" / "proof.md": page(proof),
        readme: _with_table(readme, summary(proof)),
    }


def _with_table(readme: Path, table: str) -> str:
    before, begin, rest = readme.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ReportError(f"{readme.name} has no place for the table: two lines, {_BEGIN.strip()} and {_END}")
    return f"{before}{begin}{table}\n{end}{after}"


def _check(written: Mapping[Path, str]) -> int:
    old = [file.name for file, text in written.items() if not file.is_file() or file.read_text("utf-8") != text]
    if old:
        sys.stderr.write(f"{' and '.join(old)} not up to date; run: python -m benchmarks.proof render\n")
    return 1 if old else 0


def _write(written: Mapping[Path, str]) -> int:
    for file, text in written.items():
        file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
