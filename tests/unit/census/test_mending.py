"""What a census found wrong, asked for again and copied, until the next one finds nothing."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from shared.census import Mark
from shared.model.assets import Asset
from shared.model.datasets import OnExisting
from shared.model.errors import SourceChangedError
from shared.model.messages import CopyRequest, ItemVersion, Queue
from tests.unit.census.world import BODY, CountedWorld
from tests.unit.copying.world import BLOCK, LARGE, path, sha256, tiff, version
from tests.unit.discovery.world import item, items

_MODES = tuple(OnExisting)
_REPLACING = tuple(each for each in OnExisting if each not in {OnExisting.ERROR, OnExisting.IMMUTABLE})
_LATER = tiff(12, seed=8)
#: As long as the right ones.
_DAMAGED = tiff(12, seed=9)


def _world(*listed: Any, mode: OnExisting = OnExisting.SKIP_VERIFIED, **parts: Any) -> CountedWorld:
    return CountedWorld(*listed, policy={"on_existing": mode, "bundle_assets": 1}, **parts)


def _asked(requests: list[CopyRequest]) -> list[Asset]:
    return [asset for each in requests for asset in each.assets]


async def test_exactly_the_wrong_ones_are_asked_for() -> None:
    """What is missing or differs, once, in the lane of runs and by the census; neither what agrees nor what is over."""
    world = _world(*items(6))
    await world.copy()
    no_blob, no_row, damaged, neither, _, over = world.assets
    world.lose(no_blob)
    world.unrecord(no_row)
    await world.overwrite(damaged, _DAMAGED, with_labels=False)
    world.lose(neither)
    world.unrecord(neither)
    world.offer(*items(5))
    began = world.clock()

    asked = await world.fix()

    assert _asked(asked) == [no_blob, no_row, damaged, neither]
    assert {(each.cause, each.asked_at) for each in asked} == {("census-1", began)}
    assert path(over) in world.blobs.blobs
    assert await world.lines() == [*(f"= {number:03}/data/data.tif" for number in range(5)), "- 005/data/data.tif"]


async def test_an_asset_on_two_pages_is_asked_for_once() -> None:
    """A catalog that lists it twice has it copied once."""
    world = _world(*items(1))
    world.offer(*items(1), *items(1), page_size=1)
    world.serve(world.assets[0], BODY)

    _, tally = await world.take(fix=True)

    assert (tally.asked, len(world.sent(Queue.COPY))) == (1, 1)


async def test_what_the_catalog_lists_no_more_isnt_asked_for() -> None:
    """The catalog is read anew for the requests: an asset that is gone by then stays as it is."""
    world = _world(*items(2))

    async def forget(_: str) -> None:
        world.offer(item("001"))

    world.before_listing = forget

    _, tally = await world.take(fix=True)

    assert (tally.marks[Mark.MISSING], tally.asked) == (2, 1)
    assert _asked(world.sent(Queue.COPY)) == list(world.assets)


async def test_a_catalog_that_changes_while_it_asks() -> None:
    """What was asked for by then counts; the next census asks for the rest."""
    world = _world(*items(4))

    async def change(_: str) -> None:
        world.failing["page-1"] = [SourceChangedError("another version")]

    world.before_listing = change

    _, tally = await world.take(fix=True)

    assert (tally.marks[Mark.MISSING], tally.asked) == (4, 2)


async def test_a_clean_dataset_reads_its_catalog_once() -> None:
    """Where nothing is wrong, nothing is looked for to ask for it."""
    world = _world(*items(4))
    await world.copy()

    _, tally = await world.take(fix=True)

    assert (tally.asked, len(world.catalog.asked)) == (0, 2)


async def test_items_are_published_by_what_was_mended() -> None:
    """A request says which version of its item is whole with how many assets, those that agree among them."""
    world = _world(item("a", "B03", "B04"), publish={})
    await world.copy()
    world.lose(world.assets[0])

    (asked,) = await world.fix()

    (one,) = asked.items
    assert one == ItemVersion(item="s2/a", version=one.version, assets=2)
    assert [each.key for each in asked.assets] == ["B03"]
    assert len(world.queues.bodies(Queue.PUBLISH)) == 1


@pytest.mark.parametrize("mode", _REPLACING)
@pytest.mark.parametrize("with_labels", [True, False], ids=["labels kept", "labels lost"])
@pytest.mark.parametrize("body", [BODY, LARGE], ids=["put", "blocks"])
@pytest.mark.parametrize("stated", [True, False], ids=["checksum", "no checksum"])
async def test_a_damaged_blob_is_copied_again(
    mode: OnExisting, body: bytes, *, with_labels: bool, stated: bool
) -> None:
    """Whatever its labels and its source say: the ledger has another ETag."""
    values = {"checksum": sha256(body), "size": len(body)} if stated else {}
    world = _world(*items(1, **values), mode=mode)
    (asset,) = world.assets
    world.serve(asset, body)
    await world.copy()
    await world.overwrite(asset, tiff(len(body), seed=9), with_labels=with_labels)

    await world.fix()

    assert world.blobs.bodies[path(asset)] == body
    assert world.recorded(asset).cause == "census-1"
    assert await world.lines() == ["= 000/data/data.tif"]


@pytest.mark.parametrize("mode", _REPLACING)
async def test_a_damaged_blob_without_md5_is_copied_again(mode: OnExisting) -> None:
    """The service knows no MD5 of it, and its labels are those of the right bytes."""
    world = _world(*items(1), mode=mode)
    (asset,) = world.assets
    world.serve(asset, LARGE)
    await world.copy()
    await world.overwrite(asset, tiff(len(LARGE), seed=9), with_labels=True)
    there = world.blobs.blobs[path(asset)]
    world.blobs.blobs[path(asset)] = dataclasses.replace(there, md5=None)

    await world.fix()

    assert world.blobs.bodies[path(asset)] == LARGE


@pytest.mark.parametrize("mode", [OnExisting.ERROR, OnExisting.IMMUTABLE])
async def test_what_is_never_replaced_cant_be_mended(mode: OnExisting) -> None:
    """Its request ends in the poison queue, and says why; the blob stays as it is, and so does the row."""
    world = _world(*items(1), mode=mode)
    await world.copy()
    (asset,) = world.assets
    await world.overwrite(asset, _DAMAGED, with_labels=True)
    before = world.recorded(asset)

    await world.fix()

    (poison,) = world.sent(Queue.COPY.poison)
    assert poison.reason is not None
    assert poison.reason.error == {"error": "BlobExistsError", "immutable": "BlobDiffersError"}[mode]
    assert (world.blobs.bodies[path(asset)], world.recorded(asset)) == (_DAMAGED, before)


async def test_an_immutable_blob_of_unknown_bytes() -> None:
    """Where nothing can be compared, that is what is said: not that its bytes are others."""
    world = _world(*items(1), mode=OnExisting.IMMUTABLE)
    (asset,) = world.assets
    world.serve(asset, LARGE)
    await world.copy()
    there = world.blobs.blobs[path(asset)]
    world.blobs.blobs[path(asset)] = dataclasses.replace(there, etag='"other"', md5=None)

    await world.fix()

    (poison,) = world.sent(Queue.COPY.poison)
    assert poison.reason is not None
    assert poison.reason.message.endswith("is immutable: nothing says that it has the source's bytes")


@pytest.mark.parametrize("mode", [OnExisting.VERSION, OnExisting.IMMUTABLE])
async def test_a_blob_that_was_only_touched_is_kept(mode: OnExisting) -> None:
    """Where bytes are compared, the service's MD5 shows that they are the source's: the row is brought up to date."""
    world = _world(*items(1), mode=mode)
    await world.copy()
    (asset,) = world.assets
    await world.overwrite(asset, BODY, with_labels=True)
    touched = world.blobs.blobs[path(asset)].etag

    await world.fix()

    assert (world.recorded(asset).etag, world.blobs.snapshots[path(asset)]) == (touched, [])
    assert await world.lines() == ["= 000/data/data.tif"]


@pytest.mark.parametrize("mode", _MODES)
async def test_a_blob_that_is_gone_is_copied_again(mode: OnExisting) -> None:
    """No policy is against that, though the row says that it is done."""
    world = _world(*items(1), mode=mode)
    await world.copy()
    (asset,) = world.assets
    world.lose(asset)

    await world.fix()

    assert await world.lines() == ["= 000/data/data.tif"]


async def test_a_newer_description_doesnt_hide_a_missing_blob() -> None:
    """A row that stands for a newer description settles a run's request, and not that of who looked at the blob."""
    world = _world(*items(1))
    await world.copy()
    (asset,) = world.assets
    update = {"description": "0" * 64, "described_at": world.clock() + timedelta(days=30)}
    await world.record(world.recorded(asset).model_copy(update=update))
    world.lose(asset)

    await world.fix()

    assert world.blobs.bodies[path(asset)] == BODY
    assert await world.lines() == ["= 000/data/data.tif"]


