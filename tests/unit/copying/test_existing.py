"""What ``on_existing`` makes of a blob that stands there already; ``test_contention.py`` has its default."""

from functools import partial
from typing import Any

import pytest

from shared.copying.job import Copied, Kept
from shared.model.assets import Asset
from shared.model.datasets import OnExisting
from shared.model.errors import BlobConflictError, BlobDiffersError, BlobExistsError, StorageFailedError
from shared.model.labels import labels
from shared.storage.blobs import Blob, Content
from shared.storage.ledger import Entry, Write
from tests.fakes import MemoryBlobs, MemoryLedger
from tests.fakes.sources import Version
from tests.unit.copying.world import BLOCK, BUDGET, World, digests, md5, path, sha256, sha256_and_md5, tiff, version
from tests.unit.model.builders import NOON, asset

_SMALL = tiff(10)
_LARGE = tiff(3 * BLOCK + 5)
#: The same length and other bytes.
_OTHER = {_SMALL: tiff(10, seed=1), _LARGE: tiff(3 * BLOCK + 5, seed=1)}
_WRITE = {_SMALL: "blobs.put", _LARGE: "blobs.commit"}
_BODIES = pytest.mark.parametrize("body", [_SMALL, _LARGE], ids=["small", "large"])
_ROWS = pytest.mark.parametrize("has_row", [True, False], ids=["row", "no row"])
_MODES = pytest.mark.parametrize("mode", list(OnExisting))


def _world(mode: OnExisting, **policy: object) -> World:
    return World(policy={"on_existing": mode, **policy})


async def _stand(world: World, served: Version, **values: Any) -> Entry:
    """Have the blob of an earlier run stand at the destination, and its row in the ledger."""
    world.serve(asset(), served)
    copied = await world.engine.copy(world.job(asset(**values), cause="run-0"))
    await MemoryLedger.record(world.ledger, [Write(row=copied.row)])
    world.sources.opened.clear()
    world.wire.calls.clear()
    return world.ledger.entries["s2", asset().identity]


async def _stand_foreign(world: World, body: bytes, *, has_md5: bool = True) -> None:
    """Have a blob stand there that Sluice didn't write."""
    foreign = Content(md5=md5(body) if has_md5 else None, media_type="image/tiff", metadata={"colour": "blue"})
    await MemoryBlobs.stage(world.blobs, path(asset()), (body,), block_id="x" * 64)
    await MemoryBlobs.commit(world.blobs, path(asset()), ["x" * 64], content=foreign)


def _there(world: World) -> Blob:
    return world.blobs.blobs[path(asset())]


def _snapshots(world: World) -> list[bytes]:
    return world.blobs.snapshots[path(asset())]


@_MODES
@_BODIES
async def test_own_work_is_done(mode: OnExisting, body: bytes) -> None:
    """A crash between blob and row: whatever the dataset does to blobs that stand there, this one was asked for."""
    world = _world(mode)
    first = await _stand(world, version(body))
    world.serve(asset(), version(_OTHER[body], validator='etag:"2"'))

    outcome = await world.engine.copy(world.job(asset(), cause="run-0"))

    assert outcome == Kept(row=first.row)
    assert (_there(world).etag, _snapshots(world)) == (first.row.etag, [])


@_MODES
@_BODIES
async def test_a_write_whose_answer_was_lost_is_done(mode: OnExisting, body: bytes) -> None:
    """The SDK's second try loses against its first."""
    world = _world(mode)
    world.serve(asset(), version(body))
    world.wire.fail(_WRITE[body], "after", BlobConflictError("409 BlobAlreadyExists"))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Kept(row=world.row(asset(), body))
    assert world.wire.calls.count(_WRITE[body]) == 1


@_MODES
@_BODIES
async def test_the_same_request_at_once_makes_one_blob(mode: OnExisting, body: bytes) -> None:
    """Its other delivery has read another version: neither replaces, nor refuses, what the other has written."""
    world = _world(mode)
    world.serve(asset(), version(body))
    world.wire.on(_WRITE[body], "before", world.other_writer(asset(), _OTHER[body], validator=None))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Kept(row=world.row(asset(), _OTHER[body], validator=None))
    assert world.wire.calls.count(_WRITE[body]) == 1
    assert _snapshots(world) == []


