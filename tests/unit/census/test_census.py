"""Catalog, ledger and destination of a dataset, compared."""

import dataclasses
from datetime import timedelta

import pytest

from shared.census import Found, Mark, Stage, Tally
from shared.model.assets import row_key
from shared.model.errors import StorageFailedError, UnknownDatasetError
from shared.model.items import CatalogAsset, CatalogItem, Page, Refusal
from tests.unit.census.world import CountedWorld
from tests.unit.copying.world import path, tiff
from tests.unit.discovery.world import item, items

_UNLISTED = "the catalog doesn't list it, or the dataset doesn't select it any more"


def _id(listed: CatalogItem) -> str:
    return listed.id


def _reasons(found: list[Found]) -> list[tuple[Mark, str]]:
    return [(each.mark, each.reason) for each in found]


async def test_all_agree() -> None:
    """A dataset that was copied is one line an asset, in the order of names, and clean."""
    world = CountedWorld(*items(3))
    await world.copy()

    found, tally = await world.take()

    assert [each.line for each in found] == [f"= s2/s2/{number:03}/data/data.tif" for number in range(3)]
    assert tally == Tally(
        dataset="s2",
        census="census-1",
        began_at=world.clock(),
        ended_at=world.clock(),
        marks={Mark.SAME: 3, Mark.EXTRA: 0, Mark.MISSING: 0, Mark.DIFFERENT: 0, Mark.UNKNOWN: 0},
        beside=0,
        since=0,
        asked=None,
    )
    assert tally.is_clean


async def test_nothing_is_written() -> None:
    """A census that isn't to mend changes neither ledger nor blobs, and sends nothing."""
    world = CountedWorld(*items(3))
    await world.copy()
    world.lose(world.assets[0])
    before = dict(world.ledger.entries), dict(world.blobs.blobs)

    await world.take()

    assert (dict(world.ledger.entries), dict(world.blobs.blobs)) == before
    assert world.queues.sent == []


@pytest.mark.parametrize(
    ("has_row", "has_blob", "reason"),
    [
        (False, False, "neither copied nor recorded"),
        (True, False, "missing at the destination; the ledger has it"),
        (False, True, "missing in the ledger; a blob stands there"),
    ],
)
async def test_what_is_missing(*, has_row: bool, has_blob: bool, reason: str) -> None:
    """An asset of the catalog without its row, its blob, or both."""
    world = CountedWorld(*items(1))
    await world.copy()
    (asset,) = world.assets
    if not has_row:
        world.unrecord(asset)
    if not has_blob:
        world.lose(asset)

    found, tally = await world.take()

    assert found == [Found(mark=Mark.MISSING, blob=asset.name, item=asset.item, key=asset.key, reason=reason)]
    assert not tally.is_clean


async def test_a_blob_that_was_overwritten() -> None:
    """Other bytes than the ledger's are a difference, whatever their metadata say."""
    world = CountedWorld(*items(2))
    await world.copy()
    shorter, other = world.assets
    before = world.recorded(other)
    await world.overwrite(shorter, tiff(4), with_labels=True)
    await world.overwrite(other, tiff(before.length, seed=9), with_labels=False)

    found, _ = await world.take()

    now = world.blobs.blobs[path(other)]
    assert now.md5 is not None
    assert _reasons(found) == [
        (Mark.DIFFERENT, "the blob has 4 bytes, the ledger 12"),
        (Mark.DIFFERENT, f"the blob is md5:{now.md5.hex()}, the ledger has {before.digests[1]}"),
    ]


async def test_a_blob_that_was_written_anew() -> None:
    """Another ETag is a difference even where nothing else is known to be another."""
    world = CountedWorld(*items(1))
    await world.copy()
    (asset,) = world.assets
    there = world.blobs.blobs[path(asset)]
    world.blobs.blobs[path(asset)] = dataclasses.replace(there, etag='"other"', md5=None)

    found, _ = await world.take()

    reason = f'the blob was written anew since: its ETag is "other", the ledger has {there.etag}'
    assert _reasons(found) == [(Mark.DIFFERENT, reason)]


