"""A catalog can be late: what it says of an asset is asked once more before wrong bytes count."""

import dataclasses
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pytest_mock import MockerFixture

from shared.copying import Describing
from shared.copying.job import Copied, Kept
from shared.model.assets import Asset
from shared.model.errors import (
    ChecksumMismatchError,
    LengthMismatchError,
    MalformedCatalogError,
    SourceThrottledError,
    SourceUnavailableError,
)
from shared.model.items import CatalogAsset, CatalogItem
from shared.model.labels import label
from tests.fakes.catalogs import MemoryCatalog
from tests.fakes.sources import Version
from tests.unit.copying.wire import CrashError
from tests.unit.copying.world import LARGE, SMALL, World, path, request, sha256, version
from tests.unit.model.builders import NOON, asset, dataset

_BODIES = pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
#: What the request says.
_OLD = asset(checksum=sha256(b"what stood there before"))
_MOVED = "https://data.example.org/new/B04.tif"


def _world(**policy: object) -> World:
    """A dataset whose blobs are named as the builders' assets are."""
    return World(destination={"container": "assets", "name": "{collection}/{id}/{key}"}, policy=policy)


def _item(each: Asset, **changed: Any) -> CatalogItem:
    """The item of an asset, as a catalog gives it."""
    collection, _, name = each.item.partition("/")
    listed = CatalogAsset(
        key=each.key,
        href=each.href,
        size=each.size,
        checksum=each.checksum,
        updated=each.updated,
        media_type=each.media_type,
    )
    given: dict[str, Any] = {"item": each.item, "collection": collection, "id": name, "assets": (listed,)}
    return CatalogItem(**{**given, **changed})


def _fresh(body: bytes, **values: Any) -> Asset:
    """The asset as it is described once the catalog is up to date."""
    return asset(**{"checksum": sha256(body), **values})


def _say(world: World, each: Asset) -> None:
    """Have the catalog describe an asset."""
    world.catalog.items[each.item] = _item(each)


@_BODIES
async def test_a_catalog_that_is_late(body: bytes) -> None:
    """The bytes are judged by what it says now; row and blob say so, and what was asked for."""
    world, fresh = _world(), _fresh(body, size=len(body))
    world.serve(_OLD, body)
    _say(world, fresh)

    outcome = await world.engine.copy(world.job(_OLD))

    row = world.row(fresh, body, verified_by=f"catalog {sha256(body)}", instead_of=_OLD.description)
    assert outcome == Copied(row=row)
    assert label(world.blobs.blobs[path(fresh)].metadata, "instead_of") == _OLD.description
    assert (world.bodies(), world.catalog.asked_items) == ({fresh.name: body}, ["s2/T32"])
    assert world.sources.opened == [_OLD.href] * 2


async def test_a_length_may_be_late() -> None:
    """As a checksum may."""
    world, old, fresh = _world(), asset(size=11), asset(size=10)
    world.serve(old, SMALL)
    _say(world, fresh)

    outcome = await world.engine.copy(world.job(old))

    assert outcome == Copied(row=world.row(fresh, SMALL, instead_of=old.description))


async def test_a_row_is_as_new_as_the_description_that_it_stands_for() -> None:
    """The catalog's own time; where it has none the run's, since a page that was listed later may be newer."""
    world, updated = _world(), NOON - timedelta(hours=1)
    old = asset(checksum=_OLD.checksum, updated=NOON - timedelta(hours=2))
    world.serve(old, SMALL)
    _say(world, _fresh(SMALL, updated=updated))

    dated = await world.engine.copy(world.job(old))
    world.clock.turn(timedelta(minutes=1))
    undated_world = _world()
    undated_world.serve(_OLD, SMALL)
    _say(undated_world, _fresh(SMALL))
    undated = await undated_world.engine.copy(undated_world.job(_OLD))

    assert (dated.row.described_at, undated.row.described_at) == (updated, NOON)


async def test_a_file_that_has_moved() -> None:
    """The second try reads it where it is now."""
    world, fresh = _world(), _fresh(SMALL, href=_MOVED)
    world.serve(_OLD, b"II*\0 not this")
    world.serve(fresh, SMALL)
    _say(world, fresh)

    outcome = await world.engine.copy(world.job(_OLD))

    assert (outcome.row.href, outcome.row.description) == (_MOVED, fresh.description)
    assert world.sources.opened == [_OLD.href, _MOVED]


async def test_a_catalog_is_not_asked_about_bytes_that_agree() -> None:
    """One copy costs no request of the catalog's."""
    world, each = _world(), _fresh(SMALL)
    world.serve(each, SMALL)

    await world.engine.copy(world.job(each))

    assert world.catalog.asked_items == []


def _gone(catalog: MemoryCatalog) -> None:
    catalog.items["s2/T32"] = None


def _failing(error: Exception) -> Callable[[MemoryCatalog], None]:
    return lambda catalog: catalog.errors.append(error)


def _saying(item: CatalogItem) -> Callable[[MemoryCatalog], None]:
    return lambda catalog: catalog.items.update({"s2/T32": item})