@_MODES
async def test_a_newer_description_stands(mode: OnExisting) -> None:
    """A request that was overtaken needs nothing, if its row was lost to the newer one."""
    world = _world(mode)
    newer = await _stand(world, version(_SMALL), size=len(_SMALL), updated=NOON)
    older = asset(updated=NOON.replace(hour=1))

    outcome = await world.engine.copy(world.job(older, entry=newer))

    assert outcome == Kept(row=newer.row)
    assert world.wire.calls == ["blobs.look"]


@_BODIES
@_ROWS
@pytest.mark.parametrize("foreign", [True, False], ids=["foreign", "ours"])
async def test_error_wants_no_blob_to_stand_there(body: bytes, *, has_row: bool, foreign: bool) -> None:
    """Not even one with the same bytes; and nothing of it changes."""
    world = _world(OnExisting.ERROR)
    entry = None if foreign else await _stand(world, version(body))
    if foreign:
        await _stand_foreign(world, body)
        world.serve(asset(), version(body))
    before = _there(world)

    with pytest.raises(BlobExistsError, match="s2/T32/B04"):
        await world.engine.copy(world.job(asset(), entry=entry if has_row else None))

    assert _there(world) == before
    assert world.budget.free == BUDGET


async def test_error_is_seen_before_a_large_body_is_read() -> None:
    """One look is enough."""
    world = _world(OnExisting.ERROR)
    await _stand(world, version(_LARGE))

    with pytest.raises(BlobExistsError):
        await world.engine.copy(world.job(asset()))

    assert world.wire.calls == ["source.read", "blobs.look"]


@_BODIES
async def test_error_is_raised_for_what_somebody_else_writes_meanwhile(body: bytes) -> None:
    """Another run's blob, which came while this one read."""
    world = _world(OnExisting.ERROR)
    world.serve(asset(), version(body))
    world.wire.on(_WRITE[body], "before", world.other_writer(asset(), body, cause="run-2"))

    with pytest.raises(BlobExistsError):
        await world.engine.copy(world.job(asset()))

    assert (world.wire.calls.count(_WRITE[body]), world.sources.opened) == (1, [asset().href])


_STATED = {"md5": f"md5:{md5(_SMALL).hex()}"}


@pytest.mark.parametrize(
    ("before", "now", "each"),
    [
        (version(_SMALL), version(_SMALL), asset()),
        (version(_SMALL), version(_SMALL), asset(checksum=sha256(_SMALL))),
        (version(_SMALL), version(_SMALL, validator=None, stated=_STATED), asset()),
        (version(_SMALL, validator=None), version(_SMALL, validator=None, stated=_STATED), asset()),
        (version(_SMALL, validator=None), version(_SMALL, validator=None), asset(checksum=sha256(_SMALL))),
    ],
    ids=["validator", "validator and checksum", "none now", "none", "checksum"],
)
async def test_an_unchanged_source_is_not_copied_again(before: Version, now: Version, each: Asset) -> None:
    """By its validator, else by length and checksum: nothing of its body is read."""
    world = _world(OnExisting.IF_SOURCE_CHANGED)
    entry = await _stand(world, before)
    world.serve(each, now)

    outcome = await world.engine.copy(world.job(each, entry=entry))

    verified_by = {"verified_by": f"catalog {each.checksum}"} if each.checksum else {}
    assert outcome == Kept(row=world.row(each, _SMALL, validator=before.validator, **verified_by))
    assert world.wire.calls == ["blobs.look", "source.read"]


@pytest.mark.parametrize(
    ("before", "now", "each"),
    [
        (version(_SMALL), version(_SMALL, validator='etag:"2"'), asset()),
        (version(_SMALL), version(_SMALL, validator='etag:"2"', stated=_STATED), asset(checksum=sha256(_SMALL))),
        (version(_SMALL), version(_OTHER[_SMALL]), asset(checksum=sha256(_OTHER[_SMALL]))),
        (version(_SMALL), version(_SMALL, validator=None), asset()),
        (version(_SMALL), version(_SMALL, validator=None, stated=_STATED, states_length=False), asset()),
        (version(_SMALL), version(tiff(11), validator=None), asset()),
        (version(_SMALL), version(_SMALL, validator=None), asset(checksum=f"sha1:{'0' * 40}")),
    ],
    ids=["validator", "checksum alone", "catalog", "nothing to tell by", "no length", "length", "other digest"],
)
async def test_a_changed_source_is_copied_again(before: Version, now: Version, each: Asset) -> None:
    """Also if it only can't be shown to be the same."""
    world = _world(OnExisting.IF_SOURCE_CHANGED, integrity="log")
    entry = await _stand(world, before)
    world.serve(each, now)

    outcome = await world.engine.copy(world.job(each, entry=entry))

    assert isinstance(outcome, Copied)
    assert outcome.row.etag == _there(world).etag != entry.row.etag
    assert world.bodies() == {each.name: now.body}