async def test_a_row_that_lies() -> None:
    """A row whose digests aren't those of its blob's metadata differs from it."""
    world = CountedWorld(*items(1))
    await world.copy()
    row = world.recorded(world.assets[0])
    await world.record(row.model_copy(update={"digests": (f"sha256:{'0' * 64}",)}))

    found, _ = await world.take()

    reason = f"the blob is {row.digests[0]}, the ledger has sha256:{'0' * 64}"
    assert _reasons(found) == [(Mark.DIFFERENT, reason)]


async def test_another_description() -> None:
    """What the catalog describes otherwise since is a difference; a run asks for it, too."""
    world = CountedWorld(*items(1))
    await world.copy()
    world.offer(*items(1, size=12))

    found, _ = await world.take()

    assert _reasons(found) == [(Mark.DIFFERENT, "the catalog describes it otherwise than when it was copied")]


async def test_a_late_catalog() -> None:
    """A row may stand for a newer description, or for the one that the bytes agreed with in its place."""
    world = CountedWorld(*items(2, updated=None))
    await world.copy()
    newer, instead = (world.recorded(each) for each in world.assets)
    later = world.clock() + timedelta(days=1)
    await world.record(newer.model_copy(update={"description": "0" * 64, "described_at": later}))
    update = {"description": "0" * 64, "instead_of": instead.description}
    await world.record(instead.model_copy(update=update))

    assert await world.lines() == ["= 000/data/data.tif", "= 001/data/data.tif"]


async def test_what_the_catalog_has_no_more() -> None:
    """Rows and blobs without an asset are extra, each told once."""
    world = CountedWorld(*items(4))
    await world.copy()
    _, both, blob, row = world.assets
    world.unrecord(blob)
    world.lose(row)
    world.offer(item("000"))

    found, _ = await world.take()

    assert found == [
        Found(mark=Mark.SAME, blob="s2/s2/000/data/data.tif", item="s2/000", key="data"),
        *(
            Found(mark=Mark.EXTRA, blob=each.name, item=each.item, key=each.key, reason=f"{where}; {_UNLISTED}")
            for each, where in (
                (both, "in the ledger and at the destination"),
                (blob, "at the destination only"),
                (row, "in the ledger only"),
            )
        ),
    ]


async def test_what_isnt_selected_any_more() -> None:
    """A narrower selection makes assets extra: nobody would copy them now."""
    world = CountedWorld(item("a", "B04", "thumbnail"))
    await world.copy()
    select = world.dataset.select.model_copy(update={"exclude": ("thumb*",)})
    world.dataset = world.dataset.model_copy(update={"select": select})

    assert await world.lines() == ["= a/B04/B04.tif", "- a/thumbnail/thumbnail.tif"]


async def test_blobs_of_others_are_beside() -> None:
    """Published items and collections, blobs of other datasets, and strangers elsewhere aren't extra."""
    world = CountedWorld(*items(1), publish={"name": "s2/items/{item}.json"})
    await world.copy()
    await world.put("s2/items/s2%2F000.json", sluice_dataset="s2", sluice_row="x-y", sluice_content="1" * 64)
    await world.put("s2/landsat/a.tif", sluice_dataset="landsat", sluice_row="x-y", sluice_digests="md5:00")

    found, tally = await world.take()

    assert ([each.mark for each in found], tally.beside) == ([Mark.SAME], 2)
    assert tally.is_clean


async def test_a_strangers_blob_among_ours() -> None:
    """Where only the dataset's blobs belong, one that says nothing of itself is extra."""
    world = CountedWorld(*items(1))
    await world.copy()
    await world.put("s2/notes.txt")
    await world.put("elsewhere/notes.txt")

    found, tally = await world.take()

    reason = f"at the destination only, and nothing says whose it is; {_UNLISTED}"
    assert found[0] == Found(mark=Mark.EXTRA, blob="s2/notes.txt", reason=reason)
    assert ([each.mark for each in found[1:]], tally.beside) == ([Mark.SAME], 0)