_RIGHT = _fresh(SMALL)
_OTHER_KEY = dataclasses.replace(_item(_RIGHT).assets[0], key="B08")
_OTHER_NAME = dataclasses.replace(_item(_RIGHT).assets[0], destination="elsewhere/B04")
_USELESS: list[tuple[str, Callable[[MemoryCatalog], None], str | None]] = [
    ("insists", _saying(_item(_OLD)), None),
    ("insists on something else", _saying(_item(_fresh(LARGE))), None),
    ("item gone", _gone, "the catalog has no such asset to ask for"),
    ("key gone", _saying(_item(_RIGHT, assets=(_OTHER_KEY,))), "the catalog has no such asset to ask for"),
    ("another item", _saying(_item(asset(item="s2/T33"))), "the catalog has no such asset to ask for"),
    ("another name", _saying(_item(_RIGHT, assets=(_OTHER_NAME,))), "its blob would have another name"),
    ("no checksum any more", _saying(_item(asset())), "it states less"),
    (
        "another host",
        _saying(_item(_fresh(SMALL, href="https://evil.example.com/B04.tif"))),
        "UrlRefusedError: the host 'evil.example.com' isn't in allow.hosts",
    ),
    (
        "without TLS",
        _saying(_item(_fresh(SMALL, href="http://data.example.org/B04.tif"))),
        "UrlRefusedError: data.example.org: 'http' instead of https, and the host isn't in allow.http_hosts",
    ),
    ("can't be reached", _failing(SourceUnavailableError("503")), "SourceUnavailableError: 503"),
    ("speaks in tongues", _failing(MalformedCatalogError("no JSON")), "MalformedCatalogError: no JSON"),
    ("surprises", _failing(KeyError("a")), "KeyError: 'a'"),
]


@pytest.mark.parametrize(("catalog", "because"), [case[1:] for case in _USELESS], ids=[case[0] for case in _USELESS])
async def test_wrong_bytes_stay_wrong(
    caplog: pytest.LogCaptureFixture, catalog: Callable[[MemoryCatalog], None], because: str | None
) -> None:
    """Whatever else a catalog has to say, or whether it answers at all; why it wasn't heard stands in the log."""
    world = _world()
    world.serve(_OLD, SMALL)
    catalog(world.catalog)

    with caplog.at_level(logging.INFO), pytest.raises(ChecksumMismatchError):
        await world.engine.copy(world.job(_OLD))

    told = [each.__dict__["because"] for each in caplog.records if "because" in each.__dict__]
    assert told == ([] if because is None else [because])
    assert (world.bodies(), world.catalog.asked_items) == ({}, ["s2/T32"])
    assert world.sources.opened == [_OLD.href] * 2


async def test_a_size_that_is_not_stated_any_more() -> None:
    """Bytes of another length aren't right because the catalog doesn't say any more which."""
    world, old = _world(), asset(size=11)
    world.serve(old, SMALL)
    _say(world, asset())

    with pytest.raises(LengthMismatchError):
        await world.engine.copy(world.job(old))


async def test_a_catalog_that_has_gone_back() -> None:
    """A description older than the one that was asked for doesn't take its place, though the bytes are still its."""
    world, old = _world(), asset(checksum=_OLD.checksum, updated=NOON)
    world.serve(old, SMALL)
    _say(world, _fresh(SMALL, updated=NOON - timedelta(seconds=1)))

    with pytest.raises(ChecksumMismatchError):
        await world.engine.copy(world.job(old))


async def test_a_catalog_that_hangs(mocker: MockerFixture) -> None:
    """It isn't waited for until the host ends the invocation."""
    mocker.patch("shared.copying.describing._SECONDS", 0)
    world = _world()
    world.catalog.hangs = True
    world.serve(_OLD, SMALL)

    with pytest.raises(ChecksumMismatchError):
        await world.engine.copy(world.job(_OLD))


async def test_right_bytes_need_no_catalog() -> None:
    """A mirror that was late, and a catalog that can't be reached: the second bytes are what was asked for."""
    world, each = _world(), _fresh(SMALL)
    world.catalog.errors.append(SourceUnavailableError("503"))
    world.serve(each, b"II*\0 not this", SMALL)

    outcome = await world.engine.copy(world.job(each))

    assert outcome == Copied(row=world.row(each, SMALL, verified_by=f"catalog {sha256(SMALL)}"))


