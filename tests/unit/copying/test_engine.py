"""What an asset has to be before it becomes a blob."""

import gzip
from collections.abc import Mapping

import pytest

from shared.copying.job import Copied
from shared.model.assets import Asset
from shared.model.errors import (
    AssetNotFoundError,
    AssetTooLargeError,
    ChecksumMismatchError,
    ContentMismatchError,
    LengthMismatchError,
    NoProgressError,
    SluiceError,
    SourceThrottledError,
    TruncatedBodyError,
    UnfinishedError,
    UnverifiableError,
    UrlRefusedError,
)
from shared.model.labels import labels
from shared.storage.blobs import Content
from tests.fakes.sources import Version
from tests.unit.copying.wire import Action
from tests.unit.copying.world import (
    BLOCK,
    BUDGET,
    CHUNK,
    DEADLINE,
    World,
    md5,
    path,
    sha256,
    sha256_and_md5,
    tiff,
    version,
)
from tests.unit.model.builders import NOON, asset

_BODY = tiff(10)
_PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"


@pytest.mark.parametrize("length", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 5])
@pytest.mark.parametrize("states_length", [True, False])
async def test_an_asset_becomes_a_blob(world: World, length: int, *, states_length: bool) -> None:
    """Of any length, known or not: its bytes, what a blob carries beside them, and the row that is true then."""
    each, body = asset(href="https://data.example.org/a.bin"), tiff(length)
    world.serve(each, version(body, states_length=states_length, media_type="image/tiff"))

    outcome = await world.engine.copy(world.job(each))

    is_put = length < BLOCK or (length == BLOCK and states_length)
    row = world.row(each, body, digests=sha256_and_md5(body) if is_put else (sha256(body),))
    content = Content(md5=md5(body) if is_put else None, media_type="image/tiff", metadata=labels(row))
    assert outcome == Copied(row=row)
    assert world.blobs.bodies == {path(each): body}
    assert world.blobs.contents[path(each)] == content


@pytest.mark.parametrize(
    ("length", "states_length", "expected"),
    [(BLOCK, True, "blobs.put"), (BLOCK, False, "blobs.commit"), (BLOCK + 1, True, "blobs.commit")],
)
async def test_an_asset_up_to_a_block_is_one_request(
    world: World, length: int, expected: str, *, states_length: bool
) -> None:
    """A small asset costs one Put Blob; what is larger, or may be, goes in blocks."""
    world.serve(asset(), version(tiff(length), states_length=states_length))

    await world.engine.copy(world.job(asset()))

    written = [each for each in world.wire.calls if each in {"blobs.put", "blobs.commit"}]
    assert written == [expected]


async def test_an_empty_asset_is_an_empty_blob(world: World) -> None:
    """Where the catalog says so: nothing is looked at, since nothing is there."""
    each = asset(size=0)
    world.serve(each, b"")

    outcome = await world.engine.copy(world.job(each))

    assert outcome == Copied(row=world.row(each, b""))
    assert world.bodies() == {each.name: b""}


async def test_a_body_that_is_empty_by_mistake_is_no_blob(world: World) -> None:
    """No bytes, because something failed over there, are no TIFF."""
    world.serve(asset(), b"")

    with pytest.raises(ContentMismatchError):
        await world.engine.copy(world.job(asset()))

    assert world.bodies() == {}


async def test_a_row_says_what_the_catalog_described(world: World) -> None:
    """Which description, how new it is, and what the bytes were verified by: catalog first, then the source."""
    each = asset(checksum=sha256(_BODY), size=len(_BODY), updated=NOON - DEADLINE)
    second = f"md5:{md5(_BODY).hex()}"
    world.serve(each, version(_BODY, validator=None, stated={"md5": second}))

    outcome = await world.engine.copy(world.job(each, cause="event-7"))

    assert outcome.row == world.row(
        each,
        _BODY,
        validator=None,
        verified_by=f"catalog {sha256(_BODY)}, source {second}",
        described_at=NOON - DEADLINE,
        cause="event-7",
    )


@pytest.mark.parametrize(
    ("stated", "served", "expected"),
    [
        (None, "image/tiff; application=geotiff", "image/tiff; application=geotiff"),
        ("image/tiff", "application/octet-stream", "image/tiff"),
        (None, None, "image/tiff"),
        (None, "text/html", "application/octet-stream"),
    ],
)
async def test_the_stored_media_type(world: World, stated: str | None, served: str | None, expected: str) -> None:
    """The catalog's, else the source's, else by the ending; never one that a browser would run."""
    world.serve(asset(), version(_BODY, media_type=served))

    await world.engine.copy(world.job(asset(media_type=stated)))

    assert world.blobs.contents[path(asset())].media_type == expected