@_BODIES
@pytest.mark.parametrize(("theirs", "writes"), [('etag:"1"', 1), ('etag:"0"', 2)], ids=["same version", "another"])
async def test_a_concurrent_copy_of_the_same_version_is_kept(body: bytes, theirs: str, writes: int) -> None:
    """The same bytes under another validator are recorded anew, or each later run would read them again."""
    world = _world(OnExisting.IF_SOURCE_CHANGED)
    world.serve(asset(), version(body))
    world.wire.on(_WRITE[body], "before", world.other_writer(asset(), body, cause="run-2", validator=theirs))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome.row == world.row(asset(), body)
    assert world.wire.calls.count(_WRITE[body]) == writes


@_BODIES
@_ROWS
async def test_replace_replaces_the_same_bytes(body: bytes, *, has_row: bool) -> None:
    """Same version, same checksum, same bytes: written anew all the same, over what was seen."""
    world, each = _world(OnExisting.REPLACE), asset(checksum=sha256(body))
    entry = await _stand(world, version(body))

    outcome = await world.engine.copy(world.job(each, entry=entry if has_row else None))

    assert outcome == Copied(row=world.row(each, body, verified_by=f"catalog {sha256(body)}"))
    assert outcome.row.etag != entry.row.etag


@_BODIES
async def test_replace_replaces_what_another_run_wrote_meanwhile(body: bytes) -> None:
    """It is decided anew, and then nobody is in the way."""
    world = _world(OnExisting.REPLACE)
    world.serve(asset(), version(body))
    world.wire.on(_WRITE[body], "before", world.other_writer(asset(), body, cause="run-2"))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), body))
    assert world.wire.calls.count(_WRITE[body]) == 2


@_BODIES
@_ROWS
async def test_version_keeps_what_it_replaces(body: bytes, *, has_row: bool) -> None:
    """Other bytes: the old ones stay as a snapshot."""
    world = _world(OnExisting.VERSION)
    entry = await _stand(world, version(body))
    newer = version(_OTHER[body], validator='etag:"2"')
    world.serve(asset(), newer)

    outcome = await world.engine.copy(world.job(asset(), entry=entry if has_row else None))

    both = sha256_and_md5(newer.body)
    assert outcome == Copied(row=world.row(asset(), newer.body, validator=newer.validator, digests=both))
    assert (world.bodies(), _snapshots(world)) == ({asset().name: newer.body}, [body])


@_BODIES
@_ROWS
@pytest.mark.parametrize("mode", [OnExisting.VERSION, OnExisting.IMMUTABLE])
@pytest.mark.parametrize("asked", [["sha256"], []], ids=["sha256", "blocks"])
async def test_the_same_bytes_are_kept(body: bytes, mode: OnExisting, asked: list[str], *, has_row: bool) -> None:
    """Of whatever version: they aren't written again, and the row says what is known now."""
    world = _world(mode, digests=asked)
    entry = await _stand(world, version(body))
    world.serve(asset(), version(body, validator='etag:"2"'))

    outcome = await world.engine.copy(world.job(asset(), entry=entry if has_row else None))

    known = {"digests": outcome.row.digests}
    assert outcome == Kept(row=world.row(asset(), body, validator='etag:"2"', **known))
    assert (_there(world).etag, _snapshots(world)) == (entry.row.etag, [])