async def test_names_of_another_template() -> None:
    """A dataset that names its blobs anew misses the new ones, and has the old ones over, wherever they lie."""
    world = CountedWorld(*items(1))
    await world.copy()
    await world.put("notes.txt")
    destination = world.dataset.destination.model_copy(update={"name": "new/{item}/{key}"})
    world.dataset = world.dataset.model_copy(update={"destination": destination})

    found, tally = await world.take()

    assert [each.line for each in found] == ["+ new/s2%2F000/data", "- s2/s2/000/data/data.tif"]
    # Nobody's, and not below ``new``.
    assert tally.beside == 1


async def test_rows_of_another_container() -> None:
    """A row of the container before is extra, and its blob, which isn't listed, is neither told of nor denied."""
    world = CountedWorld(*items(1))
    await world.copy()
    destination = world.dataset.destination.model_copy(update={"container": "new"})
    world.dataset = world.dataset.model_copy(update={"destination": destination})

    found, _ = await world.take()

    assert [each.line for each in found] == ["- assets//s2/s2/000/data/data.tif", "+ s2/s2/000/data/data.tif"]


async def test_refusals_are_told_first() -> None:
    """What the catalog lists and nobody can ask for can't be told, and what stands of it isn't extra."""
    bad = CatalogItem(item="s2/b", collection="s2", id="b", assets=(CatalogAsset(key="x", href="ftp://example.org/a"),))
    world = CountedWorld(item("a"), item("b", "x"))
    await world.copy()
    world.offer(item("a"), bad)

    found, tally = await world.take()

    where = "in the ledger and at the destination"
    assert [(each.line, each.reason.partition(":")[0]) for each in found] == [
        ("! s2/b/x", "UrlRefusedError"),
        ("= s2/s2/a/data/data.tif", ""),
        ("! s2/s2/b/x/x.tif", f"{where}; the catalog lists it in a way that is refused now"),
    ]
    assert not tally.is_clean


async def test_two_assets_of_one_name() -> None:
    """Assets of different pages that would be one blob can't be told, and neither is asked for."""
    world = CountedWorld(page_size=1)
    named = [dataclasses.replace(each, destination="same.tif") for made in items(2) for each in made.assets]
    both = [dataclasses.replace(made, assets=(each,)) for made, each in zip(items(2), named, strict=True)]
    world.offer(*both, page_size=1)

    found, tally = await world.take(fix=True)

    reason = "2 assets of the catalog would be this blob; change the dataset's destination.name"
    assert _reasons(found) == [(Mark.UNKNOWN, reason)] * 2
    assert tally.asked == 0


async def test_another_assets_blob() -> None:
    """A blob that is another asset's by its metadata can't be told, and isn't asked for: it would fail."""
    world = CountedWorld(*items(1))
    await world.put("s2/s2/000/data/data.tif", sluice_dataset="s2", sluice_row=row_key("s2/other", "data"))

    found, tally = await world.take(fix=True)

    reason = "another asset's blob stands there; change the dataset's destination.name"
    assert (_reasons(found), tally.asked) == ([(Mark.UNKNOWN, reason)], 0)


async def test_an_item_on_two_pages() -> None:
    """An asset that is listed twice is one asset, as it was listed last."""
    world = CountedWorld(*items(1))
    await world.copy()
    world.offer(item("000", size=3), *items(1), page_size=1)

    assert await world.lines() == ["= 000/data/data.tif"]


