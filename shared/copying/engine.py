"""One asset becomes one blob: read, counted, hashed, looked at, and only then visible.

Nothing here deletes: a worker that cleans a destination destroys what a concurrent winner wrote.
"""

import dataclasses
import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from shared.copying.blocks import BlockReader, block_size_for, version_of
from shared.copying.budget import MemoryBudget
from shared.copying.digests import Digests
from shared.copying.job import Copied, DeadlineReachedError, Job, Kept, Outcome
from shared.copying.labels import digests, label, labels, owner
from shared.copying.staging import Block, Staging
from shared.model.assets import row_key
from shared.model.datasets import Integrity
from shared.model.errors import (
    AssetTooLargeError,
    BlobConflictError,
    ChecksumMismatchError,
    ContentMismatchError,
    DestinationContendedError,
    LengthMismatchError,
    NameTakenError,
    NoProgressError,
    TruncatedBodyError,
    UnfinishedError,
    UnverifiableError,
)
from shared.model.rows import LedgerRow
from shared.sources.body import Body, Sources
from shared.sources.content import check_content, stored_media_type
from shared.storage.blobs import Blob, Blobs, Content

logger = logging.getLogger(__name__)

#: How often a copy begins again because somebody else wrote the same blob.
_ROUNDS = 3
_NO_CHECKSUM = "nothing: the catalog and the source state no checksum"
#: What may be the catalog's or a mirror's being late: fetched once more before it counts.
_WRONG_BYTES = (ChecksumMismatchError, LengthMismatchError, ContentMismatchError)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Copies assets, many at once, within one budget of buffers."""

    blobs: Blobs
    sources: Sources
    budget: MemoryBudget
    #: Bytes of a block; an asset up to it is one Put Blob.
    block_size: int
    clock: Callable[[], datetime]

    async def copy(self, job: Job) -> Outcome:
        """Copy an asset and return the ledger row that is true now; raises the errors of ``shared.model.errors``.

        Idempotent: a blob that is what was asked for is kept.
        """
        if job.dataset.policy.integrity is Integrity.REQUIRE and job.asset.checksum is None:
            raise UnverifiableError("the dataset requires a checksum, and the catalog states none for this asset")
        try:
            return await self._in_rounds(job)
        except _WRONG_BYTES as error:
            extra = {"action": "bytes_fetched_again", "dataset": job.dataset_name, "error": type(error).__name__}
            logger.warning("wrong bytes are fetched once more", extra=extra)
            return await self._in_rounds(job)

    async def _in_rounds(self, job: Job) -> Outcome:
        standing = await self.blobs.look(job.path) if job.entry else None
        for _ in range(_ROUNDS):
            try:
                return await self._round(job, standing)
            except BlobConflictError:
                standing = await self.blobs.look(job.path)
        raise DestinationContendedError(f"somebody else wrote the blob in each of {_ROUNDS} rounds")

    async def _round(self, job: Job, standing: Blob | None) -> Outcome:
        if kept := self._kept(job, standing, validator=None):
            return kept
        async with self.sources.open(job.asset.href, dataset=job.dataset) as body:
            _check_stated_length(job, body)
            if kept := self._kept(job, standing, validator=body.validator):
                return kept
            return await self._write(job, body, standing)

    def _kept(self, job: Job, standing: Blob | None, *, validator: str | None) -> Kept | None:
        """What stands there is kept if its row or it says that nothing is left to do, or if it is what is asked for."""
        if standing is None:
            return None
        _check_owner(job, standing)
        if job.entry and job.is_done and job.entry.row.etag == standing.etag:
            return Kept(row=job.entry.row)
        if not _agrees(job, standing, validator=validator):
            return None
        return Kept(row=self._row(job, standing, verified_by=_verified_by(job, standing)))

    async def _write(self, job: Job, body: Body, standing: Blob | None) -> Outcome:
        size = block_size_for(body.length, preferred=self.block_size)
        reader = BlockReader(self._watched(job, body), size=size)
        whole = Digests(_expected(job, body))
        hold = await self.budget.take(size if body.length is None else min(size, body.length))
        try:
            block = Block(await reader.next(), hold=hold)
            _check_content(job, body, block.data)
            if len(block.data) < size or len(block.data) == body.length:
                await whole.update(block.data)
                return await self._put(job, body, data=block.data, whole=whole, standing=standing)
            return await self._write_blocks(job, body, block=block, reader=reader, whole=whole, standing=standing)
        except DeadlineReachedError:
            raise _unfinished(job, 0) from None
        finally:
            hold.release()

    async def _watched(self, job: Job, body: Body) -> AsyncIterator[bytes]:
        """The body's chunks, until they outgrow the dataset's limit or the deadline comes."""
        length = 0
        async for chunk in body.chunks():
            length += len(chunk)
            _check_limit(job, length)
            yield chunk
            if self.clock() >= job.deadline and length != body.length:
                raise DeadlineReachedError

    async def _put(self, job: Job, body: Body, *, data: bytes, whole: Digests, standing: Blob | None) -> Outcome:
        row = self._verified(job, body, whole)
        replaces = standing.etag if standing else None
        try:
            written = await self.blobs.put(job.path, data, content=_content(job, body, row, whole), replaces=replaces)
        except BlobConflictError:
            return await self._theirs(job, row)
        return Copied(row=row.model_copy(update={"etag": written.etag}))

    async def _write_blocks(
        self, job: Job, body: Body, *, block: Block, reader: BlockReader, whole: Digests, standing: Blob | None
    ) -> Outcome:
        standing = standing or await self.blobs.look(job.path)
        if kept := self._kept(job, standing, validator=body.validator):
            return kept
        staging = await Staging.begin(self.blobs, job.path, version=version_of(body.validator, body.length))
        if not await staging.run(block, reader, whole=whole, budget=self.budget):
            raise _unfinished(job, len(staging.ids))
        row = self._verified(job, body, whole)
        content = _content(job, body, row, whole)
        replaces = standing.etag if standing else None
        try:
            written = await self.blobs.commit(job.path, staging.ids, content=content, replaces=replaces)
        except BlobConflictError:
            return await self._theirs(job, row)
        if written.length != row.length or written.md5 != whole.md5:
            raise BlobConflictError("another blob stood there right after the commit")
        return Copied(row=row.model_copy(update={"etag": written.etag}))

    async def _theirs(self, job: Job, row: LedgerRow) -> Kept:
        """Somebody else wrote first: that is success if it is what we wanted; else raises BlobConflictError."""
        standing = await self.blobs.look(job.path)
        if standing is None:
            raise BlobConflictError("the blob that was in the way is gone")
        _check_owner(job, standing)
        if standing.length != row.length or not set(row.digests) & set(digests(standing.metadata)):
            raise BlobConflictError("another version stands there")
        return Kept(row=row.model_copy(update={"etag": standing.etag}))

    def _verified(self, job: Job, body: Body, whole: Digests) -> LedgerRow:
        """The row of a body that was read to its end, once its length and digests agree with all that is known."""
        if body.length is not None and whole.length != body.length:
            raise TruncatedBodyError(f"{whole.length} bytes of {body.length} came")
        if body.length is None and job.asset.size is not None and whole.length < job.asset.size:
            raise TruncatedBodyError(f"{whole.length} bytes of {job.asset.size} came, and the source states no length")
        if job.asset.size is not None and whole.length != job.asset.size:
            raise LengthMismatchError(f"the catalog states {job.asset.size} bytes, the source has {whole.length}")
        verified_by = ", ".join(_expected(job, body)) or _NO_CHECKSUM
        if missed := whole.mismatch:
            if job.dataset.policy.integrity is not Integrity.LOG:
                raise ChecksumMismatchError(f"expected {missed}, the bytes have {', '.join(whole.written)}")
            extra = {"action": "checksum_ignored", "dataset": job.dataset_name, "expected": missed}
            logger.warning("checksum doesn't agree and the dataset only logs it", extra=extra)
            verified_by = f"nothing: {missed} doesn't agree"
        return self._row(job, None, verified_by=verified_by).model_copy(
            update={"length": whole.length, "digests": whole.written, "validator": body.validator}
        )

    def _row(self, job: Job, standing: Blob | None, *, verified_by: str) -> LedgerRow:
        """The row of an asset: what the blob that stands says, or still to be filled in."""
        return LedgerRow(
            dataset=job.dataset_name,
            item=job.asset.item,
            key=job.asset.key,
            href=job.asset.href,
            container=job.path.container,
            blob=job.path.name,
            etag=standing.etag if standing else "",
            length=standing.length if standing else 0,
            digests=digests(standing.metadata) if standing else (),
            verified_by=verified_by,
            validator=_validator(standing) if standing else None,
            description=job.asset.description,
            described_at=job.asset.described_at(job.asked_at),
            cause=job.cause,
            completed_at=self.clock(),
        )


def _expected(job: Job, body: Body) -> list[str]:
    return [*([job.asset.checksum] if job.asset.checksum else []), *body.stated.values()]


def _agrees(job: Job, standing: Blob, *, validator: str | None) -> bool:
    """Tell whether a blob is what is asked for: by the catalog's checksum, else by the source's validator.

    Or it was written for this very request, by a delivery that died before its row or that runs beside this one:
    which of them read which version of the source doesn't matter then, and none replaces the other's blob.
    """
    known, stated = digests(standing.metadata), job.asset.checksum
    if not known or job.asset.size not in {None, standing.length}:
        return False
    if (label(standing.metadata, "cause"), label(standing.metadata, "description")) == (
        job.cause,
        job.asset.description,
    ):
        return True
    if stated is not None:
        return stated in known or (standing.md5 is not None and stated == f"md5:{standing.md5.hex()}")
    return validator is not None and validator == _validator(standing)


def _verified_by(job: Job, standing: Blob) -> str:
    """What the blob was verified by when it was written, unless the catalog has stated its checksum only since."""
    then, stated = label(standing.metadata, "verified_by") or _NO_CHECKSUM, job.asset.checksum
    return then if stated is None or stated in then.split(", ") else stated


def _validator(standing: Blob) -> str | None:
    return label(standing.metadata, "validator")


def _check_stated_length(job: Job, body: Body) -> None:
    if body.length is None:
        return
    _check_limit(job, body.length)
    if job.asset.size not in {None, body.length}:
        raise LengthMismatchError(f"the catalog states {job.asset.size} bytes, the source {body.length}")


def _check_limit(job: Job, length: int) -> None:
    limit = job.dataset.select.max_bytes
    if limit is not None and length > limit:
        raise AssetTooLargeError(f"{length} bytes are more than the dataset's max_bytes, {limit}")


def _check_content(job: Job, body: Body, first: bytes) -> None:
    """By the catalog's media type alone: a server that sends an error page calls it text/html."""
    if first or job.asset.size != 0:
        check_content(first, media_type=job.asset.media_type, href=job.asset.href, encoding=body.encoding)


def _check_owner(job: Job, standing: Blob) -> None:
    theirs = owner(standing.metadata)
    if theirs not in {None, (job.dataset_name, row_key(job.asset.item, job.asset.key))}:
        raise NameTakenError(f"the blob {job.path.name!r} is another asset's; change the dataset's destination.name")


def _unfinished(job: Job, staged: int) -> UnfinishedError | NoProgressError:
    if job.staged_before is not None and staged <= job.staged_before:
        return NoProgressError(f"{staged} blocks are staged, as many as an invocation ago")
    return UnfinishedError(f"the deadline came after {staged} blocks", staged_blocks=staged)


def _content(job: Job, body: Body, row: LedgerRow, whole: Digests) -> Content:
    return Content(
        md5=whole.md5,
        media_type=stored_media_type(job.asset.media_type or body.media_type, href=job.asset.href),
        encoding=body.encoding,
        metadata=labels(row),
    )