@pytest.mark.parametrize("mode", [OnExisting.VERSION, OnExisting.IMMUTABLE])
async def test_the_same_blocks_are_kept(mode: OnExisting) -> None:
    """The dataset asks for a digest of the whole only since: the digest of the blocks' digests can be compared."""
    world = _world(mode, digests=[])
    entry = await _stand(world, version(_LARGE))
    since = _world(mode, digests=["sha256"])
    since.blobs.blobs, since.blobs.bodies = world.blobs.blobs, world.blobs.bodies
    since.serve(asset(), version(_LARGE, validator='etag:"2"'))

    outcome = await since.engine.copy(since.job(asset(), entry=entry))

    assert outcome == Kept(row=since.row(asset(), _LARGE, validator='etag:"2"', digests=(sha256(_LARGE),)))


@_BODIES
@pytest.mark.parametrize("mode", [OnExisting.VERSION, OnExisting.IMMUTABLE])
async def test_the_same_version_is_kept_unread(body: bytes, mode: OnExisting) -> None:
    """As skip_verified has it."""
    world = _world(mode)
    entry = await _stand(world, version(body))

    outcome = await world.engine.copy(world.job(asset(), entry=entry))

    assert outcome == Kept(row=world.row(asset(), body))
    assert world.wire.calls == ["blobs.look", "source.read"]


@_BODIES
@pytest.mark.parametrize("mode", [OnExisting.VERSION, OnExisting.IMMUTABLE])
@pytest.mark.parametrize("asked", [["sha256"], []], ids=["sha256", "blocks"])
async def test_bytes_of_nobody_are_kept_if_they_are_the_same(body: bytes, mode: OnExisting, asked: list[str]) -> None:
    """By the MD5 that the service has of them, which the source's bytes then get whatever the dataset asks for."""
    world = _world(mode, digests=asked)
    await _stand_foreign(world, body)
    world.serve(asset(), version(body))

    outcome = await world.engine.copy(world.job(asset()))

    assert isinstance(outcome, Kept)
    assert (world.bodies(), _snapshots(world)) == ({asset().name: body}, [])


@_BODIES
@pytest.mark.parametrize("has_md5", [True, False])
async def test_version_keeps_other_bytes_of_nobody(body: bytes, *, has_md5: bool) -> None:
    """Whose they were nobody knows: all the more they are kept as a snapshot."""
    world = _world(OnExisting.VERSION)
    await _stand_foreign(world, _OTHER[body], has_md5=has_md5)
    world.serve(asset(), version(body))

    outcome = await world.engine.copy(world.job(asset()))

    known = sha256_and_md5(body) if has_md5 else digests(body)
    assert outcome == Copied(row=world.row(asset(), body, digests=known))
    assert _snapshots(world) == [_OTHER[body]]


@_BODIES
async def test_version_keeps_what_another_run_wrote_meanwhile(body: bytes) -> None:
    """Its bytes are others, so they become a version, too."""
    world = _world(OnExisting.VERSION)
    entry = await _stand(world, version(body))
    world.serve(asset(), version(tiff(len(body), seed=2), validator='etag:"2"'))
    theirs = world.other_writer(asset(), _OTHER[body], cause="run-2", validator=None)
    world.wire.on(_WRITE[body], "before", theirs)

    outcome = await world.engine.copy(world.job(asset(), entry=entry))

    assert isinstance(outcome, Copied)
    assert world.bodies() == {asset().name: tiff(len(body), seed=2)}
    assert _snapshots(world) == [body, _OTHER[body]]


@_BODIES
async def test_version_is_content_with_what_another_run_wrote_meanwhile(body: bytes) -> None:
    """The same bytes: theirs stay."""
    world = _world(OnExisting.VERSION)
    entry = await _stand(world, version(body))
    newer = version(_OTHER[body], validator='etag:"2"')
    world.serve(asset(), newer)
    theirs = world.other_writer(asset(), newer.body, cause="run-2", validator=newer.validator)
    world.wire.on("blobs.snapshot", "before", theirs)

    outcome = await world.engine.copy(world.job(asset(), entry=entry))

    both = sha256_and_md5(newer.body)
    assert outcome == Kept(row=world.row(asset(), newer.body, validator=newer.validator, digests=both))
    assert (world.wire.calls.count(_WRITE[body]), _snapshots(world)) == (0, [])


