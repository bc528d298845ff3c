import dataclasses
import datetime as dt
from typing import Any

import pytest

from demo.evidence import BlobFact, Evidence, PoisonFact, RowFact
from demo.expected import Expected, ExpectedAsset, Misfit
from demo.judge import Check, all_hold, judge, ledger_keys
from demo.published import HrefFact, PublishedFact

NEVER = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
IN_A_WEEK = dt.datetime(2026, 1, 8, tzinfo=dt.UTC)
LOST = Misfit(item="scenes/one", key="lost", error="AssetNotFoundError")
WRONG = Misfit(item="scenes/two", key="wrong", error="ChecksumMismatchError")
IMAGE = ExpectedAsset(item="scenes/one", key="image", blob="scenes/one/image.tif", size=5, sha256="aa" * 32)
MASK = ExpectedAsset(item="scenes/two", key="mask", blob="scenes/two/mask.tif", size=7, sha256="bb" * 32)
WHOLE = ExpectedAsset(item="scenes/three", key="image", blob="scenes/three/image.tif", size=9, sha256="dd" * 32)
EXPECTED = Expected(dataset="demo", container="assets", items=3, assets=(IMAGE, MASK, WHOLE), misfits=(LOST, WRONG))
IMAGE_KEYS = ledger_keys("demo", item=IMAGE.item, key=IMAGE.key)
MASK_KEYS = ledger_keys("demo", item=MASK.item, key=MASK.key)
WHOLE_KEYS = ledger_keys("demo", item=WHOLE.item, key=WHOLE.key)


def blob(asset: ExpectedAsset) -> BlobFact:
    return BlobFact(length=asset.size, sha256=asset.sha256, etag=f'"{asset.key}"')


def row(asset: ExpectedAsset) -> RowFact:
    return RowFact(
        item=asset.item,
        key=asset.key,
        container="assets",
        blob=asset.blob,
        etag=asset.key,
        length=asset.size,
        digests=(f"sha256:{asset.sha256}", "md5:00"),
        version="1",
    )


def poison(misfit: Misfit) -> PoisonFact:
    return PoisonFact(assets=((misfit.item, misfit.key),), error=misfit.error, expires=NEVER)


def published(asset: ExpectedAsset, **values: Any) -> PublishedFact:
    said = {"href": f"http://blobs/{asset.blob}", "file:size": asset.size, "file:checksum": f"1220{asset.sha256}"}
    facts = {str(said["href"]): HrefFact(status=200, length=asset.size, sha256=asset.sha256)}
    return PublishedFact(document={"assets": {asset.key: said | values}, "links": []}, hrefs=facts)


