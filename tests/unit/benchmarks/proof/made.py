"""Reports as the tools of the long runs write them, in which all is well."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_GROWN = {"warm": 100.0, "end": 101.5, "per_1000_assets": 0.2, "bound": 24}
_WELL: Mapping[str, dict[str, Any]] = {
    "simulation": {
        "commit": "abc",
        "first": 7,
        "figures": {
            "schedules": 1_000_000,
            "failures": 0,
            "calls": 140_000_000,
            "crashes": 1_500_000,
            "other faults": 7_000_000,
            "deliveries": 15_000_000,
            "redeliveries": 4_000_000,
        },
        "failures": {},
        "crash_points": {"copy:blobs.put": [1000, 3, 4], "copy:ledger.write": [900, 2, 1]},
        "digest": "0123456789abcdef0123456789abcdef",
    },
    "exhaustive": {
        "commit": "abc",
        "models": [
            {
                "name": "a chain of pages",
                "ways": 200_000,
                "states": 3000,
                "ends": 4,
                "steps": 9000,
                "longest": 31,
                "is_whole": True,
                "broken": [],
            }
        ],
    },
    "mutants": {
        "commit": "abc",
        "plants": [
            {
                "plant": f"bug {number}",
                "says": "what it breaks",
                "after": number,
                "model": None,
                "broke": "S1: it is in no queue",
                "seeds": 9,
                "of": 200,
            }
            for number in range(1, 26)
        ],
    },
    "chaos": {
        "commit": "abc",
        "seed": 3,
        "seconds": 1530.5,
        "kills": 500,
        "kills_at_points": {f"before {number}": 2 for number in range(14)},
        "sigterms": 60,
        "faults": 9000,
        "faults_by_cell": {"put blob: full": 9000},
        "deliveries": 30_000,
        "duplicates_delivered": 2000,
        "assets": 5200,
        "acknowledged": 5190,
        "copied": 5190,
        "recovered": 10,
        "poisoned_by_kills": 12,
        "lost": 0,
        "unexpected": 0,
        "duplicated_effects": 0,
        "corrupt": 0,
        "ledger_lies": 0,
        "overwritten": 0,
        "poisoned_wrongly": 0,
        "unpublished": 0,
        "mortal": 0,
        "secrets": 0,
        "unfinished": 0,
        "recovery_median_seconds": 2.5,
        "recovery_p99_seconds": 21.75,
    },
    "races": {
        "commit": "abc",
        "races": 1000,
        "contested": 950,
        "between_processes": 600,
        "lost": 0,
        "mixed": 0,
        "lies": 0,
        "overwritten": 0,
        "poisoned_wrongly": 0,
        "unfinished": 0,
        "repeated_deliveries": 30,
    },
    "fuzz": {
        "commit": "abc",
        "seed": 5,
        "cases": 120_000,
        "violations": 0,
        "slowest_ms": 31.5,
        "peak_mib": 5.25,
        "targets": [{"target": "copy"}, {"target": "stac"}],
    },
    "names": {
        "commit": "abc",
        "seed": 6,
        "names": 1_000_004,
        "distinct": 535_151,
        "refused": 88_447,
        "violations": 0,
    },
    "ssrf": {
        "commit": "abc",
        "cases": 651,
        "kinds": {"rebinding": 600, "ports": 51},
        "connects": 99,
        "connects_outside": 0,
        "not_reached": 0,
        "unexpected_errors": 0,
    },
    "soak": {
        "commit": "abc",
        "assets": 5000,
        "seconds": 212.5,
        "flat": True,
        "rss_mib": _GROWN,
        "descriptors": _GROWN,
        "sockets": _GROWN,
        "tasks": _GROWN,
    },
}


def write_reports(folder: Path, changes: Mapping[str, Mapping[str, Any]] = {}) -> Mapping[str, Path]:
    """Write a report of each tool, with other values for fields of some; a value of None leaves the field out."""
    documents = copy.deepcopy(dict(_WELL))
    for name, fields in changes.items():
        merged = {**documents[name], **fields}
        documents[name] = {field: value for field, value in merged.items() if value is not None}
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return {name: folder / f"{name}.json" for name in documents}


def figures(**fields: int) -> Mapping[str, Any]:
    """The simulator's figures with other values."""
    return {"figures": {**_WELL["simulation"]["figures"], **fields}}


def plants(*, found: int, model: str | None = None) -> Mapping[str, Any]:
    """As many planted bugs as ever, of which schedules found so many, and a small model the others, if any."""
    missed = {"after": None, "model": model, "broke": "L1" if model else "", "seeds": 0}
    return {"plants": [{**each, **missed} if each["after"] > found else each for each in _WELL["mutants"]["plants"]]}


def models(**fields: Any) -> Mapping[str, Any]:
    """A small model with other values."""
    return {"models": [{**each, **fields} for each in _WELL["exhaustive"]["models"]]}


def grown(**fields: float) -> Mapping[str, float]:
    """A measure of a soak with other values."""
    return {**_GROWN, **fields}