@_BODIES
async def test_a_crash_after_the_snapshot_loses_no_version(body: bytes) -> None:
    """The next try makes another one of the same bytes."""
    world = _world(OnExisting.VERSION)
    entry = await _stand(world, version(body))
    world.serve(asset(), version(_OTHER[body], validator='etag:"2"'))
    world.wire.fail(_WRITE[body], "before", StorageFailedError("503"))

    with pytest.raises(StorageFailedError):
        await world.engine.copy(world.job(asset(), entry=entry))
    await world.engine.copy(world.job(asset(), entry=entry))

    assert (world.bodies(), _snapshots(world)) == ({asset().name: _OTHER[body]}, [body, body])


@_BODIES
@_ROWS
async def test_immutable_refuses_other_bytes(body: bytes, *, has_row: bool) -> None:
    """What was archived once stays, and somebody has to look at it."""
    world = _world(OnExisting.IMMUTABLE)
    entry = await _stand(world, version(body))
    world.serve(asset(), version(_OTHER[body], validator='etag:"2"'))

    with pytest.raises(BlobDiffersError, match="s2/T32/B04"):
        await world.engine.copy(world.job(asset(), entry=entry if has_row else None))

    assert (world.bodies(), _there(world).etag) == ({asset().name: body}, entry.row.etag)
    assert world.budget.free == BUDGET


async def test_immutable_sees_by_the_length_that_bytes_are_others() -> None:
    """Then nothing of them is read."""
    world = _world(OnExisting.IMMUTABLE)
    entry = await _stand(world, version(_LARGE))
    world.serve(asset(), version(tiff(5 * BLOCK), validator='etag:"2"'))

    with pytest.raises(BlobDiffersError, match="80 bytes, the blob 53"):
        await world.engine.copy(world.job(asset(), entry=entry))

    assert world.wire.calls == ["blobs.look", "source.read"]


@_BODIES
async def test_immutable_refuses_what_cannot_be_compared(body: bytes) -> None:
    """A blob of nobody without an MD5 isn't taken for the same because it is as long."""
    world = _world(OnExisting.IMMUTABLE)
    await _stand_foreign(world, body, has_md5=False)
    world.serve(asset(), version(body))

    with pytest.raises(BlobDiffersError):
        await world.engine.copy(world.job(asset()))


@pytest.mark.parametrize("sizes", [(BLOCK, 2 * BLOCK), (2 * BLOCK, BLOCK), (BLOCK, 5 * BLOCK)])
@pytest.mark.parametrize("has_row", [True, False], ids=["row", "no row"])
@pytest.mark.parametrize("same", [True, False], ids=["same", "others"])
async def test_immutable_compares_blocks_of_the_size_that_they_were_cut_into(
    sizes: tuple[int, int], *, has_row: bool, same: bool
) -> None:
    """A blob that is known by its blocks alone is told from others after the size of blocks was changed, too."""
    world = World(policy={"on_existing": OnExisting.IMMUTABLE, "digests": []})
    world.block_size, later = sizes
    world.serve(asset(), version(_LARGE))
    copied = await world.engine.copy(world.job(asset()))
    world.block_size = later
    served = version(_LARGE if same else tiff(len(_LARGE), seed=1), validator='etag:"2"')
    world.serve(asset(), *[served] * 3)
    entry = Entry(row=copied.row, etag="1") if has_row else None

    copying = world.engine.copy(world.job(asset(), entry=entry, cause="run-2"))

    if same:
        kept = await copying
        assert isinstance(kept, Kept)
        assert (kept.row.digests, kept.row.etag) == (copied.row.digests, copied.row.etag)
    else:
        with pytest.raises(BlobDiffersError, match="the source's bytes are others"):
            await copying
    assert world.budget.free == BUDGET


async def test_labels_that_name_absurd_blocks_are_not_followed() -> None:
    """Somebody may have written anything into a blob's metadata."""
    world = World(policy={"on_existing": OnExisting.IMMUTABLE, "digests": []})
    row = world.row(asset(), _LARGE, digests=("blocks-sha256:9999999999:" + "0" * 64,), validator='etag:"0"')
    content = Content(md5=None, media_type="image/tiff", metadata=labels(row))
    await MemoryBlobs.stage(world.blobs, path(asset()), (_LARGE,), block_id="x" * 64)
    await MemoryBlobs.commit(world.blobs, path(asset()), ["x" * 64], content=content)
    world.serve(asset(), *[version(_LARGE)] * 3)

    with pytest.raises(BlobDiffersError):
        await world.engine.copy(world.job(asset(), cause="run-2"))


