"""What becomes of a blob that stands already at the destination: kept, replaced, or a reason to fail.

Decided three times: before the source's bytes are read, when they were read, and when somebody else wrote meanwhile.
Whatever ``on_existing`` says, a blob that was written for this very request (by a delivery that died before its row, or
that runs beside this one) is kept: which of them read which version of the source doesn't matter then.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from shared.copying.integrity import NO_CHECKSUM, Expected, is_verified, stated_by
from shared.copying.job import Job, Kept
from shared.model.assets import row_key
from shared.model.checksums import BLOCKS, Algorithm, digest, is_crc
from shared.model.datasets import Integrity, OnExisting
from shared.model.errors import BlobDiffersError, BlobExistsError, NameTakenError
from shared.model.labels import digests, label, owner
from shared.model.rows import LedgerRow
from shared.sources.body import Body
from shared.storage.blobs import Blob

_BLOCK_SIZE = re.compile(rf"{BLOCKS}([0-9]{{1,10}}):")
#: Of our own blobs, by the bounds of COPY_BLOCK_MIB.
_LARGEST_BLOCK = 100 * 1024 * 1024


def kept(job: Job, standing: Blob | None, *, source: Body | None, now: datetime) -> Kept | None:
    """What stands there is kept if its row or it says that nothing is left to do, or if it is what is asked for.

    ``source`` is the source's answer, once there is one. Returns None for a blob that is to be replaced, or of which
    more has to be known. Raises NameTakenError, BlobExistsError, BlobDiffersError.
    """
    if standing is None:
        return None
    _check_owner(job, standing)
    if job.entry and job.is_done and job.entry.row.etag == standing.etag:
        return Kept(row=job.entry.row)
    if _is_own(job, standing) or _agrees(job, standing, source=source):
        row = _row(job, standing, now=now)
        is_enough = job.dataset.policy.integrity is not Integrity.REQUIRE or is_verified(row.verified_by)
        return Kept(row=row) if is_enough else None
    _check_may_replace(job, standing, source=source)
    return None


def compares_bytes(job: Job, standing: Blob | None) -> bool:
    """Tell whether a digest of the source's whole says if they replace what stands there."""
    if standing is None or not _depends_on_bytes(job):
        return False
    return not all(each.startswith(BLOCKS) for each in _strong(_known(job, standing)))


def compares_blocks(job: Job, standing: Blob | None) -> bool:
    """Tell whether the digest of the source's blocks may say so."""
    if standing is None or not _depends_on_bytes(job):
        return False
    return any(each.startswith(BLOCKS) for each in _known(job, standing))


def compared_block_size(job: Job, standing: Blob | None) -> int | None:
    """The size of the blocks whose digest says what stands there; None where it doesn't depend on one.

    The app's own may have changed since: blocks of another size can't be compared.
    """
    if standing is None or not compares_blocks(job, standing):
        return None
    sizes = (int(found[1]) for each in _known(job, standing) if (found := _BLOCK_SIZE.match(each)))
    return next((each for each in sizes if 0 < each <= _LARGEST_BLOCK), None)


def kept_after_all(job: Job, standing: Blob | None, *, row: LedgerRow, blocks: str | None = None) -> Kept | None:
    """What stands there is kept if it has the bytes that were read, where the dataset keeps what it has.

    ``row`` is what was made of those bytes, and ``blocks`` their ``blocks-sha256``. Raises BlobDiffersError.
    """
    if standing is None or not _depends_on_bytes(job):
        return None
    if _has_bytes(job, standing, row) or (standing.length == row.length and blocks in _known(job, standing)):
        return _kept_as(row, standing)
    if job.dataset.policy.on_existing is OnExisting.IMMUTABLE:
        others, unknown = "the source's bytes are others", "nothing says that it has the source's bytes"
        raise _differs(job, others if _can_tell(job, standing, row) else unknown)
    return None


def kept_instead(job: Job, standing: Blob, *, row: LedgerRow) -> Kept | None:
    """What somebody else wrote first is kept if it is what we wanted: the bytes that ``row`` was made of.

    Returns None where it has to be decided anew. Raises NameTakenError, BlobDiffersError.
    """
    _check_owner(job, standing)
    is_own, is_same = _is_own(job, standing), _has_bytes(job, standing, row)
    match job.dataset.policy.on_existing:
        case OnExisting.IMMUTABLE if not is_own and not is_same and _can_tell(job, standing, row):
            raise _differs(job, "somebody else has written other bytes")
        case OnExisting.SKIP_VERIFIED | OnExisting.VERSION:
            # Nothing says of a stranger's blob what it was verified by.
            is_wanted = is_same and bool(_labelled(standing))
        case OnExisting.IF_SOURCE_CHANGED:
            is_wanted = is_same and label(standing.metadata, "validator") == row.validator
        case OnExisting.IMMUTABLE:
            is_wanted = is_same
        case _:
            # Another run's blob may be the one that stood there all along.
            is_wanted = is_same and is_own
    return _kept_as(row, standing) if is_wanted else None


def is_kept_as_snapshot(job: Job) -> bool:
    """Tell whether a blob that is to be replaced is kept as a snapshot of itself."""
    return job.dataset.policy.on_existing is OnExisting.VERSION


def _depends_on_bytes(job: Job) -> bool:
    return job.dataset.policy.on_existing in {OnExisting.VERSION, OnExisting.IMMUTABLE}


