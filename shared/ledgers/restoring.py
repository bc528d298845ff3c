"""A ledger row out of a blob: its metadata says what its row does, and the list of blobs the rest."""

import dataclasses

from pydantic import ValidationError

from shared.model.assets import row_key
from shared.model.checksums import Algorithm, digest
from shared.model.labels import digests, label, owner
from shared.model.rows import LedgerRow
from shared.storage.blob_list import ListedBlob

_TEXTS = ("item", "key", "href", "verified_by", "description", "described_at", "cause")
_OPTIONAL = ("validator", "instead_of")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A blob of ours that no row can be made of, and why."""

    because: str


def restored(blob: ListedBlob, *, dataset: str, container: str) -> LedgerRow | Unfit:
    """The row that a dataset's blob stands for.

    Metadata doesn't hold when the row was written: the blob's own time stands for it. It holds the description that
    the blob was written for; where a later run found the blob to be good for another one, that run's row is lost, and
    the next run finds it good again.
    """
    metadata = blob.metadata or {}
    texts = {name: label(metadata, name) for name in (*_TEXTS, *_OPTIONAL)}
    known = digests(metadata)
    if missing := [name for name in _TEXTS if not texts[name]] + ([] if known else ["digests"]):
        return Unfit(because=f"its metadata lacks {', '.join(missing)}; the next full run brings its row")
    if _contradicts(blob, known):
        return Unfit(because="its Content-MD5 isn't that of its metadata: somebody has written over it")
    try:
        row = LedgerRow.model_validate(
            {
                **texts,
                "dataset": dataset,
                "container": container,
                "blob": blob.name,
                "etag": blob.etag,
                "length": blob.length,
                "digests": known,
                "completed_at": blob.modified,
            }
        )
    except ValidationError as error:
        field = ".".join(str(each) for each in error.errors(include_url=False)[0]["loc"])
        return Unfit(because=f"its metadata's {field} can't be read; the next full run brings its row")
    if owner(metadata) != (dataset, row_key(row.item, row.key)):
        return Unfit(because="its metadata's row isn't that of its item and key: somebody has changed it")
    return row


def _contradicts(blob: ListedBlob, known: tuple[str, ...]) -> bool:
    """Tell whether the service's MD5 of the blob is another one than was computed when it was written."""
    stated = [each for each in known if each.startswith(f"{Algorithm.MD5}:")]
    return bool(stated) and blob.md5 is not None and digest(Algorithm.MD5, blob.md5) not in stated