async def test_encoded_bytes_are_stored_as_they_came(world: World) -> None:
    """A source that compresses though nobody asked: the bytes stay, named as what they are, and are looked into."""
    packed = gzip.compress(tiff(100), mtime=0)
    world.block_size = 4096
    world.serve(asset(), version(packed, encoding="gzip"))

    await world.engine.copy(world.job(asset()))

    assert world.bodies() == {asset().name: packed}
    assert world.blobs.contents[path(asset())].encoding == "gzip"


async def test_an_error_page_is_seen_through_its_compression(world: World) -> None:
    """Also for an asset of which nobody knows what it should be."""
    each = asset(href="https://data.example.org/a")
    world.serve(each, version(gzip.compress(_PAGE, mtime=0), encoding="gzip"))
    world.block_size = 4096

    with pytest.raises(ContentMismatchError, match="HTML"):
        await world.engine.copy(world.job(each))

    assert world.bodies() == {}


_REFUSED: list[tuple[str, Asset, Version, type[SluiceError]]] = [
    ("ends early", asset(), version(_BODY, cut_at=6), TruncatedBodyError),
    ("a large one ends early", asset(), version(tiff(50), cut_at=40), TruncatedBodyError),
    ("goes on", asset(), version(_BODY, torn_at=10, torn_into=tiff(14)), TruncatedBodyError),
    ("a large one goes on", asset(), version(tiff(50), torn_at=50, torn_into=tiff(60)), TruncatedBodyError),
    ("another length", asset(size=11), version(_BODY), LengthMismatchError),
    ("fewer bytes, length unstated", asset(size=11), version(_BODY, states_length=False), TruncatedBodyError),
    ("more bytes, length unstated", asset(size=9), version(_BODY, states_length=False), LengthMismatchError),
    ("a large one of another", asset(size=49), version(tiff(50), states_length=False), LengthMismatchError),
    ("another checksum", asset(checksum=sha256(b"")), version(_BODY), ChecksumMismatchError),
    ("a large one with another", asset(checksum=sha256(b"")), version(tiff(50)), ChecksumMismatchError),
    (
        "torn",
        asset(checksum=sha256(_BODY)),
        version(_BODY, torn_at=5, torn_into=tiff(10, seed=1)),
        ChecksumMismatchError,
    ),
    ("not what the source states", asset(), version(_BODY, stated={"sha256": sha256(b"")}), ChecksumMismatchError),
    ("an HTML page", asset(), version(_PAGE, media_type="text/html"), ContentMismatchError),
    ("an XML error", asset(), version(b"<?xml version='1.0'?><Error><Code>Slow</Code></Error>"), ContentMismatchError),
    (
        "an HTML page for an unknown format",
        asset(href="https://data.example.org/a"),
        version(_PAGE, media_type="text/html"),
        ContentMismatchError,
    ),
    ("not there", asset(), Version(error=AssetNotFoundError("404")), AssetNotFoundError),
    ("throttled", asset(), Version(error=SourceThrottledError("429")), SourceThrottledError),
    ("not allowed", asset(href="https://evil.example.com/a.tif"), version(_BODY), UrlRefusedError),
]


@pytest.mark.parametrize(
    ("each", "served", "error"), [case[1:] for case in _REFUSED], ids=[case[0] for case in _REFUSED]
)
async def test_a_bad_body_never_becomes_a_blob(
    world: World, each: Asset, served: Version, error: type[SluiceError]
) -> None:
    """Nothing is committed, each error has its own name, and no part of the budget stays behind."""
    world.serve(each, served)

    with pytest.raises(error):
        await world.engine.copy(world.job(each))

    assert world.bodies() == {}
    assert world.budget.free == BUDGET


@pytest.mark.parametrize(
    ("each", "wrong", "error"),
    [
        (asset(checksum=sha256(_BODY)), tiff(10, seed=1), ChecksumMismatchError),
        (asset(size=10), tiff(9), LengthMismatchError),
        (asset(), _PAGE, ContentMismatchError),
    ],
    ids=["checksum", "length", "page"],
)
async def test_wrong_bytes_are_fetched_once_more(
    world: World, each: Asset, wrong: bytes, error: type[SluiceError]
) -> None:
    """A mirror that is late isn't the asset's fault; twice the same is."""
    world.serve(each, wrong, _BODY)
    late = await world.engine.copy(world.job(each))
    again = asset(**{**each.model_dump(), "key": "other", "name": "s2/other", "href": "https://data.example.org/o.tif"})
    world.serve(again, wrong)

    with pytest.raises(error):
        await world.engine.copy(world.job(again))

    assert isinstance(late, Copied)
    assert world.sources.opened == [each.href] * 2 + [again.href] * 2
    assert world.bodies() == {each.name: _BODY}


