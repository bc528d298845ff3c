"""Rows for the cases."""

from datetime import UTC, datetime
from typing import Any

from shared.model.assets import bucket
from shared.model.rows import Failure, LedgerRow

#: A moment with a precision that a table's own type may not keep.
MOMENT = datetime(2024, 2, 29, 23, 59, 59, 123457, tzinfo=UTC)


def completion(key: str = "B02", **values: Any) -> LedgerRow:
    """A ledger row whose every field is set."""
    given = {
        "dataset": "sentinel-2",
        "item": "collection/it's/an#item?",
        "key": key,
        "href": "https://data.example.org/" + "é" * 8000,
        "container": "data",
        "blob": f"sentinel-2/{key}.tif",
        "etag": '"0x8D1"',
        "length": 5_000_000_000,
        "digests": ("sha256:" + "0" * 64, "blocks-sha256:8388608:" + "1" * 64),
        "verified_by": "sha256",
        "validator": '"abc"',
        "description": "d1",
        "described_at": MOMENT,
        "instead_of": "d0",
        "cause": "run-1",
        "completed_at": MOMENT,
    }
    return LedgerRow.model_validate({**given, **values})


def failure(**values: Any) -> Failure:
    """A failure whose every field is set."""
    given = {
        "dataset": "sentinel-2",
        "item": "collection/item",
        "key": "B02",
        "href": "https://data.example.org/B02.tif",
        "error": "TruncatedBodyError",
        "fate": "retry",
        "message": "ü" * 4096,
        "host": "data.example.org",
        "cause": "run-1",
        "request_id": "7A1B",
        "first_at": MOMENT,
        "last_at": MOMENT,
    }
    return Failure.model_validate({**given, **values})


def items_of_one_partition(count: int) -> list[str]:
    """Names of items that share a partition of the ledger."""
    names = (f"item-{number}" for number in range(100_000))
    return [each for each in names if bucket(each) == 0][:count]