@pytest.mark.parametrize(
    ("before", "now", "follows"),
    [
        ("s3://scenes/a/B04.tif", "s3://scenes/b/B04.tif", True),
        ("s3://scenes/a/B04.tif", "s3://others/b/B04.tif", False),
        ("https://data.example.org/B04.tif", "s3://scenes/b/B04.tif", False),
        ("s3://scenes/a/B04.tif", "https://data.example.org/B04.tif", True),
        ("s3://scenes/a/B04.tif", "https://evil.example.com/B04.tif", False),
    ],
)
async def test_an_object_may_move_within_its_bucket(before: str, now: str, *, follows: bool) -> None:
    """Another bucket can be on a host that isn't allowed: a refusal would take the place of what is wrong."""
    each, fresh = asset(href=before), asset(href=now)
    within = dataset(
        destination={"container": "assets", "name": "{collection}/{id}/{key}"},
        source={"kind": "s3", "region": "eu-central-1"},
        allow={"hosts": ["stac.example.org", "data.example.org", "scenes.s3.eu-central-1.amazonaws.com"]},
    )
    job = World().job(each, dataset=within)
    catalog = MemoryCatalog({})
    catalog.items[each.item] = _item(fresh)

    described = await Describing(lambda _: catalog).again(job)

    assert described == (job.described_anew(fresh) if follows else job)


@_BODIES
@pytest.mark.parametrize("mode", ["error", "skip_verified", "if_source_changed", "replace", "version", "immutable"])
async def test_a_second_delivery_has_nothing_to_do(body: bytes, mode: str) -> None:
    """Its message still says what was asked for, and the row that this was answered."""
    world, asked = _world(on_existing=mode), request(_OLD)
    world.serve(_OLD, body)
    _say(world, _fresh(body))
    await world.deliver(asked)
    rows = world.ledger.rows

    calls = await world.deliver(asked)

    assert calls == ["ledger.of"]
    assert world.ledger.rows == rows


@_BODIES
@pytest.mark.parametrize("mode", ["error", "skip_verified", "if_source_changed", "replace", "version", "immutable"])
async def test_a_crash_before_the_row_heals_itself(body: bytes, mode: str) -> None:
    """The next delivery finds the blob that this request has become, and writes its row."""
    world, fresh, asked = _world(on_existing=mode), _fresh(body), request(_OLD)
    world.serve(_OLD, body)
    _say(world, fresh)
    world.wire.on("ledger.record", "before", _crash)
    with pytest.raises((CrashError, BaseExceptionGroup)):
        await world.deliver(asked)
    etag = world.blobs.blobs[path(fresh)].etag

    await world.deliver(asked)

    verified_by = f"catalog {sha256(body)}"
    assert world.ledger.rows == [
        world.row(fresh, body, etag=etag, verified_by=verified_by, instead_of=_OLD.description)
    ]
    assert world.blobs.blobs[path(fresh)].etag == etag


async def test_another_request_of_its_run_is_no_answer() -> None:
    """Where a blob that stands there is an error, it is one for whatever the run lists besides."""
    world = _world(on_existing="error")
    world.serve(_OLD, SMALL)
    _say(world, _fresh(SMALL))
    await world.deliver(request(_OLD))

    await world.deliver(request(asset(size=7)))

    assert [each.reason.error for each in world.sent("copy-poison") if each.reason] == ["BlobExistsError"]


async def test_the_next_run_finds_what_the_catalog_describes() -> None:
    """Once its pages say the same as its items, nothing is left to ask for."""
    world, fresh, later = _world(), _fresh(SMALL), NOON + timedelta(days=1)
    world.serve(_OLD, SMALL)
    _say(world, fresh)
    await world.deliver(request(_OLD))
    (row,) = world.ledger.rows

    assert row.stands_for(fresh, asked_at=later)
    assert not row.stands_for(_OLD, asked_at=later)


async def test_a_catalog_whose_pages_stay_late() -> None:
    """Its next run asks for the old description again: the blob is found to be right, and nothing is written."""
    world, fresh, later = _world(), _fresh(SMALL), NOON + timedelta(days=1)
    world.serve(_OLD, SMALL)
    _say(world, fresh)
    await world.deliver(request(_OLD))
    etag = world.blobs.blobs[path(fresh)].etag

    outcome = await world.engine.copy(
        world.job(_OLD, entry=world.ledger.entries["s2", _OLD.identity], cause="run-2", asked_at=later)
    )

    row = world.row(
        fresh,
        SMALL,
        etag=etag,
        verified_by=f"catalog {sha256(SMALL)}",
        instead_of=_OLD.description,
        cause="run-2",
        described_at=later,
    )
    assert outcome == Kept(row=row)


async def test_a_catalog_whose_pages_stay_late_and_say_so() -> None:
    """Where both are dated the row's is newer, and the next run doesn't ask at all."""
    world, old = _world(), asset(checksum=_OLD.checksum, updated=NOON - timedelta(days=2))
    world.serve(old, SMALL)
    _say(world, _fresh(SMALL, updated=NOON - timedelta(days=1)))
    await world.deliver(request(old))
    (row,) = world.ledger.rows

    assert row.stands_for(old, asked_at=NOON + timedelta(days=1))


async def test_what_goes_on_says_what_was_asked_for() -> None:
    """A second try that is put off begins anew with its run's description, whatever the catalog said meanwhile."""
    world = _world()
    world.serve(_OLD, version(SMALL), Version(error=SourceThrottledError("429")))
    _say(world, _fresh(SMALL))

    await world.deliver(request(_OLD))

    assert [each.assets for _, each, _ in world.sent_to_lanes()] == [(_OLD,)]


async def _crash() -> None:
    raise CrashError
