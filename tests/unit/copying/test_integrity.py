"""What bytes are compared with, and that rows and metadata tell the truth about it."""

from collections.abc import Mapping

import pytest

from shared.copying.job import Copied, Kept
from shared.model.assets import Asset
from shared.model.errors import ChecksumMismatchError, SourceUnavailableError, UnverifiableError
from shared.model.labels import label
from shared.storage.ledger import Entry, Write
from tests.fakes import MemoryLedger
from tests.fakes.sources import Version
from tests.unit.copying.world import BLOCK, World, md5, path, sha256, tiff, version
from tests.unit.model.builders import asset

_SMALL = tiff(10)
_LARGE = tiff(3 * BLOCK + 5)
_BODIES = pytest.mark.parametrize("body", [_SMALL, _LARGE], ids=["small", "large"])
_NOTHING = "nothing: the catalog and the source state no checksum that is known here"
_WRONG = sha256(b"")


def _md5(body: bytes) -> str:
    return f"md5:{md5(body).hex()}"


def _world(**policy: object) -> World:
    """A dataset whose assets have checksum files, and which asks for no digest by itself."""
    return World(policy={"checksum_sidecar": "{href}.md5", "digests": [], **policy})


def _serve(world: World, each: Asset, served: Version, *sidecars: bytes) -> str:
    """Serve an asset and its checksum file; return the address of that."""
    world.serve(each, served)
    address = f"{each.href}.md5"
    if sidecars:
        world.sources.serve(address, *(Version(body=text) for text in sidecars))
    return address


def _text(body: bytes) -> bytes:
    """A checksum file for these bytes, as md5sum writes it."""
    return f"{md5(body).hex()}  B04.tif\n".encode()


async def _stand(world: World, each: Asset) -> Entry:
    """Have an earlier run copy what is served."""
    copied = await world.engine.copy(world.job(each, cause="run-0"))
    await MemoryLedger.record(world.ledger, [Write(row=copied.row)])
    world.sources.opened.clear()
    world.wire.calls.clear()
    return world.ledger.entries["s2", each.identity]


@_BODIES
async def test_a_checksum_file_verifies_the_bytes(body: bytes) -> None:
    """Row and blob say that it did."""
    world = _world()
    address = _serve(world, asset(), version(body), _text(body))

    outcome = await world.engine.copy(world.job(asset()))

    verified_by = f"sidecar {_md5(body)}"
    assert isinstance(outcome, Copied)
    assert (outcome.row.verified_by, world.sources.opened) == (verified_by, [address, asset().href])
    assert label(world.blobs.blobs[path(asset())].metadata, "verified_by") == verified_by


@_BODIES
async def test_a_checksum_file_that_does_not_agree_is_fetched_once_more(body: bytes) -> None:
    """With the bytes; if it still doesn't, nothing becomes visible."""
    world = _world()
    address = _serve(world, asset(), version(body), _text(b""))

    with pytest.raises(ChecksumMismatchError, match=f"the sidecar states {_md5(b'')}"):
        await world.engine.copy(world.job(asset()))

    assert world.sources.opened == [address, asset().href] * 2
    assert world.bodies() == {}


@_BODIES
async def test_a_checksum_file_may_be_late(body: bytes) -> None:
    """The file that comes with the second try is the one that counts."""
    world = _world()
    _serve(world, asset(), version(body), _text(b""), _text(body))

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome.row.verified_by == f"sidecar {_md5(body)}"


@_BODIES
@pytest.mark.parametrize(
    ("sidecars", "why"),
    [
        ([], "there is no checksum file"),
        ([b"Not found"], "the checksum file can't be used: it states none for this asset"),
    ],
    ids=["absent", "unusable"],
)
async def test_a_row_says_why_its_bytes_are_unverified(body: bytes, sidecars: list[bytes], why: str) -> None:
    """So that whoever reads it knows where to look."""
    world = _world()
    _serve(world, asset(), version(body), *sidecars)

    outcome = await world.engine.copy(world.job(asset()))

    assert outcome.row.verified_by == f"{_NOTHING}; {why}"


async def test_a_checksum_file_that_cannot_be_had_now_is_waited_for() -> None:
    """Nothing of the asset is read before it is known."""
    world = _world()
    address = _serve(world, asset(), version(_SMALL))
    world.sources.serve(address, Version(error=SourceUnavailableError("503")))

    with pytest.raises(SourceUnavailableError):
        await world.engine.copy(world.job(asset()))

    assert world.sources.opened == [address]