async def test_metadata_that_cant_be_read() -> None:
    """A blob that is encrypted with somebody else's key agrees by its ETag; without an asset it can't be told."""
    world = CountedWorld(*items(2))
    await world.copy()
    world.closed |= {each.name for each in world.assets}
    world.unrecord(world.assets[1])
    world.offer(item("000"))

    found, _ = await world.take()

    reason = "its metadata are encrypted with a key that isn't ours: whose it is can't be told"
    assert _reasons(found) == [(Mark.SAME, ""), (Mark.UNKNOWN, reason)]


async def test_more_places_than_are_judged_together() -> None:
    """Each is told once, in the order of names."""
    world = CountedWorld(*items(1001), page_size=400)

    found, tally = await world.take()

    assert [each.blob for each in found] == [f"s2/s2/{each.id}/data/data.tif" for each in sorted(items(1001), key=_id)]
    assert tally.marks[Mark.MISSING] == 1001


async def test_what_is_copied_meanwhile_agrees() -> None:
    """An asset that is copied after the ledger was read and before the destination was is looked at once more."""
    world = CountedWorld(*items(2))

    async def copy(_: str) -> None:
        await world.copy(world.assets[0])
        world.clock.turn(-timedelta(hours=1))

    world.before_listing = copy

    assert await world.lines() == ["= 000/data/data.tif", "+ 001/data/data.tif"]


async def test_what_comes_meanwhile_isnt_extra() -> None:
    """An asset that the catalog came to list after it was read, and that an event or a run brought, is only counted."""
    world = CountedWorld(*items(3))
    await world.copy(world.assets[0])
    row, blob = world.assets[1:]
    world.offer(item("000"))
    await world.copy(row, blob)
    world.clock.turn(-timedelta(hours=1))
    world.unrecord(blob)
    there = world.blobs.blobs[path(blob)]
    world.blobs.blobs[path(blob)] = dataclasses.replace(there, modified=world.clock())

    found, tally = await world.take()

    assert ([each.mark for each in found], tally.since) == ([Mark.SAME], 2)


async def test_a_page_that_cant_ever_be_read() -> None:
    """What comes after it can't be told: it may be listed there."""
    world = CountedWorld(*items(4))
    await world.copy()
    del world.catalog.pages["page-1"]

    found, tally = await world.take()

    broken = "MalformedCatalogError: no page is called 'page-1'"
    assert [each.mark.value for each in found] == ["=", "=", "!", "!"]
    assert found[-1].reason.endswith(f"whether the catalog has it can't be told: {broken}")
    assert (tally.broken, tally.is_clean) == (broken, False)


async def test_a_listed_refusal_of_a_page() -> None:
    """What a page says that it can't give is told with its reason."""
    world = CountedWorld()
    refusal = Refusal(item="line 3 of list.csv", key="", error="MalformedCatalogError", message="no url")
    world.catalog.pages[None] = Page(items=(), next_token=None, refusals=(refusal,))

    found, _ = await world.take()

    assert [(each.line, each.reason) for each in found] == [
        ("! line%203%20of%20list.csv", "MalformedCatalogError: no url")
    ]


async def test_progress_is_told() -> None:
    """Each stage says how much of it is done."""
    world = CountedWorld(*items(3))
    await world.copy()
    world.unrecord(world.assets[0])
    done: dict[Stage, int] = {}

    def progress(stage: Stage, more: int) -> None:
        done[stage] = done.get(stage, 0) + more

    await world.take(fix=True, progress=progress)

    assert done == {
        Stage.CATALOG: 3,
        Stage.LEDGER: 2,
        Stage.DESTINATION: 3,
        Stage.COMPARING: 3,
        Stage.ASKING: 1,
    }


async def test_an_unknown_dataset() -> None:
    """There is nothing to compare."""
    with pytest.raises(UnknownDatasetError):
        await CountedWorld().census.take("landsat", tell=lambda _: None)


async def test_a_missing_container() -> None:
    """Storage that can't be listed ends the census: nothing is told to be missing."""
    world = CountedWorld(*items(1))
    world.missing_containers = {"assets"}

    with pytest.raises(StorageFailedError, match="no container"):
        await world.take()