SOUND = Evidence(
    blobs={each.blob: blob(each) for each in (IMAGE, MASK, WHOLE)},
    published={"items/scenes/three.json": published(WHOLE)},
    rows={IMAGE_KEYS: row(IMAGE), MASK_KEYS: row(MASK), WHOLE_KEYS: row(WHOLE)},
    rows_at_kill={IMAGE_KEYS: row(IMAGE)},
    poison=(poison(LOST), poison(WRONG)),
    outstanding={"copy": 0, "discover": 0, "discover-poison": 0},
    commits={IMAGE.blob: 1, MASK.blob: 1, WHOLE.blob: 1},
    row_rewrites=0,
    repeated_deliveries=3,
)
GONE = HrefFact(status=404, length=0, sha256="")
SAME_LENGTH = dataclasses.replace(blob(MASK), sha256="cc" * 32)
DAMAGE: dict[str, tuple[dict[str, Any], str]] = {
    "a blob is missing": ({"blobs": {IMAGE.blob: blob(IMAGE)}}, "mask.tif is missing"),
    "a blob is one too many": ({"blobs": {**SOUND.blobs, "stray": blob(MASK)}}, "stray is one too many"),
    "a blob has other bytes": ({"blobs": {**SOUND.blobs, MASK.blob: SAME_LENGTH}}, "mask.tif has 7 bytes"),
    "a row is missing": ({"rows": {IMAGE_KEYS: row(IMAGE)}}, "scenes/two mask has none"),
    "a row is one too many": ({"rows": {**SOUND.rows, ("demo-00", "stray"): row(MASK)}}, "demo-00/stray"),
    "a message is missing": ({"poison": (poison(LOST),)}, "scenes/two wrong: ChecksumMismatchError is missing"),
    "a message is one too many": (
        {"poison": (*SOUND.poison, poison(Misfit(item="scenes/two", key="mask", error="X")))},
        "scenes/two mask: X is one too many",
    ),
    "a message has no reason": (
        {"poison": (poison(LOST), dataclasses.replace(poison(WRONG), error=None))},
        "no reason",
    ),
    "a message expires": (
        {"poison": (poison(LOST), dataclasses.replace(poison(WRONG), expires=IN_A_WEEK))},
        "expires 2026-01-08",
    ),
    "a message is left": ({"outstanding": {"copy": 1}}, "copy holds 1"),
    "an item isn't published": ({"published": {}}, "items/scenes/three.json is missing"),
    "half an item is published": (
        {"published": {**SOUND.published, "items/scenes/two.json": published(MASK)}},
        "items/scenes/two.json is one too many",
    ),
    "an asset isn't published": (
        {
            "published": {
                "items/scenes/three.json": PublishedFact(document={"assets": {}, "links": []}, hrefs={}),
            }
        },
        "has the assets , not image",
    ),
    "nothing says why an item is withheld": (
        {"poison": (poison(LOST),)},
        "nothing says why scenes/two is withheld",
    ),
    "an href can't be read": (
        {
            "published": {
                "items/scenes/three.json": dataclasses.replace(
                    published(WHOLE), hrefs={"http://blobs/scenes/three/image.tif": GONE}
                )
            }
        },
        "http://blobs/scenes/three/image.tif answers 404",
    ),
    "a published checksum is another": (
        {"published": {"items/scenes/three.json": published(WHOLE, **{"file:checksum": "1220" + "ee" * 32})}},
        "items/scenes/three.json image is said and found to be",
    ),
    "nothing was delivered again": ({"repeated_deliveries": 0}, "no message was delivered again"),
    "a blob was committed twice": ({"commits": {**SOUND.commits, IMAGE.blob: 2}}, "image.tif was committed 2"),
    "a row was replaced": ({"row_rewrites": 1}, "1 rows were replaced"),
}
LIES: dict[str, dict[str, Any]] = {
    "item": {"item": "scenes/three"},
    "container": {"container": "others"},
    "blob": {"blob": "scenes/two/other.tif"},
    "etag": {"etag": "another"},
    "length": {"length": 8},
    "digest": {"digests": ("md5:00",)},
}


def objections(checks: tuple[Check, ...]) -> str:
    return " ".join(objection for check in checks for objection in check.objections)


def test_sound() -> None:
    """Evidence that is what was expected passes every check."""
    checks = judge(EXPECTED, SOUND)

    assert objections(checks) == ""
    assert all_hold(checks)


@pytest.mark.parametrize("name", DAMAGE)
def test_damage(name: str) -> None:
    """Each kind of damage is objected to."""
    changes, objection = DAMAGE[name]

    checks = judge(EXPECTED, dataclasses.replace(SOUND, **changes))

    assert objection in objections(checks)
    assert not all_hold(checks)


@pytest.mark.parametrize("name", LIES)
def test_row_lies(name: str) -> None:
    """A row that says anything else of its blob than is true is objected to."""
    rows = {**SOUND.rows, MASK_KEYS: dataclasses.replace(row(MASK), **LIES[name])}

    checks = judge(EXPECTED, dataclasses.replace(SOUND, rows=rows))

    assert [check.claim for check in checks if not check.holds] == [
        "every row names its blob, with the blob's ETag, length and SHA-256"
    ]


def test_misfit_told_twice() -> None:
    """A misfit that is told of twice is no damage: duplicates are legal."""
    checks = judge(EXPECTED, dataclasses.replace(SOUND, poison=(*SOUND.poison, poison(LOST))))

    assert objections(checks) == ""


def test_row_written_again() -> None:
    """A row that stood at the kill and has another version now is an effect of a repeated delivery."""
    rows = {**SOUND.rows, IMAGE_KEYS: dataclasses.replace(row(IMAGE), version="2")}

    checks = judge(EXPECTED, dataclasses.replace(SOUND, rows=rows))

    assert objections(checks) == "the row of scenes/one image was written again or removed"


def test_keys() -> None:
    """The ledger's keys are the ones that are fixed for ever."""
    keys = ledger_keys("demo", item="c/i", key="k")

    # printf 'c/i' | sha256sum and printf k | sha256sum; the first byte is 0x5f, its top five bits are 11.
    of_item = "5f1f8fba6a2ccb5f0c57f36d921cd1bb129f4cf58e94e34606ab0f7460a8514b"
    of_key = "8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a"
    assert keys == ("demo-11", f"{of_item}-{of_key}")


def test_line() -> None:
    """A line has a tick, or a cross and the first three objections."""
    lines = [Check(claim="it is so", objections=each).line for each in ((), ("a", "b", "c", "d", "e"))]

    assert lines == ["✓ it is so", "✗ it is so: a; b; c (and 2 more)"]
