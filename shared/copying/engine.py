"""One asset becomes one blob: read, counted, hashed, looked at, and only then visible.

Nothing here deletes: a worker that cleans a destination destroys what a concurrent winner wrote.
"""

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from shared.copying.blocks import blocks_digest
from shared.copying.budget import MemoryBudget
from shared.copying.digests import SHA256_AND_MD5, Digests
from shared.copying.existing import (
    compared_block_size,
    compares_blocks,
    compares_bytes,
    is_kept_as_snapshot,
    kept,
    kept_after_all,
    kept_instead,
)
from shared.copying.integrity import Expected, missed, stated_by, verified_by
from shared.copying.job import Copied, DeadlineReachedError, Job, Kept, Outcome
from shared.copying.reading import Reading, reading
from shared.copying.staging import Block, Staging
from shared.copying.watching import check_limit
from shared.model.checksums import is_crc
from shared.model.datasets import Integrity
from shared.model.errors import (
    BlobConflictError,
    ChecksumMismatchError,
    ContentMismatchError,
    DestinationContendedError,
    LengthMismatchError,
    NoProgressError,
    SourceChangedError,
    TruncatedBodyError,
    UnfinishedError,
    UnverifiableError,
)
from shared.model.labels import digests, labels
from shared.model.rows import LedgerRow
from shared.sources.body import Body, Sources
from shared.sources.content import stored_media_type
from shared.sources.sidecars import read_sidecar
from shared.storage.blobs import Blob, Blobs, Content

logger = logging.getLogger(__name__)

