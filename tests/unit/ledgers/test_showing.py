"""Where a file is, by whatever names it."""

from typing import Any
from urllib.parse import quote

import pytest

from shared.ledgers import Answer, Shown, Standing
from shared.model.errors import QueryInvalidError, UnknownDatasetError
from shared.model.labels import labels
from tests.unit.ledgers.world import ENDPOINT, HOUR, World, row_of
from tests.unit.model.builders import NOON, asset

ONE, TWO = (asset(key=each, name=f"demo/s2/T%2032/{each}") for each in ("one", "two"))
_HREF = "https://data.example.org/a/b.tif"
#: An asset without an item.
ALONE = asset(item=_HREF, key=_HREF, href=_HREF, name="demo/a/b.tif")


def shown(row: Any, **values: Any) -> Shown:
    """An asset that is where its row says."""
    given: dict[str, Any] = {
        "dataset": row.dataset,
        "item": row.item,
        "key": row.key,
        "row": row,
        "url": f"{ENDPOINT}/assets/{quote(row.blob)}",
        "standing": Standing.AS_RECORDED,
        "failure": None,
    }
    return Shown(**{**given, **values})


async def test_an_item() -> None:
    """All of its assets, by their keys."""
    world = World()
    two, one = await world.bring(TWO), await world.bring(ONE)

    answer = await world.showing.show("s2/T32")

    assert answer == Answer(found=(shown(one), shown(two)))


async def test_an_asset_of_an_item() -> None:
    """One of them, by its key."""
    world = World()
    one = await world.bring(ONE)
    await world.bring(TWO)

    assert await world.showing.show("s2/T32", "one") == Answer(found=(shown(one),))


async def test_an_item_of_several_datasets() -> None:
    """Each dataset has its own; one can be asked for alone."""
    world = World()
    mine = await world.bring(ONE)
    theirs = await world.bring(ONE.model_copy(update={"name": "other/one"}), dataset="other")

    assert await world.showing.show("s2/T32") == Answer(found=(shown(mine), shown(theirs)))
    assert await world.showing.show("s2/T32", dataset="other") == Answer(found=(shown(theirs),))


@pytest.mark.parametrize(
    "what",
    [
        _HREF,
        f"{_HREF}?X-Amz-Signature=s3cr3t&X-Amz-Date=1",
        "https://user:s3cr3t@data.example.org/a/b.tif#part",
        f"{ENDPOINT}/assets/demo/a/b.tif",
        f"{ENDPOINT}/assets/demo/a/b.tif?sv=1&sig=s3cr3t",
        "assets/demo/a/b.tif",
        "demo/a/b.tif",
    ],
)
async def test_an_asset_without_an_item(what: str) -> None:
    """Its address, signed or not; its blob's address, with its container or alone. No row is looked through."""
    world = World()
    row = await world.bring(ALONE)

    assert await world.showing.show(what) == Answer(found=(shown(row),))


async def test_a_blob_whose_name_has_escapes() -> None:
    """Names have percent signs of their own; in an address these are escaped once more."""
    world = World()
    one = await world.bring(ONE)

    assert await world.showing.show("demo/s2/T%2032/one") == Answer(found=(shown(one),))
    assert await world.showing.show(shown(one).url or "") == Answer(found=(shown(one),))


async def test_an_address_of_an_asset_that_has_an_item() -> None:
    """Nothing but every row says whose it is; how far that is, is told."""
    world = World()
    one = await world.bring(ONE)
    await world.bring(TWO)
    scanned: list[tuple[str, int]] = []

    answer = await world.showing.show(
        f"{ONE.href}?sig=s3cr3t&sv=1", scanned=lambda name, parts: scanned.append((name, parts))
    )

    note = f"every row of demo, other was looked at for {ONE.href}"
    assert answer == Answer(found=(shown(one),), notes=(note,))
    assert scanned[-2:] == [("demo", 32), ("other", 32)]
    assert scanned[0][0] == "demo"


async def test_an_address_that_never_arrived() -> None:
    """Its failure is found where no row is."""
    world = World()
    await world.bring(TWO)
    failure = await world.fail(ONE)

    answer = await world.showing.show(ONE.href)

    (found,) = answer.found
    assert (found.row, found.url, found.standing, found.failure) == (None, None, None, failure)
    assert answer.notes == (f"every row of demo, other was looked at for {ONE.href}, and every failure",)


async def test_an_address_that_nobody_knows() -> None:
    """It is said what was looked at; no signature is repeated."""
    answer = await World().showing.show("https://data.example.org/x?token=s3cr3t", dataset="demo")

    looked = "every row of demo was looked at for https://data.example.org/x, and every failure: none is of it"
    assert answer == Answer(found=(), notes=(looked,))