@_BODIES
async def test_immutable_keeps_the_same_bytes_of_another_run(body: bytes) -> None:
    """Both wanted the same."""
    world = _world(OnExisting.IMMUTABLE)
    world.serve(asset(), version(body))
    world.wire.on(_WRITE[body], "before", world.other_writer(asset(), body, cause="run-2", validator=None))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Kept(row=world.row(asset(), body))


@_BODIES
@pytest.mark.parametrize("asked", [["sha256"], []], ids=["sha256", "blocks"])
async def test_immutable_keeps_the_same_bytes_of_nobody_that_come_meanwhile(body: bytes, asked: list[str]) -> None:
    """Of which the MD5 alone is known: the source's is computed in another round, before anything is refused."""
    world = _world(OnExisting.IMMUTABLE, digests=asked)
    world.serve(asset(), version(body))
    world.wire.on(_WRITE[body], "before", partial(_stand_foreign, world, body))

    outcome = await world.engine.copy(world.job(asset()))

    assert isinstance(outcome, Kept)
    assert outcome.row.digests == sha256_and_md5(body)
    assert (world.bodies(), world.wire.calls.count(_WRITE[body])) == ({asset().name: body}, 1)


@_BODIES
@pytest.mark.parametrize("theirs", ["other bytes", "other length", "no digest"])
async def test_immutable_refuses_what_comes_meanwhile_and_is_not_the_same(body: bytes, theirs: str) -> None:
    """Of nobody, who states a digest or none: it stays, and the asset is refused."""
    world = _world(OnExisting.IMMUTABLE)
    written = {"other bytes": _OTHER[body], "other length": tiff(7), "no digest": body}[theirs]
    world.serve(asset(), version(body))
    writes = partial(_stand_foreign, world, written, has_md5=theirs != "no digest")
    world.wire.on(_WRITE[body], "before", writes)

    with pytest.raises(BlobDiffersError):
        await world.engine.copy(world.job(asset()))

    assert world.bodies() == {asset().name: written}


@_BODIES
async def test_immutable_refuses_to_replace_what_another_run_wrote_meanwhile(body: bytes) -> None:
    """The first one's bytes stay."""
    world = _world(OnExisting.IMMUTABLE)
    world.serve(asset(), version(body))
    world.wire.on(_WRITE[body], "before", world.other_writer(asset(), _OTHER[body], cause="run-2"))

    with pytest.raises(BlobDiffersError, match="somebody else"):
        await world.engine.copy(world.job(asset()))

    assert world.bodies() == {asset().name: _OTHER[body]}


@_BODIES
async def test_what_a_blob_says_of_itself_has_to_fit_its_length(body: bytes) -> None:
    """A tool that writes other bytes under the labels of ours: digests alone don't make them the same."""
    world = _world(OnExisting.SKIP_VERIFIED)
    world.serve(asset(), version(body))
    theirs = world.other_writer(asset(), tiff(7), cause="run-2", validator=None, digests=digests(body))
    world.wire.on(_WRITE[body], "before", theirs)

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome == Copied(row=world.row(asset(), body))
    assert world.bodies() == {asset().name: body}


async def test_what_was_copied_unverified_is_not_enough_where_a_checksum_is_required() -> None:
    """The dataset has become stricter since: the asset is copied again, and verified."""
    world = _world(OnExisting.SKIP_VERIFIED)
    entry = await _stand(world, version(_SMALL))
    stricter = _world(OnExisting.SKIP_VERIFIED, integrity="require")
    stricter.blobs.blobs, stricter.blobs.bodies = world.blobs.blobs, world.blobs.bodies
    stricter.serve(asset(), version(_SMALL, stated=_STATED))

    outcome = await stricter.engine.copy(stricter.job(asset(), entry=entry))

    assert outcome == Copied(row=stricter.row(asset(), _SMALL, verified_by=f"source {_STATED['md5']}"))


async def test_what_a_catalog_states_only_later_is_added() -> None:
    """To what verified the blob when it was written."""
    world, each = _world(OnExisting.SKIP_VERIFIED), asset(checksum=sha256(_SMALL))
    entry = await _stand(world, version(_SMALL, stated=_STATED))

    outcome = await world.engine.copy(world.job(each, entry=entry))

    assert outcome.row.verified_by == f"source {_STATED['md5']}, catalog {sha256(_SMALL)}"