async def test_a_required_checksum_may_come_from_a_checksum_file() -> None:
    """Then the row says so; without one the asset is refused, with the reason."""
    world = _world(integrity="require")
    _serve(world, asset(), version(_SMALL), _text(_SMALL))
    outcome = await world.engine.copy(world.job(asset()))
    other = asset(key="B08")
    _serve(world, other, version(_SMALL))

    with pytest.raises(UnverifiableError, match="state none that is known; there is no checksum file"):
        await world.engine.copy(world.job(other))

    assert outcome == Copied(row=world.row(asset(), _SMALL, verified_by=f"sidecar {_md5(_SMALL)}"))


@_BODIES
async def test_a_blob_that_agrees_with_its_checksum_file_is_kept(body: bytes) -> None:
    """Then its source isn't asked."""
    world = _world()
    address = _serve(world, asset(), version(body), _text(body))
    entry = await _stand(world, asset())

    outcome = await world.engine.copy(world.job(asset(), entry=entry))

    assert outcome == Kept(row=entry.row.model_copy(update={"cause": "run-1"}))
    assert world.sources.opened == [address]


async def test_a_blob_that_agrees_with_the_catalog_needs_no_checksum_file() -> None:
    """Neither is asked: the file nor the source."""
    world, each = _world(), asset(checksum=sha256(_SMALL))
    _serve(world, each, version(_SMALL), _text(_SMALL))
    entry = await _stand(world, each)

    outcome = await world.engine.copy(world.job(each, entry=entry))

    assert outcome == Kept(row=entry.row.model_copy(update={"cause": "run-1"}))
    assert world.sources.opened == []


@_BODIES
async def test_a_blob_has_to_agree_with_all_that_is_stated(body: bytes) -> None:
    """With the catalog and not with its checksum file: it is copied again, and then that doesn't agree either."""
    world, each = _world(on_existing="if_source_changed"), asset(checksum=sha256(body))
    address = _serve(world, each, version(body), _text(body))
    entry = await _stand(world, each)
    world.sources.serve(address, Version(body=_text(b"")))

    with pytest.raises(ChecksumMismatchError, match="the sidecar states"):
        await world.engine.copy(world.job(each, entry=entry))


@_BODIES
@pytest.mark.parametrize(
    ("checksum", "sidecar", "stated", "says"),
    [
        (_WRONG, None, {}, f"nothing: catalog {_WRONG} doesn't agree"),
        (None, b"", {}, "nothing: sidecar {wrong} doesn't agree"),
        (None, None, {"sha256": _WRONG}, f"nothing: source {_WRONG} doesn't agree"),
        (_WRONG, b"", {}, f"nothing: catalog {_WRONG} doesn't agree, sidecar {{wrong}} doesn't agree"),
        (_WRONG, None, {"md5": ""}, f"source {{right}}, but catalog {_WRONG} doesn't agree"),
    ],
    ids=["catalog", "sidecar", "source", "two", "one of two"],
)
async def test_a_dataset_that_only_logs_says_what_did_not_agree(
    body: bytes, checksum: str | None, sidecar: bytes | None, stated: Mapping[str, str], says: str
) -> None:
    """And claims of no digest that the bytes have it if they haven't."""
    world, each = _world(integrity="log"), asset(checksum=checksum)
    stated = {name: each or _md5(body) for name, each in stated.items()}
    _serve(world, each, version(body, stated=stated), *([] if sidecar is None else [_text(sidecar)]))

    outcome = await world.engine.copy(world.job(each))

    assert outcome.row.verified_by == says.format(right=_md5(body), wrong=_md5(b""))
    assert world.bodies() == {each.name: body}


async def test_what_only_was_logged_is_no_verification_where_one_is_required() -> None:
    """A blob that didn't agree when it was written isn't kept for its validator."""
    lenient, each = World(policy={"integrity": "log"}), asset()
    lenient.serve(each, version(_SMALL, stated={"sha256": _WRONG}))
    entry = await _stand(lenient, each)
    strict = World(blobs=lenient.blobs, policy={"integrity": "require"})
    strict.serve(each, version(_SMALL, stated={"md5": _md5(_SMALL)}))

    outcome = await strict.engine.copy(strict.job(each, entry=entry))

    assert outcome == Copied(row=strict.row(each, _SMALL, verified_by=f"source {_md5(_SMALL)}"))