async def test_a_length_that_cannot_agree_is_seen_before_the_body_is_read(world: World) -> None:
    """Gigabytes aren't read to find out what the headers said."""
    world.serve(asset(size=11), _BODY)

    with pytest.raises(LengthMismatchError, match="11 bytes, the source 10"):
        await world.engine.copy(world.job(asset(size=11)))

    assert world.wire.calls == ["source.read"] * 2


@pytest.mark.parametrize("length", [10, 50])
async def test_a_dataset_may_only_log_a_checksum_that_does_not_agree(length: int) -> None:
    """Then the asset is copied, and its row doesn't claim what isn't so."""
    world, each = World(policy={"integrity": "log"}), asset(checksum=sha256(b""))
    world.serve(each, tiff(length))

    outcome = await world.engine.copy(world.job(each))

    assert outcome.row.verified_by == f"nothing: catalog {sha256(b'')} doesn't agree"
    assert world.bodies() == {each.name: tiff(length)}


async def test_a_dataset_may_require_a_checksum() -> None:
    """An asset of which nobody states one is refused before anything of its body is read."""
    world = World(policy={"integrity": "require"})
    world.serve(asset(), _BODY)

    with pytest.raises(UnverifiableError):
        await world.engine.copy(world.job(asset()))

    assert world.wire.calls == ["source.read"]
    assert world.bodies() == {}


_REQUIRED = f"md5:{md5(_BODY).hex()}"


@pytest.mark.parametrize(
    ("each", "stated", "verified_by"),
    [
        (asset(checksum=sha256(_BODY)), {}, f"catalog {sha256(_BODY)}"),
        (asset(), {"md5": _REQUIRED}, f"source {_REQUIRED}"),
    ],
    ids=["catalog", "source"],
)
async def test_a_required_checksum_may_come_from_anybody(
    each: Asset, stated: Mapping[str, str], verified_by: str
) -> None:
    """The catalog's will do, and so will what the source itself states; the row says which it was."""
    world = World(policy={"integrity": "require"})
    world.serve(each, version(_BODY, stated=stated))

    outcome = await world.engine.copy(world.job(each))

    assert outcome == Copied(row=world.row(each, _BODY, verified_by=verified_by))


@pytest.mark.parametrize("states_length", [True, False])
async def test_a_body_ends_at_the_limit_of_its_dataset(*, states_length: bool) -> None:
    """A body without a length, or without an end, isn't read for ever."""
    world = World(select={"max_bytes": 20})
    world.serve(asset(), version(tiff(100 * BLOCK), states_length=states_length))

    with pytest.raises(AssetTooLargeError):
        await world.engine.copy(world.job(asset()))

    assert world.wire.calls == ["source.read"] * (1 if states_length else 1 + -(-21 // CHUNK))
    assert (world.bodies(), world.budget.free) == ({}, BUDGET)


async def test_a_small_asset_that_takes_too_long_is_unfinished(world: World) -> None:
    """It is sent again to be copied in another invocation; if nothing came of that either, it is the runtime's."""
    world.serve(asset(), _BODY)
    world.wire.on("source.read", "before", _turn(world), nth=2)

    with pytest.raises(UnfinishedError) as unfinished:
        await world.engine.copy(world.job(asset()))
    world.wire.on("source.read", "before", _turn(world), nth=2)
    with pytest.raises(NoProgressError):
        await world.engine.copy(world.job(asset(), staged_before=unfinished.value.staged_blocks))

    assert unfinished.value.staged_blocks == 0
    assert (world.bodies(), world.budget.free) == ({}, BUDGET)


@pytest.mark.parametrize("length", [10, 50])
async def test_a_deadline_that_comes_with_the_last_byte_is_none(world: World, length: int) -> None:
    """The body is whole: to commit it costs less than to begin again."""
    world.serve(asset(), tiff(length))
    world.wire.on("source.read", "before", _turn(world), nth=1 + -(-length // CHUNK))

    await world.engine.copy(world.job(asset()))

    assert world.bodies() == {asset().name: tiff(length)}


def _turn(world: World) -> Action:
    async def turn() -> None:
        world.clock.turn(DEADLINE)

    return turn