def _check_owner(job: Job, standing: Blob) -> None:
    theirs = owner(standing.metadata)
    if theirs not in {None, (job.dataset_name, row_key(job.asset.item, job.asset.key))}:
        raise NameTakenError(f"the blob {job.path.name!r} is another asset's; change the dataset's destination.name")


def _is_own(job: Job, standing: Blob) -> bool:
    """Tell whether a blob was written for this very request, and is what that asks for."""
    wrote = label(standing.metadata, "cause"), label(standing.metadata, "description")
    return _is_ours(job, standing) and wrote == (job.cause, job.asset.description)


def _answers(job: Job, standing: Blob) -> bool:
    """Tell whether a blob was written for this very request as the catalog described the asset a moment later."""
    wrote = label(standing.metadata, "cause"), label(standing.metadata, "instead_of")
    return wrote == (job.cause, job.asset.description)


def _is_ours(job: Job, standing: Blob) -> bool:
    return bool(_labelled(standing)) and job.asset.size in {None, standing.length}


def _agrees(job: Job, standing: Blob, *, source: Body | None) -> bool:
    """Tell whether a blob is what is asked for."""
    if not _is_ours(job, standing) or job.doubts(standing.etag):
        return False
    match job.dataset.policy.on_existing:
        case OnExisting.ERROR | OnExisting.REPLACE:
            return False
        case OnExisting.IF_SOURCE_CHANGED:
            return source is not None and _is_unchanged(job, standing, source)
        case _:
            if job.expected:
                return _has_digests(job, standing, job.expected)
            return source is not None and source.validator is not None and _has_validator(standing, source)


def _is_unchanged(job: Job, standing: Blob, source: Body) -> bool:
    """Tell whether a blob is of the version that the source has now, and nothing that is expected speaks against it."""
    then = label(standing.metadata, "validator")
    if then is not None and source.validator is not None:
        return _has_validator(standing, source) and _has_digests(job, standing, job.expected)
    expected = [*job.expected, *stated_by(source)]
    has_strong = bool(_strong(each.digest for each in expected))
    return source.length == standing.length and has_strong and _has_digests(job, standing, expected)


def _has_validator(standing: Blob, source: Body) -> bool:
    return label(standing.metadata, "validator") == source.validator


def _has_digests(job: Job, standing: Blob, expected: list[Expected]) -> bool:
    return {each.digest for each in expected} <= _known(job, standing)


def _has_bytes(job: Job, standing: Blob, row: LedgerRow) -> bool:
    return standing.length == row.length and bool(_strong(_known(job, standing)) & set(row.digests))


def _can_tell(job: Job, standing: Blob, row: LedgerRow) -> bool:
    """Tell whether length or digests say that a blob has other bytes: none of one kind may be known of both."""
    kinds = {each.rpartition(":")[0] for each in _strong(_known(job, standing))}
    return standing.length != row.length or any(each.rpartition(":")[0] in kinds for each in row.digests)


def _known(job: Job, standing: Blob) -> set[str]:
    """A blob's digests: what was computed when it was written, and the MD5 that the service has."""
    labelled = () if job.doubts(standing.etag) else _labelled(standing)
    return {*labelled, *_md5(standing)}


def _labelled(standing: Blob) -> tuple[str, ...]:
    """The digests of a blob's labels; none where they are of other bytes: who overwrote it may have kept its labels."""
    labelled, md5 = digests(standing.metadata), _md5(standing)
    is_of_others = any(each.startswith(f"{Algorithm.MD5}:") and each not in md5 for each in labelled)
    return () if md5 and is_of_others else labelled


def _md5(standing: Blob) -> list[str]:
    return [] if standing.md5 is None else [digest(Algorithm.MD5, standing.md5)]


def _strong(digests: Iterable[str]) -> set[str]:
    """Those of which one is enough to take two bodies for the same."""
    return {each for each in digests if not is_crc(each)}


def _check_may_replace(job: Job, standing: Blob, *, source: Body | None) -> None:
    mode = job.dataset.policy.on_existing
    if mode is OnExisting.ERROR and not _answers(job, standing):
        raise BlobExistsError(f"a blob {job.path.name!r} stands there already, and on_existing is error")
    if mode is OnExisting.IMMUTABLE and source is not None and source.length not in {None, standing.length}:
        raise _differs(job, f"the source has {source.length} bytes, the blob {standing.length}")


def _differs(job: Job, why: str) -> BlobDiffersError:
    return BlobDiffersError(f"the blob {job.path.name!r} is immutable: {why}")


def _kept_as(row: LedgerRow, standing: Blob) -> Kept:
    return Kept(row=row.model_copy(update={"etag": standing.etag}))


def _row(job: Job, standing: Blob, *, now: datetime) -> LedgerRow:
    return job.row(
        etag=standing.etag,
        length=standing.length,
        digests=digests(standing.metadata),
        verified_by=_verified_by(job, standing),
        validator=label(standing.metadata, "validator"),
        completed_at=now,
    )


def _verified_by(job: Job, standing: Blob) -> str:
    """What the blob was verified by when it was written, and what it agrees with that is stated only since."""
    then = label(standing.metadata, "verified_by") or NO_CHECKSUM
    parts = then.split(", ") if is_verified(then) else []
    since = [str(each) for each in job.expected if _has_digests(job, standing, [each])]
    return ", ".join(dict.fromkeys([*parts, *since])) or then