@pytest.mark.parametrize("mode", [each for each in _MODES if each not in {OnExisting.ERROR, OnExisting.REPLACE}])
async def test_a_lost_row_is_written_again(mode: OnExisting) -> None:
    """A blob that agrees by its labels gets its row back and isn't written."""
    world = _world(*items(1, checksum=sha256(BODY)), mode=mode)
    await world.copy()
    (asset,) = world.assets
    there = world.blobs.blobs[path(asset)]
    world.unrecord(asset)

    await world.fix()

    assert (world.blobs.blobs[path(asset)], world.recorded(asset).etag) == (there, there.etag)
    assert await world.lines() == ["= 000/data/data.tif"]


async def test_a_row_that_lies_is_mended_without_a_copy() -> None:
    """The ledger has the blob's ETag, so its labels are believed and the row says what they do."""
    world = _world(*items(1, checksum=sha256(BODY)))
    await world.copy()
    (asset,) = world.assets
    before = world.recorded(asset)
    await world.record(before.model_copy(update={"length": 13}))

    await world.fix()

    assert (world.recorded(asset).length, world.recorded(asset).etag) == (12, before.etag)
    assert await world.lines() == ["= 000/data/data.tif"]


async def test_another_description_is_copied() -> None:
    """An asset that the catalog describes otherwise is what the source has now."""
    world = _world(*items(1))
    await world.copy()
    world.offer(*items(1, checksum=sha256(_LATER)))
    (asset,) = world.assets
    world.serve(asset, version(_LATER, validator='etag:"2"'))

    await world.fix()

    assert world.blobs.bodies[path(asset)] == _LATER
    assert await world.lines() == ["= 000/data/data.tif"]


async def test_a_second_delivery_copies_nothing() -> None:
    """What the census's own request wrote is kept, also where its row was lost with the worker."""
    world = _world(*items(1))
    await world.copy()
    (asset,) = world.assets
    old = world.recorded(asset)
    await world.overwrite(asset, _DAMAGED, with_labels=True)
    (asked,) = await world.fix()
    mended = world.blobs.blobs[path(asset)]

    await world.deliver(asked)
    await world.record(old)
    await world.deliver(asked)

    assert (world.blobs.blobs[path(asset)], world.recorded(asset).etag) == (mended, mended.etag)


@pytest.mark.parametrize("body", [BODY, tiff(BLOCK)], ids=["short", "a block"])
async def test_a_run_sees_through_labels_that_are_of_other_bytes(body: bytes) -> None:
    """A blob whose MD5 isn't the one of its labels was overwritten with them: it is replaced, whoever asks."""
    world = _world(*items(1, checksum=sha256(body)))
    (asset,) = world.assets
    world.serve(asset, body)
    await world.copy()
    await world.overwrite(asset, tiff(len(body), seed=9), with_labels=True)

    await world.copy(cause="run-2")

    assert world.blobs.bodies[path(asset)] == body
