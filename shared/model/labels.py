"""A blob's metadata: what its ledger row says, so that it is recognised after a crash before its row.

Values are percent-encoded, since metadata travels in HTTP headers.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from shared.model.assets import row_key
from shared.model.rows import LedgerRow

_PREFIX = "sluice_"
_PLAIN = re.compile(r"[A-Za-z0-9_.~:/-]*")
_NAMES = ("dataset", "item", "key", "href", "validator", "verified_by", "description", "instead_of", "cause")
#: All metadata together has 8 KiB (https://learn.microsoft.com/azure/storage/blobs/storage-blob-properties-metadata).
_MAX_VALUE = 1800


def labels(row: LedgerRow) -> dict[str, str]:
    """The metadata of the blob that a row will stand for; a value too long for a header is left out."""
    values = {name: getattr(row, name) for name in _NAMES}
    values |= {
        "row": row_key(row.item, row.key),
        "digests": " ".join(row.digests),
        "described_at": row.described_at.isoformat(),
    }
    quoted = {_PREFIX + name: _quoted(value) for name, value in values.items() if value}
    return {name: value for name, value in quoted.items() if len(value) <= _MAX_VALUE}


def label(metadata: Mapping[str, str], name: str) -> str | None:
    """One value of a blob's metadata, or None."""
    value = metadata.get(_PREFIX + name)
    return None if value is None else unquote(value)


def digests(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The digests that were computed when the blob was written."""
    return tuple((label(metadata, "digests") or "").split())


def owner(metadata: Mapping[str, str]) -> tuple[str, str] | None:
    """Dataset and row key of the asset that a blob is, or None for a blob that isn't ours."""
    dataset, row = label(metadata, "dataset"), label(metadata, "row")
    return (dataset, row) if dataset and row else None


def _quoted(value: str) -> str:
    # Most values have nothing to quote, and ``quote`` takes ten times as long to find that out.
    return value if _PLAIN.fullmatch(value) else quote(value, safe=":/")