async def test_an_address_that_many_assets_share() -> None:
    """A hundred are enough."""
    world = World()
    for number in range(120):
        await world.record(row_of(asset(item=f"s2/{number}", href=_HREF)))

    answer = await world.showing.show(_HREF)

    assert len(answer.found) == 100


@pytest.mark.parametrize(
    ("at", "is_shown"), [(NOON - HOUR, False), (NOON, False), (NOON + HOUR, True)], ids=["older", "same", "newer"]
)
async def test_the_last_failure(at: Any, *, is_shown: bool) -> None:
    """It is news where it is newer than the row."""
    world = World()
    row = await world.bring(ONE)
    failure = await world.fail(ONE, last_at=at)

    answer = await world.showing.show("s2/T32")

    assert answer == Answer(found=(shown(row, failure=failure if is_shown else None),))


async def test_an_item_of_which_only_failures_are_known() -> None:
    """What was never copied has no row."""
    world = World()
    failure = await world.fail(ONE)

    (found,) = (await world.showing.show("s2/T32")).found

    assert found == Shown(dataset="demo", item="s2/T32", key="one", row=None, url=None, standing=None, failure=failure)


async def test_what_stands_at_the_rows_place() -> None:
    """A blob that was written over, and one that went away."""
    world = World()
    changed, gone = await world.bring(ONE), await world.bring(TWO)
    await world.record(changed.model_copy(update={"etag": '"9"'}))
    world.blobs.blobs.clear()
    await world.write(ONE)

    found = (await world.showing.show("s2/T32")).found

    assert [each.standing for each in found] == [Standing.ANOTHER_VERSION, Standing.GONE]
    assert gone.blob.endswith("two")


async def test_a_blob_that_is_not_ours() -> None:
    """It is said what it is instead."""
    world = World()
    await world.write(ONE, metadata={})
    await world.write(TWO, dataset="third")
    published = {**labels(row_of(ALONE)), "sluice_content": "0" * 64}
    await world.write(ALONE, metadata=published)

    answers = [await world.showing.show(each) for each in (ONE.name, TWO.name, ALONE.name)]

    assert [(each.found, each.notes) for each in answers] == [
        ((), (f"the blob assets/{ONE.name} stands there, but has no metadata of ours: it isn't ours",)),
        ((), (f"the blob assets/{TWO.name} stands there, but belongs to dataset 'third'",)),
        ((), (f"the blob assets/{ALONE.name} is an item or collection that was published, no asset",)),
    ]


async def test_a_blob_whose_row_is_lost() -> None:
    """The way out is named."""
    world = World()
    await world.write(ONE)

    answer = await world.showing.show(ONE.name)

    note = f"the blob assets/{ONE.name} is ours, but no row names it; `ledger rebuild demo` writes one"
    assert answer == Answer(found=(), notes=(note,))


async def test_a_blob_whose_names_are_too_long_for_its_metadata() -> None:
    """Its row is found by its place, among all of its dataset."""
    world = World()
    long = asset(item="é" * 400, key="one", name="demo/long")
    row = await world.bring(long)
    await world.bring(TWO)

    answer = await world.showing.show("demo/long")

    note = "every row of demo was looked at for the blob assets/demo/long"
    assert answer == Answer(found=(shown(row),), notes=(note,))


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        (("s2/T33",), "no item and no blob is called 's2/T33' in demo, other"),
        (("s2/T32", "three"), "no asset 'three' of an item 's2/T32' is known"),
        (("assets/",), "no item and no blob is called 'assets/' in demo, other"),
    ],
)
async def test_what_is_not_known(arguments: tuple[str, ...], note: str) -> None:
    """Nothing is found, and what was looked for is said."""
    world = World()
    await world.bring(ONE)

    assert await world.showing.show(*arguments) == Answer(found=(), notes=(note,))


async def test_a_container_is_no_blob() -> None:
    """The address of a container means none of its blobs."""
    world = World()
    await world.bring(ONE)

    answer = await world.showing.show(f"{ENDPOINT}/assets")

    assert (answer.found, answer.notes[0].endswith("none is of it")) == ((), True)


async def test_what_is_no_address() -> None:
    """It isn't repeated, as it may be signed."""
    with pytest.raises(QueryInvalidError, match=r"^this is no address that can be read$") as refused:
        await World().showing.show("https://[s3cr3t")

    assert refused.value.field == "what"


async def test_a_dataset_that_there_isnt() -> None:
    """It is named, with those that there are."""
    with pytest.raises(UnknownDatasetError, match="these are defined: demo, other"):
        await World().showing.show("s2/T32", dataset="nothing")
