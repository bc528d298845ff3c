from datetime import timedelta
from typing import Any

import pytest

from shared.model.documents import Edition, ItemDocument
from shared.model.errors import BlobConflictError, MalformedRequestError, NameTakenError
from shared.model.publishing import Publish
from shared.storage.accounts import Account
from shared.storage.blobs import BlobPath, Blobs, Content
from shared.storage.items import Items, Published
from tests.contracts.conftest import new_container
from tests.unit.model.builders import NOON, asset

EDITION = Edition(version="0" * 64, updated=NOON, asked_at=NOON + timedelta(hours=1))
NEWER = Edition(version="1" * 64, updated=None, asked_at=NOON + timedelta(hours=2))


@pytest.fixture
async def items(real: Account | None, blobs: Blobs) -> Items:
    """A store in a container of this test's own."""
    return Items(blobs, container=await new_container(real))


def document(item: str = "s2/T32", **members: Any) -> ItemDocument:
    return ItemDocument(item=item, document=members, address="", assets=(asset(item=item),), publish=Publish())


async def publish(
    items: Items,
    path: BlobPath,
    document: dict[str, Any],
    *,
    edition: Edition = EDITION,
    replaces: Published | None = None,
) -> bool:
    return await items.publish(
        path,
        document,
        dataset="demo",
        item="s2/T32",
        edition=edition,
        media_type="application/geo+json",
        replaces=replaces,
    )


async def read(items: Items, path: BlobPath) -> Published | None:
    return await items.published(path, dataset="demo", item="s2/T32")


@pytest.mark.parametrize("item", ["s2/T32", "a b/../é", ".", "..", "x" * 2000, "é" * 2000, "sha256/aa"])
async def test_a_document_is_kept_under_its_version(items: Items, item: str) -> None:
    """It comes back as it was kept, whatever its item is called; kept again, it stays."""
    kept = document(item, title="half \ud800")

    versions = [await items.keep("demo", kept) for _ in range(2)]

    assert versions[0] == versions[1]
    assert await items.read("demo", item, version=versions[0]) == kept


async def test_documents_of_one_item(items: Items) -> None:
    """Versions stand beside each other."""
    one, other = document(title="one"), document(title="other")

    versions = [await items.keep("demo", each) for each in (one, other)]

    assert [await items.read("demo", "s2/T32", version=each) for each in versions] == [one, other]


@pytest.mark.parametrize(("dataset", "version"), [("demo", "f" * 64), ("other", None)])
async def test_a_document_that_is_not_kept(items: Items, dataset: str, version: str | None) -> None:
    """There is none of another version, and none of another dataset's item."""
    kept = await items.keep("demo", document())

    with pytest.raises(MalformedRequestError, match="is kept"):
        await items.read(dataset, "s2/T32", version=version or kept)


async def test_nothing_is_published(items: Items, path: BlobPath) -> None:
    """No blob: not published."""
    assert await read(items, path) is None


async def test_published_and_replaced(items: Items, blobs: Blobs, path: BlobPath) -> None:
    """An item stands there with its edition; a newer one takes its place."""
    written = await publish(items, path, {"a": 1})
    first = await read(items, path)
    assert first is not None
    again = await publish(items, path, {"a": 2}, edition=NEWER, replaces=first)
    second = await read(items, path)

    assert (written, again) == (True, True)
    assert second is not None
    assert (first.edition, second.edition) == (EDITION, NEWER)
    assert await blobs.read(path) == b'{"a":2}'


async def test_the_same_again(items: Items, path: BlobPath) -> None:
    """The same bytes of the same version aren't written again; of another version they are."""
    await publish(items, path, {"a": 1})
    there = await read(items, path)

    same = await publish(items, path, {"a": 1}, replaces=there)

    assert (same, await read(items, path)) == (False, there)
    assert await publish(items, path, {"a": 1}, edition=NEWER, replaces=there)


async def test_somebody_else_was_first(items: Items, path: BlobPath) -> None:
    """Who hasn't seen what stands there doesn't write over it."""
    await publish(items, path, {"a": 1})
    seen = await read(items, path)
    await publish(items, path, {"a": 2}, edition=NEWER, replaces=seen)

    for replaces in (None, seen):
        with pytest.raises(BlobConflictError):
            await publish(items, path, {"a": 3}, replaces=replaces)


async def test_another_blob_of_this_name(items: Items, blobs: Blobs, path: BlobPath) -> None:
    """A blob that is nothing of this item's is neither taken for it nor written over."""
    await blobs.put(path, (b"x",), content=Content(md5=None, media_type="image/tiff", metadata={}))

    with pytest.raises(NameTakenError, match=r"change the dataset's publish\.name"):
        await read(items, path)
    with pytest.raises(NameTakenError, match=r"change publish\.collection_name"):
        await items.publish_collection(path, {}, dataset="demo", collection="s2", replaces_any=True)


async def test_another_items_blob(items: Items, path: BlobPath) -> None:
    """Neither is another item's or another dataset's."""
    await publish(items, path, {"a": 1})

    for dataset, item in (("demo", "s2/T33"), ("other", "s2/T32")):
        with pytest.raises(NameTakenError):
            await items.published(path, dataset=dataset, item=item)


async def test_collections(items: Items, blobs: Blobs, path: BlobPath) -> None:
    """A collection is written where there is none or another edition of it, and not where the same stands."""

    async def write(document: dict[str, Any], *, replaces_any: bool) -> bool:
        return await items.publish_collection(
            path, document, dataset="demo", collection="s2", replaces_any=replaces_any
        )

    written = [
        await write({"a": 1}, replaces_any=False),
        await write({"a": 1}, replaces_any=True),
        await write({"a": 2}, replaces_any=True),
        await write({"a": 3}, replaces_any=False),
    ]

    assert written == [True, False, True, False]
    assert await blobs.read(path) == b'{"a":2}'