#: How often a copy begins again because somebody else wrote the same blob.
_ROUNDS = 3
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
    #: ``Describing.again``.
    describe: Callable[[Job], Awaitable[Job]]

    async def copy(self, job: Job) -> Outcome:
        """Copy an asset and return the ledger row that is true now; raises the errors of ``shared.model.errors``.

        Idempotent: a blob that is what was asked for is kept.
        """
        try:
            return await self._in_rounds(job)
        except _WRONG_BYTES as error:
            extra = {"action": "bytes_fetched_again", "dataset": job.dataset_name, "error": type(error).__name__}
            logger.warning("wrong bytes are fetched once more", extra=extra)
            return await self._in_rounds(await self.describe(job))
        except SourceChangedError as error:
            extra = {"action": "resume_given_up", "dataset": job.dataset_name, "error": str(error)}
            logger.warning("the rest of a version can't be had; the whole is read from its first byte", extra=extra)
            return await self._in_rounds(job, resumes=False)

    async def _in_rounds(self, job: Job, *, resumes: bool = True) -> Outcome:
        standing = await self.blobs.look(job.path) if job.entry else None
        for _ in range(_ROUNDS):
            try:
                return await self._round(job, standing, resumes=resumes)
            except BlobConflictError:
                standing = await self.blobs.look(job.path)
        raise DestinationContendedError(f"somebody else wrote the blob in each of {_ROUNDS} rounds")

    async def _round(self, job: Job, standing: Blob | None, *, resumes: bool) -> Outcome:
        if done := kept(job, standing, source=None, now=self.clock()):
            return done
        job = await self._with_sidecar(job)
        if job.sidecar and (done := kept(job, standing, source=None, now=self.clock())):
            return done
        share, preferred = self.budget.share(), compared_block_size(job, standing) or self.block_size
        async with reading(job, self.sources, share=share, preferred=preferred, clock=self.clock) as source:
            _check_stated_length(job, source.body)
            if done := kept(job, standing, source=source.body, now=self.clock()):
                return done
            _check_is_verifiable(job, source.body)
            try:
                return await self._write(job, source, standing, resumes=resumes)
            except DeadlineReachedError:
                raise _unfinished(job, 0) from None

    async def _with_sidecar(self, job: Job) -> Job:
        """The job with what its checksum file states now: asked anew in each round, as the bytes are."""
        template = job.dataset.policy.checksum_sidecar
        if template is None:
            return job
        sidecar = await read_sidecar(self.sources, job.asset.href, template=template, dataset=job.dataset)
        return dataclasses.replace(job, sidecar=sidecar)

    async def _write(self, job: Job, source: Reading, standing: Blob | None, *, resumes: bool) -> Outcome:
        if source.is_large:
            # What stands or is staged at the destination is known before anything is read.
            return await self._write_blocks(job, source, standing, first=None, resumes=resumes)
        first = await source.first()
        try:
            if first.length < source.block_size or first.length == source.body.length:
                return await self._put(job, source.body, pieces=first.pieces, standing=standing)
            return await self._write_blocks(job, source, standing, first=first, resumes=False)
        finally:
            first.release()

    async def _put(self, job: Job, body: Body, *, pieces: Sequence[bytes], standing: Blob | None) -> Outcome:
        whole = Digests(each.digest for each in _expected(job, body))
        await whole.update(pieces)
        row = self._verified(job, body, whole)
        if done := kept_after_all(job, standing, row=row):
            return done
        replaces = standing.etag if standing else None
        try:
            await self._make_way(job, standing)
            written = await self.blobs.put(job.path, pieces, content=_content(job, body, row, whole), replaces=replaces)
        except BlobConflictError:
            return await self._theirs(job, row)
        return Copied(row=row.model_copy(update={"etag": written.etag}))

    async def _write_blocks(
        self, job: Job, source: Reading, standing: Blob | None, *, first: Block | None, resumes: bool
    ) -> Outcome:
        body = source.body
        standing = standing or await self.blobs.look(job.path)
        if done := kept(job, standing, source=body, now=self.clock()):
            return done
        if standing and body.length in {None, standing.length}:
            _check_comparable(job, standing, source)
        whole = _whole(job, body, standing)
        chained = whole.sha256 is not None and not compares_blocks(job, standing)
        version = source.version(chained=chained)
        staging = await Staging.begin(self.blobs, job.path, version=version, chained=chained)
        if resumes and not whole.is_needed:
            whole.length = await source.resume(staging)
        if first is None and not whole.length:
            first = await source.first()
        if not await staging.run(source.blocks, first=first, whole=whole, share=source.share):
            raise _unfinished(job, len(staging.ids))
        row = self._verified(job, body, whole)
        blocks = None if chained else blocks_digest(staging.ids, block_size=source.block_size)
        if blocks and all(is_crc(each) for each in row.digests):
            row = row.model_copy(update={"digests": (*row.digests, blocks)})
        if done := kept_after_all(job, standing, row=row, blocks=blocks):
            return done
        content = _content(job, body, row, whole)
        replaces = standing.etag if standing else None
        try:
            await self._make_way(job, standing)
            written = await self.blobs.commit(job.path, staging.ids, content=content, replaces=replaces)
        except BlobConflictError:
            return await self._theirs(job, row)
        if written.length != row.length or digests(written.metadata) != row.digests:
            raise BlobConflictError("another blob stood there right after the commit")
        return Copied(row=row.model_copy(update={"etag": written.etag}))

    async def _make_way(self, job: Job, standing: Blob | None) -> None:
        """A crash right after this makes a second snapshot of the same bytes: that costs nothing."""
        if standing is not None and is_kept_as_snapshot(job):
            await self.blobs.snapshot(job.path, of=standing.etag)

    async def _theirs(self, job: Job, row: LedgerRow) -> Kept:
        """Somebody else wrote first: that is success if it is what we wanted; else raises BlobConflictError."""
        standing = await self.blobs.look(job.path)
        if standing is None:
            raise BlobConflictError("the blob that was in the way is gone")
        if done := kept_instead(job, standing, row=row):
            return done
        raise BlobConflictError("another version stands there")

    def _verified(self, job: Job, body: Body, whole: Digests) -> LedgerRow:
        """The row of a body that was read to its end, once its length and digests agree with all that is known."""
        if body.length is not None and whole.length != body.length:
            raise TruncatedBodyError(f"{whole.length} bytes of {body.length} came")
        if body.length is None and job.asset.size is not None and whole.length < job.asset.size:
            raise TruncatedBodyError(f"{whole.length} bytes of {job.asset.size} came, and the source states no length")
        if job.asset.size is not None and whole.length != job.asset.size:
            raise LengthMismatchError(f"the catalog states {job.asset.size} bytes, the source has {whole.length}")
        expected = _expected(job, body)
        if wrong := missed(expected, have=whole.written):
            if job.dataset.policy.integrity is not Integrity.LOG:
                stated = f"the {wrong[0].by} states {wrong[0].digest}"
                raise ChecksumMismatchError(f"{stated}, the bytes have {', '.join(whole.written)}")
            extra = {"action": "checksum_ignored", "dataset": job.dataset_name, "expected": str(wrong[0])}
            logger.warning("checksum doesn't agree and the dataset only logs it", extra=extra)
        return job.row(
            etag="",
            length=whole.length,
            digests=whole.written,
            verified_by=verified_by(expected, have=whole.written, why_not=job.sidecar.why if job.sidecar else ""),
            validator=body.validator,
            completed_at=self.clock(),
        )


def _expected(job: Job, body: Body) -> list[Expected]:
    return [*job.expected, *stated_by(body)]


def _check_is_verifiable(job: Job, body: Body) -> None:
    if job.dataset.policy.integrity is Integrity.REQUIRE and not _expected(job, body):
        why = f"; {job.sidecar.why}" if job.sidecar else ""
        raise UnverifiableError(
            f"the dataset requires a checksum; the catalog and the source state none that is known{why}"
        )


def _check_comparable(job: Job, standing: Blob, source: Reading) -> None:
    """Let the next round read blocks of the size by whose digest what stands there is known."""
    if compared_block_size(job, standing) not in {None, source.block_size}:
        raise BlobConflictError("what stands there is known by blocks of another size")


def _check_stated_length(job: Job, body: Body) -> None:
    if body.length is None:
        return
    check_limit(job, body.length)
    if job.asset.size not in {None, body.length}:
        raise LengthMismatchError(f"the catalog states {job.asset.size} bytes, the source {body.length}")


def _whole(job: Job, body: Body, standing: Blob | None) -> Digests:
    """The digests for which every byte is read: what is expected, what the dataset asks for, what is compared."""
    compared = SHA256_AND_MD5 if compares_bytes(job, standing) else ()
    expected = (each.digest for each in _expected(job, body))
    return Digests(expected, wanted=[*job.dataset.policy.digests, *compared])


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
