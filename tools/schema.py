"""Writes ``datasets.schema.json``, by which editors complete and check ``datasets.toml``."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.catalogs.kinds import KINDS
from shared.model.datasets import Datasets
from shared.model.kinds import define

_FILE = Path(__file__).resolve().parent.parent / "datasets.schema.json"


def main(arguments: Sequence[str], *, file: Path = _FILE) -> int:
    """Write the schema, or with --check tell whether it is up to date; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.schema", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if the file isn't up to date")
    expected = schema()
    if not parser.parse_args(arguments).check:
        file.write_text(expected, encoding="utf-8")
        return 0
    if file.is_file() and file.read_text(encoding="utf-8") == expected:
        return 0
    sys.stderr.write(f"{file.name} isn't up to date; run: python -m tools.schema\n")
    return 1


def schema() -> str:
    """The schema as it is written to the file."""
    define(KINDS)
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sluice's datasets",
        **{name: value for name, value in Datasets.model_json_schema().items() if name != "title"},
    }
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
